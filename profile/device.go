package profile

// device finds the MFA serial: what the user gave, the profile, its source
// profiles, the environment, and last a profile on the same access key. It is
// not checked here: a profile with a device that cannot be used is still one
// to list.
func (r *resolver) device() error {
	var err error
	out := r.out
	if out.MFAProcess, err = r.nearest("mfa_process"); err != nil {
		return err
	}
	if out.MFASerial, err = r.serial(); err != nil {
		return err
	}
	out.Partition = partition(out.MFASerial.Text)
	for _, role := range out.Roles {
		other := partition(role.ARN.Text)
		switch {
		case out.Partition == "":
			out.Partition = other
		case other != out.Partition:
			r.warn(role.ARN.Origin, "role_arn is in partition "+other+", the MFA device in "+out.Partition)
		}
	}
	if out.Partition == "" {
		role, _ := r.nearest("role_arn")
		out.Partition = partition(role.Text)
	}
	return nil
}

// SetMFASerial gives a resolved profile the device that was found elsewhere,
// and with it the partition to call.
func (r *Resolved) SetMFASerial(serial Value) {
	r.MFASerial = serial
	if p := partition(serial.Text); p != "" {
		r.Partition = p
	}
}

func (r *resolver) serial() (Value, error) {
	if r.req.MFASerial.IsSet() {
		return r.req.MFASerial, nil
	}
	if v, err := r.nearest("mfa_serial"); err != nil || v.IsSet() {
		return v, err
	}
	// Only a long-term key can show a code to STS.
	if r.out.Source.Kind != SourceKeys {
		return Value{}, nil
	}
	for _, name := range []string{"AWSMFA_MFA_SERIAL", "AWS_MFA_SERIAL"} {
		if v := r.env(name); v.IsSet() {
			return v, nil
		}
	}
	return r.serialOfSameKey(), nil
}

// serialOfSameKey looks for a profile whose chain ends in the same access key
// and which names a device: a user's devices belong to the user.
func (r *resolver) serialOfSameKey() Value {
	all := r.files.Profiles()
	var byName map[string]*Profile
	for _, p := range all {
		v := p.Get("mfa_serial")
		// A slip in another profile is that profile's business.
		if !v.IsSet() || controls(v.Text) || CheckSerial(p.Name, v) != nil {
			continue
		}
		if byName == nil {
			byName = make(map[string]*Profile, len(all))
			for _, p := range all {
				byName[p.Name] = p
			}
		}
		if endKey(p, byName) == r.out.Source.Keys.AccessKeyID() {
			return v
		}
	}
	return Value{}
}

// endKey follows a chain as walk does, without its errors.
func endKey(p *Profile, byName map[string]*Profile) string {
	for depth := 0; p != nil && depth <= MaxDepth; depth++ {
		source := p.Get("source_profile").Text
		role := p.Get("role_arn").IsSet()
		own := p.hasKeys()
		follows := source != "" && source != p.Name && (role && (depth == 0 || !own) || !role && !own)
		if !follows {
			id, _, _ := p.accessKey()
			return id.Text
		}
		p = byName[source]
	}
	return ""
}

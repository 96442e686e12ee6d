package profile

import (
	"strings"
	"time"

	"awsmfa/credentials"
)

// walk follows source_profile to the profile that holds the source.
func (r *resolver) walk() error {
	p, err := r.files.Profile(r.req.Profile)
	if err != nil {
		return err
	}
	r.out.Origin = p.Origin
	for {
		r.chain = append(r.chain, p)
		r.out.Chain = append(r.out.Chain, p.Name)
		next, err := r.step(p)
		if err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		p = next
	}
}

// step decides what p is: a role on another profile, which is returned, or the
// holder of the source.
func (r *resolver) step(p *Profile) (*Profile, error) {
	role, err := use(p, "role_arn")
	if err != nil {
		return nil, err
	}
	source, err := use(p, "source_profile")
	if err != nil {
		return nil, err
	}
	named := p.Get("credential_source")
	if source.IsSet() && named.IsSet() && role.IsSet() {
		return nil, fail(SourceConflict, p, "credential_source", named, "source_profile and credential_source exclude each other")
	}
	requested := len(r.chain) == 1
	switch {
	case role.IsSet() && !requested && p.hasKeys():
		// The AWS CLI takes the keys of a source profile, whatever else it has.
		r.warn(role.Origin, "role_arn of "+quote(p.Name)+" is not used: as a source profile, its access key comes first")
		return nil, r.hold(p)
	case role.IsSet() && source.IsSet():
		r.hops = append(r.hops, p)
		return r.follow(p, source)
	case role.IsSet():
		return nil, r.holdRole(p, role)
	case source.IsSet() && !p.hasSource():
		r.warn(source.Origin, "profile "+quote(p.Name)+" has no role_arn: the AWS CLI ignores its source_profile, awsmfa takes the credentials of "+quote(source.Text))
		return r.follow(p, source)
	}
	return nil, r.hold(p)
}

// follow finds the source profile. A profile may name itself: its role is then
// assumed with its own key.
func (r *resolver) follow(p *Profile, source Value) (*Profile, error) {
	if source.Text == p.Name {
		if p.hasKeys() || p.Get("credential_process").IsSet() {
			return nil, r.hold(p)
		}
		return nil, fail(Loop, p, "source_profile", source, "source_profile loop: "+quote(p.Name)+" names itself, and holds no access key")
	}
	for i, name := range r.out.Chain {
		if name == source.Text {
			return nil, fail(Loop, p, "source_profile", source, "source_profile loop: "+loopText(r.out.Chain[i:], name))
		}
	}
	if len(r.chain) > MaxDepth {
		return nil, fail(TooDeep, p, "source_profile", source, "the chain of source profiles is too long: "+loopText(r.out.Chain, source.Text))
	}
	next, err := r.files.Profile(source.Text)
	if err != nil {
		e := err.(*Error)
		return nil, &Error{
			Kind: SourceMissing, Profile: p.Name, Key: "source_profile", Origin: source.Origin,
			Detail:      "profile " + quote(p.Name) + ": source_profile " + quote(source.Text) + " does not exist",
			Suggestions: e.Suggestions, Err: e.near(),
		}
	}
	return next, nil
}

// near is what else is known about a name that was not found: a section that
// is almost right.
func (e *Error) near() error {
	if e.Origin.IsZero() {
		return nil
	}
	return e
}

func loopText(names []string, last string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(quoteBare(n) + " -> ")
	}
	return b.String() + quoteBare(last)
}

// holdRole is a role without source_profile.
func (r *resolver) holdRole(p *Profile, role Value) error {
	switch {
	case p.Get("web_identity_token_file").IsSet():
		return r.fetched(p, SourceWebIdentity, "web_identity_token_file", "role_arn", "role_session_name")
	case p.Get("credential_source").IsSet():
		return r.credentialSource(p)
	}
	detail := "role_arn needs a source_profile or credential_source"
	if p.hasKeys() {
		detail += `; to use the access key beside it, write source_profile = ` + quoteBare(p.Name)
	}
	return fail(RoleWithoutSource, p, "role_arn", role, detail)
}

func (r *resolver) credentialSource(p *Profile) error {
	v := p.Get("credential_source")
	switch strings.ToLower(v.Text) {
	case "environment", "ec2instancemetadata", "ecscontainer":
		err := r.fetched(p, SourceCredentialSource, "credential_source", "role_arn", "role_session_name",
			"external_id", "mfa_serial", "duration_seconds")
		r.out.Source.Context = r.context("AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
		return err
	}
	return fail(BadValue, p, "credential_source", v, "credential_source "+quote(v.Text)+
		" is not Environment, Ec2InstanceMetadata or EcsContainer")
}

// context lists variables that decide whose credentials a source gives: with
// another identity in them it is another source.
func (r *resolver) context(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		if v := r.req.Getenv(name); v != "" {
			b.WriteString(name + "=" + v + "\n")
		}
	}
	return b.String()
}

// hold reads the source that p holds itself.
func (r *resolver) hold(p *Profile) error {
	kinds := p.sources()
	if len(kinds) == 0 {
		return r.noKeys(p)
	}
	for _, other := range kinds[1:] {
		r.warn(p.Get(other.key).Origin, "profile "+quote(p.Name)+" has "+other.key+" beside "+kinds[0].key+", which is taken")
	}
	switch k := kinds[0]; k.kind {
	case SourceKeys:
		return r.keys(p)
	case SourceSSO:
		return r.sso(p)
	case SourceWebIdentity:
		return fail(BadRole, p, k.key, p.Get(k.key), k.key+" needs a role_arn")
	case SourceProcess:
		v, err := use(p, k.key)
		r.out.Source = Source{Kind: k.kind, Profile: p.Name, Text: v, Origin: v.Origin}
		// A program may follow them, and would give another's credentials then.
		r.out.Source.Context = "config " + r.files.config.path + "\n" +
			r.context("AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
		return err
	default:
		return r.fetched(p, k.kind, k.key)
	}
}

func (r *resolver) noKeys(p *Profile) error {
	e := &Error{
		Kind: NoKeys, Profile: p.Name, Origin: p.Origin,
		Detail: "profile " + quote(p.Name) + " has no access key and nothing else that gives credentials",
	}
	if v := p.Get("aws_session_token"); v.IsSet() {
		e.Kind, e.Key, e.Origin = PartialKeys, "aws_access_key_id", v.Origin
		e.Detail = "profile " + quote(p.Name) + " has aws_session_token without aws_access_key_id"
	}
	return e
}

// held is a kind of source and the key that shows it.
type held struct {
	kind SourceKind
	key  string
}

// sources lists what p could give credentials with, in the order of
// preference.
func (p *Profile) sources() []held {
	var found []held
	for _, h := range [...]held{
		{SourceKeys, "aws_access_key_id"}, {SourceKeys, "aws_secret_access_key"},
		{SourceProcess, "credential_process"},
		{SourceSSO, "sso_account_id"}, {SourceSSO, "sso_role_name"},
		{SourceLogin, "login_session"},
		{SourceWebIdentity, "web_identity_token_file"},
	} {
		again := len(found) > 0 && found[len(found)-1].kind == h.kind
		if !again && p.Get(h.key).IsSet() {
			found = append(found, h)
		}
	}
	return found
}

func (p *Profile) hasSource() bool { return len(p.sources()) > 0 }

func (p *Profile) hasKeys() bool {
	return p.Get("aws_access_key_id").IsSet() || p.Get("aws_secret_access_key").IsSet()
}

// accessKey picks the three parts. A file that has both id and secret gives
// all three, the credentials file first, so that a token never joins the key
// of another file; else each part comes from where it is.
func (p *Profile) accessKey() (id, secret, token Value) {
	p.parse()
	for _, from := range []struct {
		entries []entry
		path    string
	}{{p.inShared, p.files.credentials.shown}, {p.inConfig, p.files.config.shown}} {
		id = last(from.entries, "aws_access_key_id", from.path)
		secret = last(from.entries, "aws_secret_access_key", from.path)
		if id.IsSet() && secret.IsSet() {
			return id, secret, sessionToken(func(key string) Value { return last(from.entries, key, from.path) })
		}
	}
	return p.Get("aws_access_key_id"), p.Get("aws_secret_access_key"), sessionToken(p.Get)
}

// sessionToken knows the token's old name, which botocore still reads.
func sessionToken(get func(string) Value) Value {
	if v := get("aws_session_token"); v.IsSet() {
		return v
	}
	return get("aws_security_token")
}

func (r *resolver) keys(p *Profile) error {
	id, secret, token := p.accessKey()
	switch {
	case !secret.IsSet():
		return fail(PartialKeys, p, "aws_secret_access_key", id, "aws_access_key_id without aws_secret_access_key")
	case !id.IsSet():
		return fail(PartialKeys, p, "aws_access_key_id", secret, "aws_secret_access_key without aws_access_key_id")
	}
	if id.Origin.Path != secret.Origin.Path {
		r.warn(secret.Origin, "the access key of "+quote(p.Name)+" is spread over two files; the AWS CLI wants both halves in one")
	}
	if other := sessionToken(p.Get); other.IsSet() && !token.IsSet() {
		r.warn(other.Origin, "the session token of "+quote(p.Name)+" is not used: the access key is in another file")
	}
	keys, err := credentials.New(id.Text, secret.Text, token.Text, time.Time{})
	if err != nil {
		return badKeys(p, id, secret, token, err)
	}
	kind := SourceKeys
	if keys.Temporary() {
		kind = SourceSession
	}
	r.out.Source = Source{Kind: kind, Profile: p.Name, Keys: keys, Origin: id.Origin}
	return nil
}

// badKeys points at the part that was refused.
func badKeys(p *Profile, id, secret, token Value, err error) error {
	key, v := "aws_access_key_id", id
	switch err {
	case credentials.ErrSecretAccessKey:
		key, v = "aws_secret_access_key", secret
	case credentials.ErrSessionToken:
		key, v = "aws_session_token", token
	}
	return &Error{
		Kind: BadKeys, Profile: p.Name, Key: key, Origin: v.Origin, Err: err,
		Detail: "profile " + quote(p.Name) + " has a bad " + key,
	}
}

func (r *resolver) sso(p *Profile) error {
	name, err := use(p, "sso_session")
	if err != nil {
		return err
	}
	keys := []string{"sso_account_id", "sso_role_name", "sso_session", "sso_start_url", "sso_region"}
	if err := r.fetched(p, SourceSSO, keys...); err != nil || !name.IsSet() {
		return err
	}
	s := r.files.section(sectionSSO, name.Text)
	if s == nil {
		return fail(SourceMissing, p, "sso_session", name, "section [sso-session "+quoteBare(name.Text)+"] does not exist")
	}
	for _, key := range []string{"sso_start_url", "sso_region"} {
		v, err := use(s, key)
		if err != nil {
			return err
		}
		r.out.Source.Text.Text += "\nsession." + key + "=" + v.Text
	}
	return nil
}

// fetched is a source that only the AWS CLI can read. Its text lists what
// makes it differ from another, one key per line.
func (r *resolver) fetched(p *Profile, kind SourceKind, keys ...string) error {
	s := Source{Kind: kind, Profile: p.Name}
	var b strings.Builder
	for _, key := range keys {
		v, err := use(p, key)
		if err != nil {
			return err
		}
		if !v.IsSet() {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		} else {
			s.Origin = v.Origin
		}
		b.WriteString(key + "=" + v.Text)
	}
	s.Text = Value{b.String(), s.Origin}
	r.out.Source = s
	return nil
}

// section returns a section of the config file that is not a profile, as one.
func (f *Files) section(kind sectionKind, name string) *Profile {
	p := &Profile{Name: name, files: f, config: f.config.named(kind, name)}
	return p.placed()
}

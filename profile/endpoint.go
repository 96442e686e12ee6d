package profile

import "strings"

// endpoints finds explicitly configured addresses of STS and IAM.
func (r *resolver) endpoints() error {
	ignore, _, err := r.boolean("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")
	if err != nil || ignore {
		return err
	}
	if r.out.STSEndpoint, err = r.endpoint("sts"); err != nil {
		return err
	}
	r.out.IAMEndpoint, err = r.endpoint("iam")
	return err
}

func (r *resolver) endpoint(service string) (Value, error) {
	v, err := r.configuredEndpoint(service)
	if err != nil || !v.IsSet() {
		return v, err
	}
	if err := CheckEndpoint(v); err != nil {
		err.(*Error).Profile = r.req.Profile
		return Value{}, err
	}
	return v, nil
}

func (r *resolver) configuredEndpoint(service string) (Value, error) {
	for _, name := range []string{"AWS_ENDPOINT_URL_" + strings.ToUpper(service), "AWS_ENDPOINT_URL"} {
		if v := r.env(name); v.IsSet() {
			return v, nil
		}
	}
	for _, p := range r.chain {
		if v, err := r.serviceEndpoint(p, service); err != nil || v.IsSet() {
			return v, err
		}
		if v, err := use(p, "endpoint_url"); err != nil || v.IsSet() {
			return v, err
		}
	}
	return Value{}, nil
}

// serviceEndpoint reads "sts =" and its indented "endpoint_url" in the
// services section that p names. A section that is not there is an error:
// requests meant for elsewhere would silently go to AWS.
func (r *resolver) serviceEndpoint(p *Profile, service string) (Value, error) {
	name, err := use(p, "services")
	if err != nil || !name.IsSet() {
		return Value{}, err
	}
	s := r.files.section(sectionServices, name.Text)
	if s == nil {
		return Value{}, fail(BadEndpoint, p, "services", name, "section [services "+quoteBare(name.Text)+"] does not exist")
	}
	var found Value
	for _, kv := range s.Nested(service) {
		if kv.Key == "endpoint_url" {
			found = kv.Value
		}
	}
	return found, nil
}

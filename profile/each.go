package profile

// Each visits every profile once, in the order of Profiles, without keeping
// what it reads: thousands of them are then looked at in the time in which
// Profiles reads dozens. get reads one of the given keys as Profile.Get does, in
// lower case, and may be called until visit returns.
func (f *Files) Each(keys []string, visit func(name string, get func(key string) string)) {
	one := &visitor{files: f, keys: keys, raw: make([]string, len(keys))}
	get := one.get
	for _, m := range f.members() {
		one.member, one.read = m, false
		visit(m.name, get)
	}
}

// Most is a number that there are no more profiles than.
func (f *Files) Most() int { return len(f.config.sections) + len(f.credentials.sections) }

// member is a profile and where its section is. One that has several of them
// is read in the long way.
type member struct {
	name    string
	file    *file
	section *section
	several bool
}

// members gathers the profiles through a table of their names, of the size of a
// few pages: a map would cost more than all the rest.
func (f *Files) members() []member {
	n := f.Most()
	list := make([]member, 0, n)
	size := 16
	for size < 2*n {
		size *= 2
	}
	table := make([]int32, size) // index into list, from 1
	prefixed := len(f.config.named(sectionProfile, "default")) > 0
	for _, from := range []*file{&f.config, &f.credentials} {
		for i := range from.sections {
			s := &from.sections[i]
			if s.kind != sectionProfile && (s.kind != sectionDefault || prefixed) {
				continue
			}
			at := hash(s.name) & uint32(size-1)
			for table[at] != 0 && list[table[at]-1].name != s.name {
				at = (at + 1) & uint32(size-1)
			}
			if table[at] != 0 {
				list[table[at]-1].several = true
				continue
			}
			list = append(list, member{name: s.name, file: from, section: s})
			table[at] = int32(len(list))
		}
	}
	return list
}

// hash is FNV-1a.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// visitor reads one profile after the other into the same memory.
type visitor struct {
	files *Files
	keys  []string
	raw   []string // the values of the keys as they stand
	long  *Profile // where that will not do
	read  bool
	member
}

func (v *visitor) get(key string) string {
	if !v.read {
		v.read, v.long = true, nil
		if v.several || !v.scan(v.file.text[v.section.start:v.section.end]) {
			v.long = v.files.find(v.name)
		}
	}
	if v.long != nil {
		return v.long.Get(key).Text
	}
	for i, k := range v.keys {
		if k == key {
			value, _, _ := cleanValue(v.raw[i])
			return value
		}
	}
	return ""
}

// scan takes the values out of a section that has nothing but keys in lower
// case, comments and empty lines. Of anything else it knows nothing: an indent,
// above all, can make a line a part of the one before.
func (v *visitor) scan(text string) bool {
	clear(v.raw)
	for pos := 0; pos < len(text); {
		var raw string
		raw, pos = cutLine(text, pos)
		n := 0
		for n < len(raw) && (raw[n] == '_' || 'a' <= raw[n] && raw[n] <= 'z') {
			n++
		}
		switch {
		case n == 0 && (raw == "" || raw == "\r" || isCommentStart(raw[0])):
			continue
		case n == 0:
			return false
		}
		value := trimLeft(raw[n:])
		if value == "" || value[0] != '=' {
			return false
		}
		for i, k := range v.keys {
			if len(k) == n && k == raw[:n] {
				v.raw[i] = value[1:]
			}
		}
	}
	return true
}

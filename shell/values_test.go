package shell

func allDialects() []Dialect {
	var all []Dialect
	for _, name := range Names() {
		d, err := Lookup(name)
		if err == nil && d.Name() == name { // each once, without its aliases
			all = append(all, d)
		}
	}
	return append(all, JSON(), Dotenv())
}

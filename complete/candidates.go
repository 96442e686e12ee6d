package complete

import (
	"slices"
	"strings"

	"awsmfa/completions"
	"awsmfa/shell"
)

// candidates are what may stand in place of a word that was begun.
func (r *line) candidates(word string) answer {
	isFlag := word != "" && word[0] == '-' && !r.ended
	name, _, assigned := strings.Cut(word, "=")
	switch {
	case r.command > 0:
		return answer{command: r.command}
	case r.lost:
		return answer{}
	case r.wants != nil:
		return r.values(r.wants, "")
	case isFlag && assigned:
		if f := r.find(strings.TrimLeft(name, "-")); f != nil {
			return r.values(f, name+"=")
		}
		return answer{}
	case isFlag:
		return answer{list: append(r.flags(word), r.dashed(r.profiles())...)}
	case r.verb == nil:
		return answer{list: r.verbs()}
	}
	return r.arguments(word)
}

// verbs are the first words, or the second ones of a group. An alias stands
// beside them where it is one word in place of two.
func (r *line) verbs() []candidate {
	var list []candidate
	told := ""
	for _, v := range table {
		first, second, grouped := strings.Cut(v.name, " ")
		switch {
		case r.group != "" && first == r.group:
			list = append(list, candidate{second, v.about})
		case r.group != "":
		case !grouped:
			list = append(list, candidate{v.name, v.about})
		default:
			if first != told {
				list = append(list, candidate{first, aboutGroup(first)})
				told = first
			}
			for _, also := range v.also {
				list = append(list, candidate{also, v.about})
			}
		}
	}
	return list
}

func aboutGroup(name string) string {
	for _, g := range groups {
		if g.value == name {
			return g.about
		}
	}
	return ""
}

// flags are those that were not given yet; short ones behind a single dash.
func (r *line) flags(word string) []candidate {
	var list []candidate
	if r.verb != nil {
		for i := range r.verb.flags {
			f := &r.verb.flags[i]
			if r.has(f.name) {
				continue
			}
			list = append(list, candidate{"--" + f.name, f.about})
			for _, also := range f.also {
				if len(also) == 1 && !strings.HasPrefix(word, "--") {
					list = append(list, candidate{"-" + also, f.about})
				}
			}
		}
		list = append(list, candidate{"--help", "tell about this command"})
		if r.takesCommand() {
			list = append(list, candidate{"--", "the command follows"})
		}
		return list
	}
	return []candidate{{"--help", "list the commands"}, {"--version", "tell which awsmfa this is"}}
}

// arguments are what the verb's usage line shows in its place.
func (r *line) arguments(word string) answer {
	v := r.verb
	switch {
	case r.takesCommand() && (r.ended || word != ""):
		return answer{command: r.at}
	case r.takesCommand():
		return answer{list: []candidate{{"--", "the command follows"}}}
	case v.name == "help":
		return answer{list: r.topics()}
	case len(r.args) > 0:
		return answer{}
	case strings.Contains(v.args, "PROFILE"):
		return answer{list: r.named()}
	case v.name == "init":
		return answer{list: plain(append(shell.HookNames(), "direnv"))}
	case v.name == "completion":
		return answer{list: plain(completions.Names())}
	}
	return answer{}
}

// named are the profiles, and the devices of a verb that takes them too.
func (r *line) named() []candidate {
	list := r.profiles()
	if !r.ended {
		dashed := r.dashed(list)
		list = append(slices.DeleteFunc(list, startsWithDash), dashed...)
	}
	if strings.Contains(r.verb.args, "SERIAL") && !r.has("mfa-serial") {
		for _, c := range r.names.devices() {
			if strings.HasPrefix(c.value, "arn:") {
				list = append(list, c)
			}
		}
	}
	return list
}

func startsWithDash(c candidate) bool { return c.value != "" && c.value[0] == '-' }

// profiles are none where one was named.
func (r *line) profiles() []candidate {
	if r.verb == nil || !strings.Contains(r.verb.args, "PROFILE") || len(r.args) > 0 || r.has("profile") {
		return nil
	}
	return r.names.profiles()
}

// dashed are profiles whose name begins with a dash, in the one word that is
// read as such.
func (r *line) dashed(all []candidate) []candidate {
	var list []candidate
	if r.verb == nil || r.verb.find("profile") == nil || r.ended {
		return nil
	}
	for _, c := range all {
		if startsWithDash(c) {
			list = append(list, candidate{"--profile=" + c.value, c.about})
		}
	}
	return list
}

// topics are the words of the verbs, for help.
func (r *line) topics() []candidate {
	about := &line{}
	for _, word := range r.args {
		about.setVerb(word)
	}
	if about.verb != nil || about.lost {
		return nil
	}
	return about.verbs()
}

func plain(words []string) []candidate {
	list := make([]candidate, len(words))
	for i, w := range words {
		list[i].value = w
	}
	return list
}

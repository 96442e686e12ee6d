# shellcheck shell=bash
# Completion of awsmfa's command lines in bash, 3.2 and later, with the
# bash-completion package and without. It lies where that package looks for it,
# or is read by a line in ~/.bashrc:
#
#	eval "$(awsmfa completion bash)"
#
# _awsmfa completes awsmfa, _awsmfa_complete_use a command that takes a profile
# and the flags of "awsmfa env", and _awsmfa_complete_off one like awsmfa-off:
#
#	complete -F _awsmfa_complete_use awsmfa-use
#
# The words go to awsmfa as arguments, as they were typed; nothing of them is
# evaluated. It answers in words that are quoted already.

# _awsmfa_complete_words joins what bash took apart at the characters of
# COMP_WORDBREAKS, such as the colons of an ARN: words that stand next to each
# other are one. It sets words and cword, and in starts where each of the words
# begins in COMP_WORDS. A redirection and its target are left out.
_awsmfa_complete_words() {
	local rest=$COMP_LINE i word gap skip='' open=''
	words=() starts=() cword=0 redirected=''
	for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
		word=${COMP_WORDS[i]}
		gap=${rest%%[![:space:]]*}
		rest=${rest#"$gap"}
		rest=${rest#"$word"}
		# The cursor may stand in a word: what is behind it does not count.
		if ((i == COMP_CWORD && ${#COMP_LINE} - ${#rest} > COMP_POINT)); then
			word=${word:0:${#word}-(${#COMP_LINE} - ${#rest} - COMP_POINT)}
		fi
		case $word in
		'>' | '>>' | '<' | '<>' | '>|' | '>&' | '<&' | '&>' | '&>>' | '<<<')
			skip=1 open=''
			((i != COMP_CWORD)) || redirected=1
			continue
			;;
		esac
		if [[ -n $skip ]]; then
			skip=''
			((i != COMP_CWORD)) || redirected=1
			continue
		fi
		if [[ -n $open && -z $gap ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words[${#words[@]}]=$word
			starts[${#starts[@]}]=$i
		fi
		open=1
		if ((i == COMP_CWORD)); then
			cword=$((${#words[@]} - 1))
			break
		fi
	done
}

# _awsmfa_complete_files has bash complete file names. 3.2 cannot be asked to.
_awsmfa_complete_files() {
	local IFS=$'\n' name
	COMPREPLY=()
	if ! compopt -o bashdefault -o default 2>/dev/null; then
		for name in $(compgen -f -- "$1"); do
			COMPREPLY[${#COMPREPLY[@]}]=$(printf %q "$name")
		done
	fi
}

# _awsmfa_complete_command N completes the command that begins at COMP_WORDS[N],
# by its own completion, if there is one.
_awsmfa_complete_command() {
	local offset=$1 i found rest=$COMP_LINE function=''
	if declare -F _command_offset >/dev/null; then
		_command_offset "$offset"
		return
	elif declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$offset"
		return
	fi
	if ((COMP_CWORD == offset)); then
		local IFS=$'\n'
		# shellcheck disable=SC2207 # one a line
		COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
		return
	fi
	for ((i = 0; i < offset; i++)); do
		rest=${rest#"${rest%%[![:space:]]*}"}
		rest=${rest#"${COMP_WORDS[i]}"}
	done
	rest=${rest#"${rest%%[![:space:]]*}"}
	COMP_POINT=$((COMP_POINT - (${#COMP_LINE} - ${#rest})))
	COMP_LINE=$rest
	COMP_WORDS=("${COMP_WORDS[@]:offset}")
	COMP_CWORD=$((COMP_CWORD - offset))
	found=$(complete -p -- "${COMP_WORDS[0]##*/}" 2>/dev/null) || found=''
	if [[ $found =~ ' -F '([^[:blank:]]+) ]]; then
		function=${BASH_REMATCH[1]}
	fi
	if [[ -n $function ]] && declare -F "$function" >/dev/null; then
		"$function" "${COMP_WORDS[0]}" "$2" "${COMP_WORDS[COMP_CWORD - 1]}"
	else
		_awsmfa_complete_files "$2"
	fi
}

# _awsmfa_complete CURRENT [WORD...] asks, with the given words in place of the
# command's name. CURRENT is what bash will replace.
_awsmfa_complete() {
	local words starts cword redirected line answer files='' offset='' typed current=$1
	shift
	COMPREPLY=()
	_awsmfa_complete_words
	if [[ -n $redirected ]]; then
		_awsmfa_complete_files "$current"
		return
	fi
	typed=${words[cword]}
	answer=$(command "${_awsmfa_self:-awsmfa}" __complete bash "$((cword + $# - 1))" "${typed%"$current"}" -- "$@" "${words[@]:1}" 2>/dev/null) || return 0
	while IFS= read -r line; do
		case $line in
		'') ;;
		$'\tfiles') files=1 ;;
		$'\tcommand '*) offset=$((${line#$'\tcommand '} - $# + 1)) ;;
		*) COMPREPLY[${#COMPREPLY[@]}]=$line ;;
		esac
	done <<<"$answer"
	if [[ -n $files ]]; then
		_awsmfa_complete_files "$current"
	elif [[ -n $offset ]]; then
		_awsmfa_complete_command "${starts[offset]:-$COMP_CWORD}" "$current"
	fi
}

_awsmfa() { _awsmfa_complete "$2" awsmfa; }

_awsmfa_complete_use() { _awsmfa_complete "$2" awsmfa env; }

_awsmfa_complete_off() {
	local IFS=$'\n'
	# shellcheck disable=SC2207 # one a line
	COMPREPLY=($(compgen -W --hook -- "$2"))
}

complete -F _awsmfa awsmfa

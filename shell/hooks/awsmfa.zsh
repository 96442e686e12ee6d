# awsmfa in zsh. The line for ~/.zshrc:
#
#	eval "$(awsmfa init zsh)"
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook runs no command and starts no process. What
# was there before awsmfa-use is kept in variables that are not exported.
#
# Each function but the hook itself sets the options that it is written for; the
# hook means the same under all of them.

_awsmfa_self=awsmfa
_awsmfa_cmd=awsmfa-use
_awsmfa_before=600
_awsmfa_dir=
_awsmfa_names=''
_awsmfa_job=''
_awsmfa_prompt=1
# ---- the settings end here ----

zmodload -F zsh/datetime p:EPOCHSECONDS 2>/dev/null || :

# _awsmfa_use PROFILE [FLAG...] is awsmfa-use.
_awsmfa_use() {
	emulate -L zsh
	setopt no_xtrace no_verbose no_all_export no_err_exit no_err_return no_warn_create_global
	local awsmfa_text awsmfa_code=0
	awsmfa_text=$("$_awsmfa_self" env --shell zsh --output shell "$@") || awsmfa_code=$?
	case $awsmfa_code:$awsmfa_text in (0:*AWS_ACCESS_KEY_ID=*) _awsmfa_save ;; esac
	eval "$awsmfa_text" || :
	return $awsmfa_code
}

# _awsmfa_save keeps what the variables are, one level deep: an x or an s for
# exported or only set, then the value.
_awsmfa_save() {
	emulate -L zsh
	setopt no_xtrace no_verbose no_all_export no_warn_create_global
	[[ -z ${_awsmfa_saved-} ]] || return 0
	local awsmfa_name awsmfa_how
	for awsmfa_name in ${(s: :)_awsmfa_names}; do
		unset _awsmfa_was_$awsmfa_name
		(( ${(P)+awsmfa_name} )) || continue
		awsmfa_how=s
		[[ ${(tP)awsmfa_name} != *export* ]] || awsmfa_how=x
		typeset -g "_awsmfa_was_$awsmfa_name=$awsmfa_how${(P)awsmfa_name}"
	done
	typeset -g _awsmfa_saved=1
}

_awsmfa_restore() {
	emulate -L zsh
	setopt no_xtrace no_verbose no_all_export no_warn_create_global
	local awsmfa_name awsmfa_was
	for awsmfa_name in ${(s: :)_awsmfa_names}; do
		awsmfa_was=_awsmfa_was_$awsmfa_name
		awsmfa_was=${(P)awsmfa_was-}
		case $awsmfa_was in
		(x*) export "$awsmfa_name=${awsmfa_was#?}" ;;
		(s*) typeset -g +x "$awsmfa_name=${awsmfa_was#?}" ;;
		(*) unset $awsmfa_name ;;
		esac
	done
}

_awsmfa_forget() {
	emulate -L zsh
	setopt no_xtrace
	local awsmfa_name
	for awsmfa_name in ${(s: :)_awsmfa_names}; do
		unset _awsmfa_was_$awsmfa_name
	done
	unset _awsmfa_saved
}

# _awsmfa_ours: the access key is the one that awsmfa set.
_awsmfa_ours() {
	emulate -L zsh
	[[ -n ${AWS_ACCESS_KEY_ID-} && ${AWSMFA_OWNED-} == "$AWS_ACCESS_KEY_ID":* ]]
}

# _awsmfa_ended: the credentials are known to have ended. What is no plain
# number is no time, and never gets into an arithmetic expression, which could
# run it.
_awsmfa_ended() {
	emulate -L zsh
	case ${AWSMFA_EXPIRATION:-0} in
	(0*|*[!0123456789]*|????????????*) return 1 ;;
	esac
	(( AWSMFA_EXPIRATION <= ${EPOCHSECONDS:-0} ))
}

# _awsmfa_off [--hook] is awsmfa-off. Another's keys stay as they are.
_awsmfa_off() {
	emulate -L zsh
	setopt no_xtrace no_verbose no_all_export no_err_exit no_err_return no_warn_create_global
	case $#:${1-} in
	(0:|1:--hook) ;;
	(*)
		print -u2 'awsmfa: usage: awsmfa-off [--hook]'
		return 2
		;;
	esac
	local awsmfa_text awsmfa_code=0 awsmfa_back=''
	if [[ -n ${_awsmfa_saved-} ]] && { [[ -z ${AWS_ACCESS_KEY_ID-} ]] || _awsmfa_ours; }; then
		_awsmfa_restore
		awsmfa_back=1
	fi
	_awsmfa_forget
	if [[ -z $awsmfa_back ]] || _awsmfa_ended; then
		awsmfa_text=$("$_awsmfa_self" env --unset --shell zsh --output shell) || awsmfa_code=$?
		eval "$awsmfa_text" || :
	fi
	[[ -z ${1-} ]] || _awsmfa_remove
	return $awsmfa_code
}

# _awsmfa_hook runs before each prompt; zsh itself keeps the status.
_awsmfa_hook() {
	case ${AWSMFA_EXPIRATION:-0} in
	0* | *[!0123456789]* | ????????????*) ;;
	*) (( AWSMFA_EXPIRATION - ${EPOCHSECONDS:-0} > _awsmfa_before )) || _awsmfa_due ;;
	esac
	return 0
}

# _awsmfa_due looks for the outcome of a renewal, or starts one: a single one at
# a time, at most once a minute. One that has not ended after 400 s is given up.
_awsmfa_due() {
	emulate -L zsh
	setopt no_xtrace no_verbose no_all_export no_err_exit no_err_return no_warn_create_global
	local awsmfa_code='' awsmfa_pause=60 awsmfa_now=$EPOCHSECONDS
	local awsmfa_waited=$(( awsmfa_now - ${_awsmfa_started:-0} ))
	[[ -z ${_awsmfa_file-} ]] || awsmfa_pause=400
	if ! _awsmfa_ours; then
		:
	elif [[ -n ${_awsmfa_file-} && -s $_awsmfa_file ]]; then
		read -r awsmfa_code <$_awsmfa_file || :
		command rm -f -- $_awsmfa_file
		_awsmfa_file=''
		_awsmfa_outcome "$awsmfa_code"
	elif (( awsmfa_waited < 0 || awsmfa_waited >= awsmfa_pause )); then
		_awsmfa_started=$awsmfa_now
		_awsmfa_file=$_awsmfa_dir/$$.$awsmfa_now
		command sh -c "$_awsmfa_job" sh "$_awsmfa_self" "${AWSMFA_PROFILE-}" $(( _awsmfa_before + 60 )) "$_awsmfa_file" </dev/null >/dev/null 2>&1 || :
	fi
	# direnv has to look again, once, when its session has ended.
	if [[ -n ${AWSMFA_DIRENV-} && ${_awsmfa_touched-} != "${AWSMFA_EXPIRATION-}" ]] && _awsmfa_ended; then
		_awsmfa_touched=$AWSMFA_EXPIRATION
		command touch -- "$AWSMFA_DIRENV" 2>/dev/null || :
	fi
}

# _awsmfa_outcome CODE: 0 says that a session is at hand, 4 that a code is
# needed, which is told once for each expiry.
_awsmfa_outcome() {
	emulate -L zsh
	setopt no_xtrace no_verbose no_all_export no_err_exit no_err_return no_warn_create_global
	local awsmfa_text awsmfa_left=$(( (AWSMFA_EXPIRATION - EPOCHSECONDS + 59) / 60 ))
	case $1 in
	(0)
		if [[ -n ${AWSMFA_DIRENV-} ]]; then
			command touch -- "$AWSMFA_DIRENV" 2>/dev/null || :
		elif awsmfa_text=$("$_awsmfa_self" env --cached --no-input --shell zsh --output shell -- "${AWSMFA_PROFILE-}" 2>/dev/null); then
			eval "$awsmfa_text" || :
		fi
		;;
	(4)
		[[ ${_awsmfa_told-} != "$AWSMFA_EXPIRATION" ]] || return 0
		_awsmfa_told=$AWSMFA_EXPIRATION
		if (( awsmfa_left > 0 )); then
			print -ru2 "awsmfa: this shell's AWS session ends in $awsmfa_left min, and a new one needs a code: $_awsmfa_cmd"
		else
			print -ru2 "awsmfa: this shell's AWS session has ended, and a new one needs a code: $_awsmfa_cmd"
		fi
		;;
	esac
}

# awsmfa_prompt [-v] is a piece for PROMPT, '$(awsmfa_prompt)' under setopt
# prompt_subst, which starts no program: the profile and the time left. With -v
# it sets REPLY, in plain text. What a prompt would run or unfold is taken out
# of the name.
awsmfa_prompt() {
	local awsmfa_status=$?
	emulate -L zsh
	setopt no_xtrace no_verbose no_all_export no_err_exit no_err_return no_warn_create_global
	local awsmfa_left awsmfa_colour=32 awsmfa_bad='[][:cntrl:]$`\\%#!{}"&|;<>*?^'"']"
	REPLY=''
	if _awsmfa_ours && [[ -n ${AWSMFA_PROFILE-} ]]; then
		REPLY=${AWSMFA_PROFILE//${~awsmfa_bad}/?}
		case ${AWSMFA_EXPIRATION:-0} in
		(0*|*[!0123456789]*|????????????*) ;;
		(*)
			awsmfa_left=$(( AWSMFA_EXPIRATION - EPOCHSECONDS ))
			(( awsmfa_left > 600 )) || awsmfa_colour=33
			(( awsmfa_left > 120 )) || awsmfa_colour=31
			if (( awsmfa_left <= 0 )); then
				REPLY+=' expired'
			elif (( awsmfa_left >= 3600 )); then
				REPLY+=" $(( awsmfa_left / 3600 ))h$(( awsmfa_left % 3600 / 600 ))$(( awsmfa_left % 600 / 60 ))m"
			elif (( awsmfa_left >= 60 )); then
				REPLY+=" $(( awsmfa_left / 60 ))m"
			else
				REPLY+=" ${awsmfa_left}s"
			fi
			;;
		esac
	fi
	if [[ -z $REPLY || ${1-} == -v ]]; then
		:
	elif [[ -n ${NO_COLOR-} || ${TERM-} == dumb ]]; then
		print -rn -- $REPLY
	else
		print -rn -- "%{"$'\e'"[${awsmfa_colour}m%}$REPLY%{"$'\e'"[0m%}"
	fi
	return $awsmfa_status
}

_awsmfa_install() {
	emulate -L zsh
	setopt no_warn_create_global no_all_export
	typeset -ga precmd_functions
	(( ${precmd_functions[(I)_awsmfa_hook]} )) || precmd_functions+=(_awsmfa_hook)
}

# _awsmfa_remove leaves nothing of ours.
_awsmfa_remove() {
	emulate -L zsh
	precmd_functions=(${precmd_functions:#_awsmfa_hook})
	awsmfa_prompt() { return $?; } # PROMPT may call it
	if (( $+functions[compdef] )); then
		compdef -d $_awsmfa_cmd awsmfa-off
	fi
	unfunction $_awsmfa_cmd awsmfa-off _awsmfa_use _awsmfa_save _awsmfa_restore _awsmfa_forget _awsmfa_ours _awsmfa_ended \
		_awsmfa_off _awsmfa_hook _awsmfa_due _awsmfa_outcome _awsmfa_install _awsmfa_remove _awsmfa_tab
	unset _awsmfa_self _awsmfa_cmd _awsmfa_before _awsmfa_dir _awsmfa_names _awsmfa_job _awsmfa_prompt \
		_awsmfa_started _awsmfa_file _awsmfa_told _awsmfa_touched
}

unalias "$_awsmfa_cmd" awsmfa-off 2>/dev/null || :
eval "$_awsmfa_cmd() { _awsmfa_use \"\$@\"; }; awsmfa-off() { _awsmfa_off \"\$@\"; }"
[[ -z $_awsmfa_prompt ]] || _awsmfa_install

# _awsmfa_tab completes both, by the functions of "awsmfa completion zsh", which
# it fetches at the first Tab. Without compinit there is no completion.
_awsmfa_tab() {
	emulate -L zsh
	(( $+functions[_awsmfa_complete_use] )) || eval "$("$_awsmfa_self" completion zsh)"
	if [[ $service == awsmfa-off ]]; then
		_awsmfa_complete_off
	else
		_awsmfa_complete_use
	fi
}
if typeset -f compdef >/dev/null; then
	compdef _awsmfa_tab "$_awsmfa_cmd" awsmfa-off
fi

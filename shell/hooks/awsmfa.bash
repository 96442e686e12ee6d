# shellcheck shell=bash
# awsmfa in bash, 3.2 and later. The line for ~/.bashrc, behind what sets
# PROMPT_COMMAND:
#
#	eval "$(awsmfa init bash)"
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook runs no command and starts no process. What
# was there before awsmfa-use is kept in variables that are not exported.

_awsmfa_self=awsmfa
_awsmfa_cmd=awsmfa-use
_awsmfa_before=600
_awsmfa_dir=
_awsmfa_names=''
_awsmfa_job=''
_awsmfa_prompt=1
# ---- the settings end here ----

# Before 4.4 an interrupt while awsmfa runs leaves the options as they are then.
_awsmfa_scoped=
((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)) || _awsmfa_scoped=1

if ((BASH_VERSINFO[0] >= 5)); then
	_awsmfa_clock() { _awsmfa_now=${EPOCHSECONDS:-0}; }
elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 402)); then
	_awsmfa_clock() { printf -v _awsmfa_now '%(%s)T' -1; }
else
	_awsmfa_epoch=$(($(command date +%s) - SECONDS))
	_awsmfa_clock() { _awsmfa_now=$((_awsmfa_epoch + SECONDS)); }
fi

# _awsmfa_options gives back what set +avxT took: it is handed the old $-.
_awsmfa_options() {
	case $1 in *a*) set -a ;; esac
	case $1 in *T*) set -T ;; esac
	case $1 in *v*) set -v ;; esac
	case $1 in *x*) set -x ;; esac
}

# _awsmfa_eval is a function of its own: a trap on DEBUG that functions inherit,
# by set -T, is in force to the end of the one that switches that off.
_awsmfa_eval() { eval "$1" || :; }

# _awsmfa_use PROFILE [FLAG...] is awsmfa-use.
_awsmfa_use() {
	local awsmfa_flags=$- awsmfa_text awsmfa_code=0
	[[ -z $_awsmfa_scoped ]] || local -
	{ set +avxT; } 2>/dev/null
	awsmfa_text=$("$_awsmfa_self" env --shell bash --output shell "$@") || awsmfa_code=$?
	case $awsmfa_code:$awsmfa_text in 0:*AWS_ACCESS_KEY_ID=*) _awsmfa_save ;; esac
	_awsmfa_eval "$awsmfa_text"
	_awsmfa_options "$awsmfa_flags"
	return "$awsmfa_code"
}

# _awsmfa_save keeps what the variables are, one level deep: an x or an s for
# exported or only set, then the value.
_awsmfa_save() {
	[[ -z ${_awsmfa_saved-} ]] || return 0
	local IFS=' ' awsmfa_name awsmfa_how
	for awsmfa_name in $_awsmfa_names; do
		unset -v "_awsmfa_was_$awsmfa_name"
		[[ -n ${!awsmfa_name+set} ]] || continue
		awsmfa_how=$(declare -p "$awsmfa_name")
		awsmfa_how=${awsmfa_how#* }
		case ${awsmfa_how%% *} in
		*x*) printf -v "_awsmfa_was_$awsmfa_name" 'x%s' "${!awsmfa_name}" ;;
		*) printf -v "_awsmfa_was_$awsmfa_name" 's%s' "${!awsmfa_name}" ;;
		esac
	done
	_awsmfa_saved=1
}

_awsmfa_restore() {
	local IFS=' ' awsmfa_name awsmfa_was
	for awsmfa_name in $_awsmfa_names; do
		awsmfa_was=_awsmfa_was_$awsmfa_name
		case ${!awsmfa_was-} in
		x*) export "$awsmfa_name=${!awsmfa_was#?}" ;;
		s*) export -n "$awsmfa_name=${!awsmfa_was#?}" ;;
		*) unset -v "$awsmfa_name" ;;
		esac
	done
}

_awsmfa_forget() {
	local IFS=' ' awsmfa_name
	for awsmfa_name in $_awsmfa_names; do
		unset -v "_awsmfa_was_$awsmfa_name"
	done
	unset -v _awsmfa_saved
}

# _awsmfa_ours: the access key is the one that awsmfa set.
_awsmfa_ours() {
	[[ -n ${AWS_ACCESS_KEY_ID-} && ${AWSMFA_OWNED-} == "$AWS_ACCESS_KEY_ID":* ]]
}

# _awsmfa_within SECONDS: the credentials are known to end within so many. What
# is no plain number is no time, and never gets into an arithmetic expression,
# which could run it.
_awsmfa_within() {
	case ${AWSMFA_EXPIRATION:-0} in
	0* | *[!0123456789]* | ????????????*) return 1 ;;
	esac
	_awsmfa_clock
	((AWSMFA_EXPIRATION - _awsmfa_now <= $1))
}

# _awsmfa_off [--hook] is awsmfa-off. Another's keys stay as they are.
_awsmfa_off() {
	case $#:${1-} in
	0: | 1:--hook) ;;
	*)
		echo 'awsmfa: usage: awsmfa-off [--hook]' >&2
		return 2
		;;
	esac
	local awsmfa_flags=$- awsmfa_text awsmfa_code=0 awsmfa_back=''
	[[ -z $_awsmfa_scoped ]] || local -
	{ set +avxT; } 2>/dev/null
	if [[ -n ${_awsmfa_saved-} ]] && { [[ -z ${AWS_ACCESS_KEY_ID-} ]] || _awsmfa_ours; }; then
		_awsmfa_restore
		awsmfa_back=1
	fi
	_awsmfa_forget
	if [[ -z $awsmfa_back ]] || _awsmfa_within 0; then
		awsmfa_text=$("$_awsmfa_self" env --unset --shell bash --output shell) || awsmfa_code=$?
		_awsmfa_eval "$awsmfa_text"
	fi
	[[ -z ${1-} ]] || _awsmfa_remove || :
	case $awsmfa_flags in *a*) set -a ;; esac
	case $awsmfa_flags in *T*) set -T ;; esac
	case $awsmfa_flags in *v*) set -v ;; esac
	case $awsmfa_flags in *x*) set -x ;; esac
	return "$awsmfa_code"
}

# _awsmfa_hook runs before each prompt. It ends with the status that it began
# with, for what comes behind it in PROMPT_COMMAND. It is _awsmfa_within written
# out: a call costs as much as the rest.
_awsmfa_hook() {
	local awsmfa_status=$?
	case ${AWSMFA_EXPIRATION:-0} in
	0* | *[!0123456789]* | ????????????*) ;;
	*)
		_awsmfa_now=${EPOCHSECONDS:-}
		[[ -n $_awsmfa_now ]] || _awsmfa_clock
		((AWSMFA_EXPIRATION - _awsmfa_now > _awsmfa_before)) || _awsmfa_due
		;;
	esac
	return "$awsmfa_status"
}

# _awsmfa_due looks for the outcome of a renewal, or starts one: a single one at
# a time, at most once a minute. One that has not ended after 400 s is given up.
_awsmfa_due() {
	local awsmfa_flags=$- awsmfa_code='' awsmfa_pause=60 awsmfa_waited=$((_awsmfa_now - ${_awsmfa_started:-0}))
	[[ -z $_awsmfa_scoped ]] || local -
	{ set +avxT; } 2>/dev/null
	[[ -z ${_awsmfa_file-} ]] || awsmfa_pause=400
	if ! _awsmfa_ours; then
		:
	elif [[ -n ${_awsmfa_file-} && -s $_awsmfa_file ]]; then
		read -r awsmfa_code <"$_awsmfa_file" || :
		command rm -f -- "$_awsmfa_file"
		_awsmfa_file=''
		_awsmfa_outcome "$awsmfa_code"
	elif ((awsmfa_waited < 0 || awsmfa_waited >= awsmfa_pause)); then
		_awsmfa_started=$_awsmfa_now
		_awsmfa_file=$_awsmfa_dir/$$.$_awsmfa_now
		command sh -c "$_awsmfa_job" sh "$_awsmfa_self" "${AWSMFA_PROFILE-}" "$((_awsmfa_before + 60))" "$_awsmfa_file" </dev/null >/dev/null 2>&1 || :
	fi
	_awsmfa_direnv
	_awsmfa_options "$awsmfa_flags"
}

# _awsmfa_outcome CODE: 0 says that a session is at hand, 4 that a code is
# needed, which is told once for each expiry.
_awsmfa_outcome() {
	local awsmfa_text awsmfa_left=$(((AWSMFA_EXPIRATION - _awsmfa_now + 59) / 60))
	case $1 in
	0)
		if [[ -n ${AWSMFA_DIRENV-} ]]; then
			command touch -- "$AWSMFA_DIRENV" 2>/dev/null || :
		elif awsmfa_text=$("$_awsmfa_self" env --cached --no-input --shell bash --output shell -- "${AWSMFA_PROFILE-}" 2>/dev/null); then
			_awsmfa_eval "$awsmfa_text"
		fi
		;;
	4)
		[[ ${_awsmfa_told-} != "$AWSMFA_EXPIRATION" ]] || return 0
		_awsmfa_told=$AWSMFA_EXPIRATION
		if ((awsmfa_left > 0)); then
			echo "awsmfa: this shell's AWS session ends in $awsmfa_left min, and a new one needs a code: $_awsmfa_cmd" >&2
		else
			echo "awsmfa: this shell's AWS session has ended, and a new one needs a code: $_awsmfa_cmd" >&2
		fi
		;;
	esac
}

# _awsmfa_direnv has direnv look again, once, when its session has ended.
_awsmfa_direnv() {
	[[ -n ${AWSMFA_DIRENV-} && ${_awsmfa_touched-} != "${AWSMFA_EXPIRATION-}" ]] && _awsmfa_within 0 || return 0
	_awsmfa_touched=$AWSMFA_EXPIRATION
	command touch -- "$AWSMFA_DIRENV" 2>/dev/null || :
}

# awsmfa_prompt [-v] is a piece for PS1, '$(awsmfa_prompt)', which starts no
# program: the profile and the time left. With -v it sets REPLY, in plain text.
# What PS1 would run or unfold is taken out of the name.
awsmfa_prompt() {
	local awsmfa_status=$? awsmfa_left awsmfa_colour=32 awsmfa_bad='[][:cntrl:]$`\\%#!{}"&|;<>*?^'"']"
	REPLY=''
	if _awsmfa_ours && [[ -n ${AWSMFA_PROFILE-} ]]; then
		REPLY=${AWSMFA_PROFILE//$awsmfa_bad/?}
		case ${AWSMFA_EXPIRATION:-0} in
		0* | *[!0123456789]* | ????????????*) ;;
		*)
			_awsmfa_clock
			awsmfa_left=$((AWSMFA_EXPIRATION - _awsmfa_now))
			((awsmfa_left > 600)) || awsmfa_colour=33
			((awsmfa_left > 120)) || awsmfa_colour=31
			if ((awsmfa_left <= 0)); then
				REPLY+=' expired'
			elif ((awsmfa_left >= 3600)); then
				REPLY+=" $((awsmfa_left / 3600))h$((awsmfa_left % 3600 / 600))$((awsmfa_left % 600 / 60))m"
			elif ((awsmfa_left >= 60)); then
				REPLY+=" $((awsmfa_left / 60))m"
			else
				REPLY+=" ${awsmfa_left}s"
			fi
			;;
		esac
	fi
	if [[ -z $REPLY || ${1-} == -v ]]; then
		:
	elif [[ -n ${NO_COLOR-} || ${TERM-} == dumb ]]; then
		printf '%s' "$REPLY"
	else
		printf '\001\033[%dm\002%s\001\033[0m\002' "$awsmfa_colour" "$REPLY"
	fi
	return "$awsmfa_status"
}

# In the list, "&& :" keeps the status from a trap on ERR and from set -e. The
# piece comes last: whoever looks at PIPESTATUS is before it.
_awsmfa_install() {
	# shellcheck disable=SC2178,SC2128 # it is the one or the other
	case "${PROMPT_COMMAND[*]-}" in
	*_awsmfa_hook*) ;;
	*)
		if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)) && [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
			PROMPT_COMMAND+=('_awsmfa_hook && :')
		else
			PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}'_awsmfa_hook && :'
		fi
		;;
	esac
}

# _awsmfa_remove leaves nothing of ours. Where somebody else has moved the hook
# away from PROMPT_COMMAND, a hook that does nothing stays.
_awsmfa_remove() {
	local IFS=' ' awsmfa_i awsmfa_text awsmfa_piece='_awsmfa_hook && :' awsmfa_line=$'\n'
	# shellcheck disable=SC2178,SC2128 # it is the one or the other
	if [[ ${PROMPT_COMMAND-} == *"$awsmfa_piece"* ]]; then
		awsmfa_text=${PROMPT_COMMAND/"$awsmfa_line$awsmfa_piece"/}
		PROMPT_COMMAND=${awsmfa_text/"$awsmfa_piece"/}
		unset -f _awsmfa_hook
	fi
	if [[ -n ${PROMPT_COMMAND[*]+set} ]]; then
		for awsmfa_i in "${!PROMPT_COMMAND[@]}"; do
			[[ ${PROMPT_COMMAND[awsmfa_i]} == "$awsmfa_piece" ]] || continue
			unset -v "PROMPT_COMMAND[awsmfa_i]"
			unset -f _awsmfa_hook
		done
	fi
	if declare -F _awsmfa_hook >/dev/null; then
		# shellcheck disable=SC2317 # somebody may call it
		_awsmfa_hook() { return "$?"; }
	fi
	# shellcheck disable=SC2317 # PS1 may call it
	awsmfa_prompt() { return "$?"; }
	unalias "$_awsmfa_cmd" awsmfa-off 2>/dev/null || :
	complete -r "$_awsmfa_cmd" awsmfa-off 2>/dev/null || :
	unset -f "$_awsmfa_cmd" awsmfa-off _awsmfa_clock _awsmfa_options _awsmfa_eval _awsmfa_use _awsmfa_save _awsmfa_restore _awsmfa_forget \
		_awsmfa_ours _awsmfa_within _awsmfa_off _awsmfa_due _awsmfa_outcome _awsmfa_direnv _awsmfa_install _awsmfa_remove _awsmfa_tab
	unset -v _awsmfa_self _awsmfa_cmd _awsmfa_before _awsmfa_dir _awsmfa_names _awsmfa_job _awsmfa_prompt _awsmfa_scoped \
		_awsmfa_epoch _awsmfa_now _awsmfa_started _awsmfa_file _awsmfa_told _awsmfa_touched
}

# In POSIX mode a function's name has no dash in it, an alias' may have.
if shopt -oq posix; then
	# shellcheck disable=SC2139 # now is when
	alias "$_awsmfa_cmd=_awsmfa_use" awsmfa-off=_awsmfa_off
else
	unalias "$_awsmfa_cmd" awsmfa-off 2>/dev/null || :
	eval "$_awsmfa_cmd() { _awsmfa_use \"\$@\"; }; awsmfa-off() { _awsmfa_off \"\$@\"; }"
fi
[[ -z $_awsmfa_prompt ]] || _awsmfa_install

# _awsmfa_tab completes both, by the functions of "awsmfa completion bash", which
# it fetches at the first Tab.
_awsmfa_tab() {
	declare -F _awsmfa_complete_use >/dev/null || eval "$("$_awsmfa_self" completion bash)"
	case $1 in
	awsmfa-off) _awsmfa_complete_off "$@" ;;
	*) _awsmfa_complete_use "$@" ;;
	esac
}
complete -F _awsmfa_tab "$_awsmfa_cmd" awsmfa-off

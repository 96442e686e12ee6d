# shellcheck shell=ksh
# awsmfa in ksh93 and mksh. The line for the file that ENV names, ~/.kshrc or
# ~/.mkshrc, behind what sets PS1:
#
#	eval "$(awsmfa init ksh)"
#
# It defines awsmfa-use, awsmfa-off and a prompt hook that renews in time. While
# the credentials are good the hook runs no command and starts no process. What
# was there before awsmfa-use is kept in variables that are not exported.
#
# typeset makes a variable local in a function of this form, in both of them.

_awsmfa_self=awsmfa
_awsmfa_cmd=awsmfa-use
_awsmfa_before=600
_awsmfa_dir=
_awsmfa_names=''
_awsmfa_job=''
_awsmfa_prompt=1
# ---- the settings end here ----

# The last part of PS1 is the hook: in mksh the form that keeps what it sets and
# needs no file for its output, in ksh93 the one that starts no subshell.
case ${KSH_VERSION-} in
*MIRBSD* | *LEGACY*)
	# shellcheck disable=SC2016 # not now
	_awsmfa_piece='${|_awsmfa_hook && :;}'
	function _awsmfa_clock {
		_awsmfa_now=${EPOCHREALTIME%%[!0123456789]*}
	}
	;;
*)
	# shellcheck disable=SC2016
	_awsmfa_piece='${ _awsmfa_hook && :; }'
	function _awsmfa_clock {
		_awsmfa_now=$(printf '%(%s)T')
	}
	;;
esac

# _awsmfa_options gives back what set +avx took: it is handed the old $-.
function _awsmfa_options {
	case $1 in *a*) set -a ;; esac
	case $1 in *v*) set -v ;; esac
	case $1 in *x*) set -x ;; esac
}

# _awsmfa_use PROFILE [FLAG...] is awsmfa-use.
function _awsmfa_use {
	typeset awsmfa_flags=$- awsmfa_text='' awsmfa_code=0
	{ set +avx; } 2>/dev/null
	awsmfa_text=$("$_awsmfa_self" env --shell ksh --output shell "$@") || awsmfa_code=$?
	case $awsmfa_code:$awsmfa_text in 0:*AWS_ACCESS_KEY_ID=*) _awsmfa_save ;; esac
	eval "$awsmfa_text" || :
	_awsmfa_options "$awsmfa_flags"
	return "$awsmfa_code"
}

# _awsmfa_save keeps what the variables are, one level deep: an x or an s for
# exported or only set, then the value.
function _awsmfa_save {
	[[ -z ${_awsmfa_saved-} ]] || return 0
	typeset IFS=' ' awsmfa_name='' awsmfa_how=''
	{ set +avx; } 2>/dev/null # in ksh93 each function has options of its own
	for awsmfa_name in $_awsmfa_names; do
		unset "_awsmfa_was_$awsmfa_name" || :
		eval "awsmfa_how=\${$awsmfa_name+set}"
		[[ -n $awsmfa_how ]] || continue
		awsmfa_how=$(typeset -p "$awsmfa_name")
		case ${awsmfa_how%%"$awsmfa_name="*} in
		*x*) eval "_awsmfa_was_$awsmfa_name=x\$$awsmfa_name" ;;
		*) eval "_awsmfa_was_$awsmfa_name=s\$$awsmfa_name" ;;
		esac
	done
	_awsmfa_saved=1
}

# Unset first: it is the one way to take an export back from within a function.
function _awsmfa_restore {
	typeset IFS=' ' awsmfa_name='' awsmfa_was=''
	{ set +avx; } 2>/dev/null
	for awsmfa_name in $_awsmfa_names; do
		eval "awsmfa_was=\${_awsmfa_was_$awsmfa_name-}"
		unset "$awsmfa_name" || :
		case $awsmfa_was in
		x*) export "$awsmfa_name=${awsmfa_was#?}" ;;
		s*) eval "$awsmfa_name=\${awsmfa_was#?}" ;;
		esac
	done
}

function _awsmfa_forget {
	typeset IFS=' ' awsmfa_name=''
	for awsmfa_name in $_awsmfa_names; do
		unset "_awsmfa_was_$awsmfa_name" || :
	done
	unset _awsmfa_saved || :
}

# _awsmfa_ours: the access key is the one that awsmfa set.
function _awsmfa_ours {
	[[ -n ${AWS_ACCESS_KEY_ID-} && ${AWSMFA_OWNED-} == "$AWS_ACCESS_KEY_ID":* ]]
}

# _awsmfa_within SECONDS: the credentials are known to end within so many. What
# is no plain number is no time, and never gets into an arithmetic expression,
# which could run it.
function _awsmfa_within {
	case ${AWSMFA_EXPIRATION:-0} in
	0* | *[!0123456789]* | ????????????*) return 1 ;;
	esac
	_awsmfa_clock
	((AWSMFA_EXPIRATION - _awsmfa_now <= $1))
}

# _awsmfa_off [--hook] is awsmfa-off. Another's keys stay as they are.
function _awsmfa_off {
	case $#:${1-} in
	0: | 1:--hook) ;;
	*)
		print -ru2 'awsmfa: usage: awsmfa-off [--hook]'
		return 2
		;;
	esac
	typeset awsmfa_flags=$- awsmfa_text='' awsmfa_code=0 awsmfa_back=''
	{ set +avx; } 2>/dev/null
	if [[ -n ${_awsmfa_saved-} ]] && { [[ -z ${AWS_ACCESS_KEY_ID-} ]] || _awsmfa_ours; }; then
		_awsmfa_restore
		awsmfa_back=1
	fi
	_awsmfa_forget
	if [[ -z $awsmfa_back ]] || _awsmfa_within 0; then
		awsmfa_text=$("$_awsmfa_self" env --unset --shell ksh --output shell) || awsmfa_code=$?
		eval "$awsmfa_text" || :
	fi
	[[ -z ${1-} ]] || _awsmfa_remove || :
	case $awsmfa_flags in *a*) set -a ;; esac
	case $awsmfa_flags in *v*) set -v ;; esac
	case $awsmfa_flags in *x*) set -x ;; esac
	return "$awsmfa_code"
}

# _awsmfa_hook runs while PS1 is expanded. ksh93 keeps the status by itself, mksh
# does not; "&& :" in PS1 hides it from set -e and from a trap on ERR. What is
# above 255, ksh93 takes for a signal: to return it after ^C were another ^C.
function _awsmfa_hook {
	typeset awsmfa_status=$?
	((awsmfa_status &= 255)) || :
	! _awsmfa_within "$_awsmfa_before" || _awsmfa_due
	return "$awsmfa_status"
}

# _awsmfa_due looks for the outcome of a renewal, or starts one: a single one at
# a time, at most once a minute. One that has not ended after 400 s is given up.
function _awsmfa_due {
	typeset awsmfa_flags=$- awsmfa_code='' awsmfa_pause=60 awsmfa_waited=0
	_awsmfa_started=${_awsmfa_started:-0}
	((awsmfa_waited = _awsmfa_now - _awsmfa_started)) || :
	{ set +avx; } 2>/dev/null
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
	# direnv has to look again, once, when its session has ended.
	if [[ -n ${AWSMFA_DIRENV-} && ${_awsmfa_touched-} != "${AWSMFA_EXPIRATION-}" ]] && _awsmfa_within 0; then
		_awsmfa_touched=$AWSMFA_EXPIRATION
		command touch -- "$AWSMFA_DIRENV" 2>/dev/null || :
	fi
	_awsmfa_options "$awsmfa_flags"
}

# _awsmfa_outcome CODE: 0 says that a session is at hand, 4 that a code is
# needed, which is told once for each expiry.
function _awsmfa_outcome {
	typeset awsmfa_text='' awsmfa_left=0
	{ set +avx; } 2>/dev/null # as above
	((awsmfa_left = (AWSMFA_EXPIRATION - _awsmfa_now + 59) / 60)) || :
	case $1 in
	0)
		if [[ -n ${AWSMFA_DIRENV-} ]]; then
			command touch -- "$AWSMFA_DIRENV" 2>/dev/null || :
		elif awsmfa_text=$("$_awsmfa_self" env --cached --no-input --shell ksh --output shell -- "${AWSMFA_PROFILE-}" 2>/dev/null); then
			eval "$awsmfa_text" || :
		fi
		;;
	4)
		[[ ${_awsmfa_told-} != "$AWSMFA_EXPIRATION" ]] || return 0
		_awsmfa_told=$AWSMFA_EXPIRATION
		if ((awsmfa_left > 0)); then
			print -ru2 "awsmfa: this shell's AWS session ends in $awsmfa_left min, and a new one needs a code: $_awsmfa_cmd"
		else
			print -ru2 "awsmfa: this shell's AWS session has ended, and a new one needs a code: $_awsmfa_cmd"
		fi
		;;
	esac
}

# awsmfa_prompt [-v] is a piece for PS1, '$(awsmfa_prompt)', which starts no
# program: the profile and the time left. With -v it sets REPLY, in plain text.
# What PS1 would run or unfold is taken out of the name.
function awsmfa_prompt {
	typeset awsmfa_status=$? awsmfa_left=0 awsmfa_colour=32 awsmfa_minutes='' awsmfa_bad='[[:cntrl:]$`\\%#!{}"&|;<>*?^'"']"
	((awsmfa_status &= 255)) || : # as in the hook
	REPLY=''
	if _awsmfa_ours && [[ -n ${AWSMFA_PROFILE-} ]]; then
		REPLY=${AWSMFA_PROFILE//$awsmfa_bad/?}
		case ${AWSMFA_EXPIRATION:-0} in
		0* | *[!0123456789]* | ????????????*) ;;
		*)
			_awsmfa_clock
			((awsmfa_left = AWSMFA_EXPIRATION - _awsmfa_now)) || :
			((awsmfa_left > 600)) || awsmfa_colour=33
			((awsmfa_left > 120)) || awsmfa_colour=31
			if ((awsmfa_left <= 0)); then
				REPLY="$REPLY expired"
			elif ((awsmfa_left >= 3600)); then
				((awsmfa_minutes = awsmfa_left % 3600 / 60 + 100))
				REPLY="$REPLY $((awsmfa_left / 3600))h${awsmfa_minutes#1}m"
			elif ((awsmfa_left >= 60)); then
				REPLY="$REPLY $((awsmfa_left / 60))m"
			else
				REPLY="$REPLY ${awsmfa_left}s"
			fi
			;;
		esac
	fi
	if [[ -z $REPLY || ${1-} == -v ]]; then
		:
	elif [[ -n ${NO_COLOR-} || ${TERM-} == dumb ]]; then
		print -rn -- "$REPLY"
	else
		print -rn -- $'\033'"[${awsmfa_colour}m$REPLY"$'\033[0m'
	fi
	return "$awsmfa_status"
}

# _awsmfa_remove leaves nothing of ours.
function _awsmfa_remove {
	PS1=${PS1-}
	PS1=${PS1/"$_awsmfa_piece"/}
	unalias "$_awsmfa_cmd" awsmfa-off 2>/dev/null || :
	unset _awsmfa_self _awsmfa_cmd _awsmfa_before _awsmfa_dir _awsmfa_names _awsmfa_job _awsmfa_prompt _awsmfa_piece \
		_awsmfa_now _awsmfa_started _awsmfa_file _awsmfa_told _awsmfa_touched || :
	# shellcheck disable=SC2317 # PS1 may call it
	function awsmfa_prompt {
		return "$(($? & 255))"
	}
	unset -f _awsmfa_clock _awsmfa_use _awsmfa_save _awsmfa_restore _awsmfa_forget _awsmfa_ours _awsmfa_within _awsmfa_hook \
		_awsmfa_due _awsmfa_outcome _awsmfa_options || :
}

# A function's name has no dash in it here, an alias' may have.
# shellcheck disable=SC2139 # now is when
alias "$_awsmfa_cmd=_awsmfa_use" awsmfa-off=_awsmfa_off
if [[ -n $_awsmfa_prompt ]]; then
	case ${PS1-} in
	*_awsmfa_hook*) ;;
	*) PS1=${PS1-}$_awsmfa_piece ;;
	esac
fi

# shellcheck shell=bash
# awsmfa in direnv. It belongs into direnv's directory of libraries:
#
#	awsmfa init direnv >~/.config/direnv/lib/awsmfa.sh
#
# and defines for .envrc:
#
#	use awsmfa PROFILE [--prompt] [--required] [--process] [OPTION...]
#
# It loads the profile's credentials without a question, from the cache or with
# a stored seed. Where a code is needed, it says so in one line and fails; the
# rest of .envrc is loaded. --prompt asks on the terminal, --required ends the
# .envrc with the failure, --process sets AWS_PROFILE to a profile that runs
# awsmfa by itself, so that direnv keeps no secret. Other options are those of
# awsmfa env. Whatever changes the profile's session touches a file that direnv
# watches, and so direnv loads again by itself.

_awsmfa_self=awsmfa
_awsmfa_names=''
# ---- the settings end here ----

use_awsmfa() {
	local awsmfa_flags=$- awsmfa_code=0
	{ set +avx; } 2>/dev/null
	_awsmfa_direnv "$@" || awsmfa_code=$?
	case $awsmfa_flags in *a*) set -a ;; esac
	case $awsmfa_flags in *v*) set -v ;; esac
	case $awsmfa_flags in *x*) set -x ;; esac
	case $awsmfa_code in
	0) return 0 ;;
	64) exit 1 ;; # --required
	esac
	return 1
}

# _awsmfa_direnv is use_awsmfa without tracing. It returns 64 to end the .envrc.
_awsmfa_direnv() {
	local awsmfa_how=load awsmfa_failed=1 awsmfa_profile awsmfa_words=$#
	while ((awsmfa_words-- > 0)); do
		case $1 in
		--prompt) awsmfa_how=ask ;;
		--process) awsmfa_how=process ;;
		--required) awsmfa_failed=64 ;;
		*) set -- "$@" "$1" ;;
		esac
		shift
	done
	case ${1-} in
	--) shift ;; # a profile may begin with a dash
	-*) set -- '' ;;
	esac
	awsmfa_profile=${1-}
	if [[ -z $awsmfa_profile ]]; then
		log_error 'awsmfa: usage: use awsmfa PROFILE [--prompt] [--required] [--process] [OPTION...]'
		return "$awsmfa_failed"
	fi
	shift
	case $awsmfa_how in
	process) _awsmfa_direnv_process "$@" ;;
	*) _awsmfa_direnv_load "$@" ;;
	esac || {
		_awsmfa_direnv_clear
		return "$awsmfa_failed"
	}
}

# _awsmfa_direnv_load puts the credentials into the environment. The stamp comes
# first: direnv forgets what it is told to watch after a failure.
_awsmfa_direnv_load() {
	local awsmfa_stamp awsmfa_text awsmfa_code=0
	awsmfa_stamp=$("$_awsmfa_self" __direnv stamp "$@" -- "$awsmfa_profile" 2>/dev/null) || awsmfa_stamp=''
	[[ -z $awsmfa_stamp ]] || watch_file "$awsmfa_stamp"
	awsmfa_text=$(_awsmfa_direnv_env "$@") || awsmfa_code=$?
	case $awsmfa_code in
	0) eval "$awsmfa_text" ;;
	4) _awsmfa_direnv_say 'needs a code' "$@" ;;
	8) _awsmfa_direnv_say 'has a seed that is locked away' "$@" ;;
	*) _awsmfa_direnv_config ;;
	esac
	[[ $awsmfa_code == 0 ]] || return 1
	[[ -n $awsmfa_stamp ]] || return 0
	export AWSMFA_DIRENV=$awsmfa_stamp
	watch_file "$awsmfa_stamp" # what this very run has changed is no reason to load again
}

# _awsmfa_direnv_env prints the statements. That input is needed is said in one
# line, by ours; whatever else there is to say, awsmfa says itself.
_awsmfa_direnv_env() {
	local awsmfa_said awsmfa_code=0
	unset -v AWS_PROFILE AWS_DEFAULT_PROFILE # which profile is meant is clear
	set -- env --shell bash --output shell --refresh=false "$@" -- "$awsmfa_profile"
	if [[ $awsmfa_how == ask ]]; then
		"$_awsmfa_self" "$@"
		return
	fi
	{ awsmfa_said=$("$_awsmfa_self" "${@:1:$#-2}" --no-input "${@:$#-1}" 2>&1 >&4 4>&-) || awsmfa_code=$?; } 4>&1
	case $awsmfa_code:$awsmfa_said in
	4:* | 8:* | *:) ;;
	*) printf '%s\n' "$awsmfa_said" >&2 ;;
	esac
	return "$awsmfa_code"
}

# _awsmfa_direnv_say WHAT [OPTION...] is the one line, with the way out.
_awsmfa_direnv_say() {
	local awsmfa_what=$1
	shift
	[[ $awsmfa_how != ask ]] || return 0 # awsmfa has said it
	case $awsmfa_profile in -*) set -- "$@" -- ;; esac
	log_error "awsmfa: $(printf %q "$awsmfa_profile") $awsmfa_what; run: awsmfa login$(printf ' %q' "$@" "$awsmfa_profile")"
}

# _awsmfa_direnv_process names the profile that runs awsmfa by itself. Keys in
# the environment would go before it.
_awsmfa_direnv_process() {
	local awsmfa_wrapper awsmfa_region='' awsmfa_name IFS=' '
	_awsmfa_direnv_config
	while (($# > 0)); do
		case $1 in
		--region=*) awsmfa_region=${1#*=} ;;
		--region)
			awsmfa_region=${2-}
			[[ $# == 1 ]] || shift
			;;
		*)
			log_error "awsmfa: with --process, $(printf %q "$1") has to stand in the profile's credential_process"
			return 1
			;;
		esac
		shift
	done
	awsmfa_wrapper=$("$_awsmfa_self" __direnv wrapper -- "$awsmfa_profile") || return 1
	_awsmfa_direnv_clear
	for awsmfa_name in $_awsmfa_names; do
		case $awsmfa_name in AWS_REGION | AWS_DEFAULT_REGION) ;; *) unset -v "$awsmfa_name" ;; esac
	done
	export AWS_PROFILE=$awsmfa_wrapper
	[[ -z $awsmfa_region ]] || export AWS_REGION=$awsmfa_region AWS_DEFAULT_REGION=$awsmfa_region
}

# _awsmfa_direnv_config has direnv look again when the AWS files change.
_awsmfa_direnv_config() {
	watch_file "${AWS_CONFIG_FILE:-${HOME-}/.aws/config}" "${AWS_SHARED_CREDENTIALS_FILE:-${HOME-}/.aws/credentials}"
}

# _awsmfa_direnv_clear takes out what is awsmfa's.
_awsmfa_direnv_clear() {
	local awsmfa_text
	awsmfa_text=$("$_awsmfa_self" env --unset --quiet --shell bash --output shell) || return 0
	eval "$awsmfa_text"
	unset -v AWSMFA_DIRENV
}

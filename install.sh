#!/bin/sh
# Builds awsmfa from this checkout and installs it: ./install.sh
#
# The whole body stands in functions that the last line calls, so that half a
# file does nothing. Files are put in place by a rename in their own directory:
# a running awsmfa is never overwritten. Nothing here asks for more rights.
set -eu

usage() {
	cat <<'USAGE'
usage: ./install.sh [--prefix DIR | --bin-dir DIR] [--rc[=SHELL]] [--uninstall]

Builds awsmfa from this checkout and installs it to ~/.local/bin, with its man
page, completions, and the library for direnv, where man, the shells and direnv
of this user look for them.

  --prefix DIR   install to DIR/bin, the rest below DIR/share for all users
  --bin-dir DIR  install to DIR itself; the rest only if DIR is called bin
  --rc[=SHELL]   add the line of "awsmfa init" to the start-up file of SHELL, by
                 default the one in $SHELL; what is added is shown first
  --uninstall    remove what an install with the same options placed, and the
                 line that --rc added
  --help         this text
USAGE
}

say() { printf 'install.sh: %s\n' "$*" >&2; }

hint() { say "hint: $*"; }

# die MESSAGE [HINT] [EXIT CODE]
die() {
	say "error: $1"
	[ -z "${2:-}" ] || hint "$2"
	exit "${3:-1}"
}

misused() {
	die "$1" './install.sh --help lists the options' 2
}

options() {
	prefix='' bin_dir='' uninstall='' rc='' rc_shell=${SHELL:-}
	while [ $# -gt 0 ]; do
		case $1 in
		--prefix | --bin-dir)
			[ $# -ge 2 ] || misused "$1 needs a directory"
			place "$1" "$2"
			shift
			;;
		--prefix=* | --bin-dir=*) place "${1%%=*}" "${1#*=}" ;;
		--rc) rc=yes ;;
		--rc=*) rc=yes rc_shell=${1#*=} ;;
		--uninstall) uninstall=yes ;;
		-h | --help)
			usage
			exit
			;;
		*) misused "unknown argument \"$1\"" ;;
		esac
		shift
	done
	[ -z "$prefix" ] || [ -z "$bin_dir" ] || misused 'either --prefix or --bin-dir, not both'
}

place() {
	[ -n "$2" ] || misused "$1 needs a directory"
	case $2 in /*) directory=$2 ;; *) directory=$PWD/$2 ;; esac
	case $1 in
	--prefix) prefix=$directory ;;
	--bin-dir) bin_dir=$directory ;;
	esac
}

# places settles where the program goes, and what comes with it. A directory that
# is not called bin has no share beside it in which others would look.
places() {
	at_home=''
	if [ -z "$prefix$bin_dir" ]; then
		[ -n "${HOME:-}" ] || die 'HOME is not set' 'say where to: ./install.sh --prefix DIR'
		prefix=$HOME/.local at_home=yes
	fi
	bin_dir=${bin_dir:-$prefix/bin}
	case $bin_dir in
	*/bin) share=${bin_dir%/bin}/share ;;
	*) share='' ;;
	esac
	program=$bin_dir/awsmfa
	# As the XDG Base Directory Specification has it, relative ones do not count.
	case ${XDG_DATA_HOME:-} in /*) data=$XDG_DATA_HOME ;; *) data=${HOME:-}/.local/share ;; esac
	case ${XDG_CONFIG_HOME:-} in /*) config=$XDG_CONFIG_HOME ;; *) config=${HOME:-}/.config ;; esac
}

# each_extra calls a function for every file beside the program: what it is, and
# where it is looked for. direnv knows no place for all users.
each_extra() {
	[ -n "$share" ] || return 0
	"$1" man "$share/man/man1/awsmfa.1"
	if [ -n "$at_home" ]; then
		"$1" bash "$data/bash-completion/completions/awsmfa"
		"$1" zsh "$data/zsh/site-functions/_awsmfa"
		"$1" fish "$config/fish/completions/awsmfa.fish"
		[ ! -d "$config/nushell" ] || "$1" nu "$config/nushell/autoload/awsmfa-completions.nu"
		"$1" direnv "$config/direnv/lib/awsmfa.sh"
	else
		"$1" bash "$share/bash-completion/completions/awsmfa"
		"$1" zsh "$share/zsh/site-functions/_awsmfa"
		"$1" fish "$share/fish/vendor_completions.d/awsmfa.fish"
		"$1" nu "$share/nushell/vendor/autoload/awsmfa-completions.nu"
	fi
}

# ---- what is there already ----

# Several programs carry this name. A build of ours holds the name of its own
# package; anything else is neither replaced nor removed.
ours() {
	[ -f "$1" ] && LC_ALL=C grep -q 'awsmfa/command\.' "$1"
}

refuse_foreign() {
	[ -e "$program" ] || [ -h "$program" ] || return 0
	[ ! -d "$program" ] || die "$program is a directory" 'choose another place with --prefix or --bin-dir'
	ours "$program" || die "$program is another program" 'move it away, or choose another place with --prefix or --bin-dir'
}

# our_extra KIND FILE: the file is one that an install of ours placed.
our_extra() {
	[ -f "$2" ] || return
	case $1 in
	man) head -n 5 "$2" | grep -qi '^\.TH "\{0,1\}awsmfa' ;;
	direnv) head -n 5 "$2" | grep -q '^# awsmfa in direnv' ;;
	*) head -n 5 "$2" | grep -q "^# Completion of awsmfa's command lines" ;;
	esac
}

remove() {
	if [ ! -e "$program" ] && [ ! -h "$program" ]; then
		say "no awsmfa in $bin_dir"
	else
		refuse_foreign
		rm -f -- "$program" || die "cannot remove $program"
		say "removed $program"
	fi
	each_extra remove_extra
	[ -z "${HOME:-}" ] || each_rc remove_rc
}

remove_extra() {
	our_extra "$1" "$2" || return 0
	rm -f -- "$2" || die "cannot remove $2"
	say "removed $2"
}

# ---- building and installing ----

find_checkout() {
	unset CDPATH
	root=$(cd -- "$(dirname -- "$0")" && pwd -P) || die "cannot enter the directory of $0"
	if [ ! -f "$root/main.go" ] || ! grep -qx 'module awsmfa' "$root/go.mod" 2>/dev/null; then
		die "$root is not a checkout of awsmfa" 'run install.sh where it lies, beside go.mod and main.go'
	fi
	command -v go >/dev/null 2>&1 ||
		die 'no go in PATH' "install Go $(sed -n 's/^go //p' "$root/go.mod") or later, or add its bin directory to PATH"
}

# tag prints what git calls this version, and nothing when the checkout has no
# tag or merely lies inside another repository.
tag() {
	top=$(git -C "$root" rev-parse --show-toplevel 2>/dev/null) && [ "$top" = "$root" ] || return 0
	name=$(git -C "$root" describe --tags --dirty 2>/dev/null) || return 0
	case $name in *[!A-Za-z0-9.+-]*) ;; *) printf '%s' "$name" ;; esac
}

build() {
	version=$(tag)
	flags='-s -w'
	[ -z "$version" ] || flags="$flags -X awsmfa/command.version=$version"
	# In a checkout of somebody else git refuses to answer, and go would give up over that.
	stamp=auto
	git -C "$root" rev-parse HEAD >/dev/null 2>&1 || stamp=false
	say "building awsmfa${version:+ $version}"
	(
		# A build for another machine could not be run below.
		unset GOOS GOARCH
		cd "$root" && CGO_ENABLED=0 go build -trimpath -buildvcs="$stamp" -ldflags "$flags" \
			-tags urfave_cli_no_docs -o "$staging/awsmfa" .
	) || die 'the build failed' 'go says above what it misses; it needs HOME, or GOCACHE and GOPATH, and the modules of go.mod'
	chmod 755 "$staging/awsmfa"
	"$staging/awsmfa" version >/dev/null || die "what was built does not run from $bin_dir" 'is that directory mounted noexec? choose another with --bin-dir'
}

writable_dir() {
	if ! mkdir -p -- "$1" 2>/dev/null || [ ! -w "$1" ]; then
		die "cannot write to $1" 'choose another place with --prefix or --bin-dir, or run this as a user who may'
	fi
}

# install_extra KIND FILE. The program is of use without them, so what cannot be
# placed is told and no more.
install_extra() {
	if [ -e "$2" ] && ! our_extra "$1" "$2"; then
		hint "$2 is not of this awsmfa: left as it is"
		return 0
	fi
	write_extra "$1" >"$staging/extra" 2>/dev/null && [ -s "$staging/extra" ] || return 0
	if mkdir -p -- "${2%/*}" 2>/dev/null && cp -- "$staging/extra" "$2.$$" 2>/dev/null &&
		chmod 644 "$2.$$" && mv -f -- "$2.$$" "$2"; then
		say "installed $2"
	else
		rm -f -- "$2.$$"
		hint "cannot write $2"
	fi
}

write_extra() {
	case $1 in
	man) cat "$root/docs/awsmfa.1" ;;
	direnv) "$program" init direnv ;;
	*) "$program" completion "$1" ;;
	esac
}

install() {
	find_checkout
	refuse_foreign
	writable_dir "$bin_dir"
	staging=$(mktemp -d "$bin_dir/.awsmfa.XXXXXX") || die "cannot make a directory in $bin_dir"
	trap 'rm -rf -- "$staging"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	build
	mv -f -- "$staging/awsmfa" "$program" || die "cannot write $program"
	say "installed $program"
	each_extra install_extra
	path_hint
	[ -z "${HOME:-}" ] || shell_line
}

path_hint() {
	case :${PATH:-}: in
	*:"$bin_dir":*)
		first=$(command -v awsmfa || :)
		[ "$first" = "$program" ] || hint "another awsmfa comes first in PATH: $first"
		;;
	*) hint "$bin_dir is not in PATH: add it there, or call $program by its full name" ;;
	esac
}

# ---- the start-up files of shells ----

mark='# put here by install.sh of awsmfa'
kept=.before-awsmfa
rc_hint='it can for bash, zsh, ksh, mksh, fish, tcsh, elvish and xonsh (--rc=bash), and where the path of the program needs no quotes; README.md has the lines'

# each_rc calls a function for every start-up file that --rc may have written to.
each_rc() {
	for file in "$HOME/.bashrc" "$HOME/.bash_profile" "${ZDOTDIR:-$HOME}/.zshrc" "$HOME/.kshrc" "$HOME/.mkshrc" \
		"$config/fish/config.fish" "$HOME/.tcshrc" "$config/elvish/rc.elv" "$HOME/.xonshrc"; do
		"$1" "$file"
	done
}

# rc_of settles rc_file and rc_line for a shell. A name that a shell would have to
# quote is not put there.
rc_of() {
	word=awsmfa
	case :${PATH:-}: in
	*:"$bin_dir":*) ;;
	*) word=$program ;;
	esac
	case $word in *[!A-Za-z0-9_./+@:,-]*) return 1 ;; esac
	case ${1##*/} in
	bash)
		rc_file=$HOME/.bashrc
		# Terminals of macOS start login shells.
		[ "$(uname)" != Darwin ] || rc_file=$HOME/.bash_profile
		;;
	zsh) rc_file=${ZDOTDIR:-$HOME}/.zshrc ;;
	ksh | mksh) rc_file=$HOME/.${1##*/}rc ;;
	fish) rc_file=$config/fish/config.fish rc_line="$word init fish | source" ;;
	tcsh) rc_file=$HOME/.tcshrc rc_line="eval \`$word init tcsh\`" ;;
	elvish) rc_file=$config/elvish/rc.elv rc_line="eval ($word init elvish | slurp)" ;;
	xonsh) rc_file=$HOME/.xonshrc rc_line="execx(\$($word init xonsh))" ;;
	*) return 1 ;;
	esac
	case ${1##*/} in bash | zsh | ksh | mksh) rc_line="eval \"\$($word init ${1##*/})\"" ;; esac
}

# shell_line adds the line, or tells it. One that is there already is enough.
shell_line() {
	rc_of "$rc_shell" || return 0
	if [ -f "$rc_file" ] && grep -v '^[[:space:]]*#' "$rc_file" | grep -q 'awsmfa init'; then
		say "$rc_file has the line of awsmfa init"
	elif [ -n "$rc" ]; then
		add_rc
	else
		say "for awsmfa-use, renewal and completion, put into $rc_file (./install.sh --rc does):"
		say "    $rc_line"
	fi
	[ "${rc_shell##*/}:$at_home" != zsh:yes ] ||
		say "for completion, put into $rc_file above compinit: fpath=(${data}/zsh/site-functions \$fpath)"
}

# add_rc keeps the file as it was beside it, and writes through a link.
add_rc() {
	say "adding to $rc_file:"
	say "  + $rc_line $mark"
	mkdir -p -- "${rc_file%/*}" || die "cannot make ${rc_file%/*}" "put the line there yourself"
	if [ -f "$rc_file" ]; then
		cp -p -- "$rc_file" "$rc_file$kept" || die "cannot keep a copy of $rc_file" 'put the line there yourself'
		# A last line without its end would swallow ours.
		[ -z "$(tail -c 1 "$rc_file")" ] || printf '\n' >>"$rc_file" || die "cannot write $rc_file" 'put the line there yourself'
	fi
	printf '%s %s\n' "$rc_line" "$mark" >>"$rc_file" || die "cannot write $rc_file" 'put the line there yourself'
}

# remove_rc takes our line out of a start-up file, and the copy away where nothing
# else has changed since.
remove_rc() {
	[ -f "$1" ] && LC_ALL=C grep -Fq "$mark" "$1" || return 0
	say "removing from $1:"
	LC_ALL=C grep -F "$mark" "$1" | sed 's/^/install.sh:   - /' >&2
	rest=$(mktemp) || die 'cannot make a temporary file'
	LC_ALL=C grep -Fv "$mark" "$1" >"$rest" || :
	if [ ! -s "$rest" ] && [ ! -f "$1$kept" ] && [ ! -h "$1" ]; then
		rm -f -- "$1" "$rest"
		return
	fi
	same=''
	if cmp -s "$rest" "$1$kept"; then
		same=yes
	elif ! cp -p -- "$1" "$1$kept"; then
		rm -f -- "$rest"
		die "cannot keep a copy of $1" 'remove the line yourself'
	fi
	cat "$rest" >"$1" || die "cannot write $1" "what it was is in $1$kept"
	rm -f -- "$rest"
	if [ -n "$same" ]; then rm -f -- "$1$kept"; else say "what it was is in $1$kept"; fi
}

main() {
	options "$@"
	places
	if [ -n "$rc" ] && [ -z "$uninstall" ]; then
		[ -n "${HOME:-}" ] || die 'HOME is not set' 'say it, or leave --rc out'
		rc_of "$rc_shell" || die "--rc cannot write a line for the shell \"$rc_shell\"" "$rc_hint" 2
	fi
	if [ -n "$uninstall" ]; then remove; else install; fi
}

main "$@"

#!/bin/sh
# Builds awsmfa from this checkout and installs it: ./install.sh
#
# The whole body stands in functions that the last line calls, so that half a
# file does nothing. Files are put in place by a rename in their own directory:
# a running awsmfa is never overwritten. Nothing here asks for more rights.
set -eu

usage() {
	cat <<'USAGE'
usage: ./install.sh [--prefix DIR | --bin-dir DIR] [--uninstall]

Builds awsmfa from this checkout and installs it to ~/.local/bin.

  --prefix DIR   install to DIR/bin, the man page to DIR/share/man/man1
  --bin-dir DIR  install to DIR itself
  --uninstall    remove what an install with the same options placed
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
	prefix='' bin_dir='' uninstall=''
	while [ $# -gt 0 ]; do
		case $1 in
		--prefix | --bin-dir)
			[ $# -ge 2 ] || misused "$1 needs a directory"
			place "$1" "$2"
			shift
			;;
		--prefix=* | --bin-dir=*) place "${1%%=*}" "${1#*=}" ;;
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

# places settles where the program and its man page go. A directory that is not
# called bin has no place for man pages that man would find by itself.
places() {
	if [ -z "$prefix$bin_dir" ]; then
		[ -n "${HOME:-}" ] || die 'HOME is not set' 'say where to: ./install.sh --prefix DIR'
		prefix=$HOME/.local
	fi
	bin_dir=${bin_dir:-$prefix/bin}
	case $bin_dir in
	*/bin) man_dir=${bin_dir%/bin}/share/man/man1 ;;
	*) man_dir='' ;;
	esac
	program=$bin_dir/awsmfa
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

our_page() {
	[ -f "$1" ] && head -n 5 "$1" | grep -qi '^\.TH "\{0,1\}awsmfa'
}

remove() {
	if [ ! -e "$program" ] && [ ! -h "$program" ]; then
		say "no awsmfa in $bin_dir"
	else
		refuse_foreign
		rm -f -- "$program" || die "cannot remove $program"
		say "removed $program"
	fi
	if [ -n "$man_dir" ] && our_page "$man_dir/awsmfa.1"; then
		rm -f -- "$man_dir/awsmfa.1" || die "cannot remove $man_dir/awsmfa.1"
		say "removed $man_dir/awsmfa.1"
	fi
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

install_page() {
	[ -n "$man_dir" ] && [ -f "$root/docs/awsmfa.1" ] || return 0
	writable_dir "$man_dir"
	page=$man_dir/awsmfa.1
	if ! { cp -- "$root/docs/awsmfa.1" "$page.$$" && chmod 644 "$page.$$" && mv -f -- "$page.$$" "$page"; }; then
		rm -f -- "$page.$$"
		die "cannot write $page"
	fi
	say "installed $page"
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
	install_page
	path_hint
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

main() {
	options "$@"
	places
	if [ -n "$uninstall" ]; then remove; else install; fi
}

main "$@"

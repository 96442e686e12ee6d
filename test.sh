#!/bin/sh
# Runs every check of awsmfa: ./test.sh [--long] [--no-install]
#
# The shells and clients that the tests drive are brought first, where that is
# possible without asking: as root by apt-get, and by npm into a cache directory
# outside the tree. Nothing here calls sudo. What could not be had is named at
# the start and at the end, so that a skipped shell is never taken for a passed
# one; with CI=true it fails the run. Every step runs, whatever failed before.
set -u

# Pinned: other releases were seen to differ in what they print or accept.
nushell=nushell@0.115.1
tree_sitter='web-tree-sitter@0.27.1 tree-sitter-powershell@0.26.4'
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Everything the tests may drive, as they name it in AWSMFA_REQUIRE_SHELLS.
expected='sh dash bash zsh ksh mksh yash busybox fish tcsh elvish xonsh nu
	aws boto3 botocore direnv oathtool pwsh-parser tmux
	gnome-keyring-daemon dbus-daemon secret-tool fish_indent shfmt strace bash-completion'
# What the steps of this script and some tests call besides.
helpers='expect shellcheck cc'

usage() {
	cat <<'USAGE'
usage: ./test.sh [--long] [--no-install]

  --long        the full figures: 1000000 executions of every fuzz target
                instead of 20000, and in the tests more rounds, kills, shells
                and random values
  --no-install  bring nothing; run with what is here
  --help        this text

Environment: CI=true makes anything that is missing fail the run;
AWSMFA_TEST_BASH names further bash binaries (paths, separated by colons);
AWSMFA_TEST_PWSH_PARSER a node_modules directory with the PowerShell grammar.
USAGE
}

options() {
	long='' install=yes
	for option; do
		case $option in
		--long) long=yes ;;
		--no-install) install='' ;;
		-h | --help) usage && exit 0 ;;
		*) usage >&2 && exit 2 ;;
		esac
	done
	case ${CI:-} in '' | 0 | false) ci='' ;; *) ci=yes ;; esac
}

# ---- places ----

# places decides where things may be written: never in the tree. A cache that
# cannot be written, or a machine without HOME, costs time and nothing else.
places() {
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/awsmfa-test.XXXXXX") || exit 1
	trap 'rm -rf "$scratch"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$scratch/bin" "$scratch/home" && : >"$scratch/steps" || exit 1
	if [ -z "${HOME:-}" ]; then
		export HOME="$scratch/home"
	fi
	case ${XDG_CACHE_HOME:-} in /*) cache=$XDG_CACHE_HOME ;; *) cache=$HOME/.cache ;; esac
	cache=$cache/awsmfa-test
	writable "$cache" || cache=$scratch/cache
	writable "$(go env GOCACHE 2>/dev/null)" || export GOCACHE="$cache/go-build"
	# In a checkout of somebody else git refuses to answer, and go would give up over that.
	git rev-parse HEAD >/dev/null 2>&1 || export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
	if ! writable "$(go env GOMODCACHE 2>/dev/null)"; then
		# Else the modules are read-only and could not be cleared away.
		export GOMODCACHE="$cache/go-mod" GOFLAGS="${GOFLAGS:-} -modcacherw"
	fi
}

writable() {
	[ -n "$1" ] && mkdir -p "$1" 2>/dev/null && [ -w "$1" ]
}

# ---- what is here ----

here() {
	case $1 in
	aws) aws --version >/dev/null 2>&1 ;; # a version manager's shim may exist and not run
	boto3 | botocore) python3 -c "import $1" >/dev/null 2>&1 ;;
	nu) nu --version >/dev/null 2>&1 ;;
	gnome-keyring-daemon) gnome-keyring-daemon --version >/dev/null 2>&1 ;; # its capability keeps it out of some containers
	bash-completion) [ -f /usr/share/bash-completion/bash_completion ] ;;
	cc) compiler=$(go env CC) && command -v "${compiler%% *}" >/dev/null 2>&1 ;;
	pwsh-parser)
		command -v node >/dev/null 2>&1 &&
			[ -f "${AWSMFA_TEST_PWSH_PARSER:-}/web-tree-sitter/package.json" ] &&
			[ -f "$AWSMFA_TEST_PWSH_PARSER/tree-sitter-powershell/package.json" ]
		;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# absent prints those of its arguments that are not here.
absent() {
	for tool; do
		here "$tool" || printf '%s ' "$tool"
	done
}

# adopt makes what lies in the cache, or behind a broken shim, visible.
adopt() {
	for found in "$cache/nushell/node_modules/@nushell"/*/nu "$cache/nushell/node_modules/@nushell"/*/bin/nu; do
		if [ -x "$found" ] && ! here nu; then
			ln -sf "$found" "$scratch/bin/nu"
		fi
	done
	if [ -z "${AWSMFA_TEST_PWSH_PARSER:-}" ] && [ -d "$cache/tree-sitter/node_modules" ]; then
		export AWSMFA_TEST_PWSH_PARSER="$cache/tree-sitter/node_modules"
	fi
	if ! here botocore && /usr/bin/python3 -c 'import botocore' >/dev/null 2>&1; then
		ln -sf /usr/bin/python3 "$scratch/bin/python3"
	fi
	if ! here aws && /usr/bin/aws --version >/dev/null 2>&1; then
		ln -sf /usr/bin/aws "$scratch/bin/aws"
	fi
}

# ---- bringing ----

twice() {
	"$@" || { echo "once more: $*" && "$@"; }
}

packages() {
	for tool; do
		case $tool in
		sh | nu | pwsh-parser) ;;
		aws) echo awscli ;;
		boto3 | botocore) echo python3-boto3 ;;
		cc) echo gcc libc6-dev ;;
		fish_indent) echo fish ;;
		gnome-keyring-daemon) echo gnome-keyring ;;
		dbus-daemon) echo dbus ;;
		secret-tool) echo libsecret-tools ;;
		*) echo "$tool" ;;
		esac
	done
	case " $* " in *' nu '* | *' pwsh-parser '*)
		command -v npm >/dev/null 2>&1 || echo npm
		command -v node >/dev/null 2>&1 || echo nodejs
		;;
	esac
}

bring_by_apt() {
	# shellcheck disable=SC2046 # one word each
	set -- $(packages "$@" | sort -u)
	[ $# -gt 0 ] || return 0
	command -v apt-get >/dev/null 2>&1 || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "to bring what is missing, as root: apt-get install $*"
		return 0
	fi
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
	apt_get -q update
	apt_get -qq install -y --no-install-recommends "$@" && return
	# One unknown name must not keep the others away.
	for package; do
		apt_get -qq install -y --no-install-recommends "$package" ||
			echo "not installed: $package (on Ubuntu some are in universe: add-apt-repository universe)"
	done
}

# apt_get runs it patiently: a machine that has just started often has its
# lists or its packages locked by updates of its own.
apt_get() {
	for pause in 5 20 60 120 0; do
		LC_ALL=C apt-get -o DPkg::Lock::Timeout=120 "$@" </dev/null >"$scratch/apt" 2>&1 && return
		cat "$scratch/apt"
		case $(cat "$scratch/apt") in
		*'Unable to locate package'* | *'has no installation candidate'*) return 1 ;;
		*'get lock'* | *'to lock'*) ;;
		*) [ "$pause" = 5 ] || return 1 ;; # a network may recover once
		esac
		sleep "$pause"
	done
	return 1
}

# bring_by_npm DIR PACKAGE... fills a staging directory and moves it into place
# whole, so that an interrupted or parallel run leaves nothing half done.
bring_by_npm() {
	command -v npm >/dev/null 2>&1 || return 0
	target=$cache/$1 && shift
	mkdir -p "$cache" && staging=$(mktemp -d "$cache/staging.XXXXXX") || return
	if twice npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
		--cache "$scratch/npm" --prefix "$staging" "$@" && rm -rf "$target"; then
		mv "$staging" "$target"
	fi
	rm -rf "$staging"
}

bring() {
	# shellcheck disable=SC2086 # lists of words
	missing=$(absent $expected $helpers)
	[ -n "$install" ] && [ -n "$missing" ] || return 0
	echo "missing: $missing"
	# shellcheck disable=SC2086
	bring_by_apt $missing
	here nu || bring_by_npm nushell "$nushell"
	# shellcheck disable=SC2086
	here pwsh-parser || bring_by_npm tree-sitter $tree_sitter
	adopt
	return 0 # what is still missing is for require to judge
}

# require settles what the tests must find, and what is named as not run.
require() {
	absent_tools='' AWSMFA_REQUIRE_SHELLS=''
	for tool in $expected; do
		if [ -n "$ci" ] || here "$tool"; then
			AWSMFA_REQUIRE_SHELLS="$AWSMFA_REQUIRE_SHELLS $tool"
		fi
		here "$tool" || absent_tools="$absent_tools $tool"
	done
	AWSMFA_REQUIRE_SHELLS=${AWSMFA_REQUIRE_SHELLS# }
	export AWSMFA_REQUIRE_SHELLS
	for tool in $helpers; do
		here "$tool" || absent_tools="$absent_tools $tool"
	done
	for tool in $absent_tools; do
		not_run "$tool: not here and could not be brought"
	done
	never_had
	[ -z "$ci" ] || [ -z "$absent_tools" ] || {
		echo "missing, and CI is set:$absent_tools"
		return 1
	}
}

never_had() {
	[ -n "${AWSMFA_TEST_BASH:-}" ] ||
		not_run 'old bash releases (3.2 to 5.1): AWSMFA_TEST_BASH names none'
	command -v pwsh >/dev/null 2>&1 ||
		not_run 'PowerShell itself: no pwsh here; its texts are compared, and parsed where the grammar is'
	command -v cmd.exe >/dev/null 2>&1 ||
		not_run 'cmd.exe itself: not to be had here; its texts are compared'
}

not_run() {
	echo "NOT RUN: $*" | tee -a "$scratch/not-run"
}

# ---- the checks ----

check_format() {
	unformatted=$(gofmt -l .) || return
	[ -z "$unformatted" ] || { echo "gofmt -w would change:" && echo "$unformatted" && return 1; }
}

check_platform() {
	CGO_ENABLED=0 GOOS=${1%/*} GOARCH=${1#*/} go vet ./...
}

check_static() (
	# Without leave to fetch, only what the module cache holds may serve.
	if [ -z "$install" ]; then
		GOSUMDB=off GOPROXY=file://$(go env GOMODCACHE)/cache/download
		export GOSUMDB GOPROXY
	fi
	if ! twice go run "$staticcheck" -version >/dev/null; then
		not_run 'staticcheck: could not be built'
		[ -z "$ci" ]
		return
	fi
	go run "$staticcheck" ./...
)

# check_tests runs every test in two lines side by side. go test runs packages
# beside each other, but the tests of the verbs are more than all the rest and
# mostly one after another: they would be alone in the end, with one processor.
check_tests() {
	# In the long run one package alone may take half an hour.
	limit=20m race=''
	[ -z "$long" ] || limit=90m
	if here cc; then
		export CGO_ENABLED=1
		race=-race
	else
		not_run 'the race detector: it needs a C compiler'
	fi
	apart='^(TestScripts|TestTab.*|TestDirenv.*|TestHostile.*)$'
	(
		# shellcheck disable=SC2046 # one word each
		gotest $(go list ./... | grep -v '^awsmfa/command$')
		rest=$?
		gotest -run "$apart" ./command && [ "$rest" -eq 0 ]
	) >"$scratch/tests" 2>&1 &
	other=$!
	gotest -skip "$apart" ./command
	verbs=$?
	wait "$other"
	rest=$?
	cat "$scratch/tests"
	[ "$verbs" -eq 0 ] && [ "$rest" -eq 0 ]
}

gotest() {
	# shellcheck disable=SC2086 # nothing, where there is no race detector
	go test $race -shuffle=on -timeout "$limit" "$@"
}

# scripts prints the shell scripts of the tree, known by name or first line.
scripts() {
	git ls-files >"$scratch/files" 2>/dev/null || : >"$scratch/files"
	[ -s "$scratch/files" ] || find . -name .git -prune -o -type f -print >"$scratch/files"
	while IFS= read -r file; do
		[ ! -f "$file" ] || ! is_script "$file" || printf '%s\n' "$file"
	done <"$scratch/files"
}

is_script() {
	case $1 in *.sh | *.bash | *.ksh) return 0 ;; esac
	first=''
	IFS= read -r first <"$1" 2>/dev/null
	case $first in
	'#!'*[/\ ]sh | '#!'*[/\ ]bash | '#!'*[/\ ]dash | '#!'*[/\ ]ksh) ;;
	'#!'*[/\ ]sh' '* | '#!'*[/\ ]bash' '* | '#!'*[/\ ]dash' '* | '#!'*[/\ ]ksh' '*) ;;
	*) return 1 ;;
	esac
}

each_script() {
	scripts >"$scratch/scripts"
	[ -s "$scratch/scripts" ] || { echo 'no script was found' && return 1; }
	worst=0
	while IFS= read -r script; do
		"$@" "$script" </dev/null || worst=1
	done <"$scratch/scripts"
	echo "$(wc -l <"$scratch/scripts") scripts"
	return "$worst"
}

check_shellcheck() {
	if ! here shellcheck; then
		not_run 'shellcheck on the scripts'
		[ -z "$ci" ]
		return
	fi
	each_script shellcheck
}

# parse_script has the shells read a script without running it; one that
# names bash is not for the others.
parse_script() {
	faults=0
	case $1:$(head -n 1 "$1") in *.bash:* | *bash*)
		bash -n "$1"
		return
		;;
	*.ksh:*)
		ksh -n "$1" && mksh -n "$1"
		return
		;;
	esac
	for parser in bash dash 'busybox sh'; do
		# shellcheck disable=SC2086 # "busybox sh" is two words
		! here ${parser%% *} || $parser -n "$1" || faults=1
	done
	return "$faults"
}

# check_fuzz runs every fuzz target it finds. Next to nothing is spent on making
# a find smaller: that could take longer than all the rest.
check_fuzz() {
	worst=0 targets=0 default=20000x
	[ -z "$long" ] || default=1000000x
	executions=${AWSMFA_FUZZTIME:-$default}
	grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u >"$scratch/fuzzed"
	while IFS= read -r package; do
		for target in $(fuzz_targets "$package"); do
			targets=$((targets + 1))
			echo "$package $target"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$executions" -fuzzminimizetime 10x "$package" \
				</dev/null >"$scratch/fuzz" || { worst=1 && cat "$scratch/fuzz"; }
		done
	done <"$scratch/fuzzed"
	[ "$targets" -gt 0 ] || { echo 'no fuzz target was found' && return 1; }
	echo "$targets targets, $executions each"
	return "$worst"
}

fuzz_targets() {
	cat "$1"/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' | sort -u
}

# check_tree compares what git sees before and after: tests leave no files.
tree_state() {
	git status --porcelain --ignored 2>/dev/null
}

check_tree() {
	tree_state >"$scratch/after"
	diff "$scratch/before" "$scratch/after"
}

# ---- running them ----

passed=0 failed=0

step() {
	name=$1 && shift
	printf '\n== %s\n' "$name"
	began=$(date +%s)
	if "$@"; then
		passed=$((passed + 1)) verdict=ok
	else
		failed=$((failed + 1)) verdict=FAILED
	fi
	printf '%-6s %5ss  %s\n' "$verdict" "$(($(date +%s) - began))" "$name" | tee -a "$scratch/steps"
}

summary() {
	printf '\n== summary\n'
	cat "$scratch/steps"
	[ ! -s "$scratch/not-run" ] || sort -u "$scratch/not-run"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

main() {
	options "$@"
	exec 2>&1 # what a step says stays under its heading
	unset CDPATH
	cd -- "$(dirname -- "$0")" || exit 1
	command -v go >/dev/null 2>&1 || {
		echo 'test.sh: no go in PATH: install Go as go.mod asks for, then run this again'
		exit 1
	}
	places
	tree_state >"$scratch/before"
	PATH=$scratch/bin:$PATH
	adopt
	[ -z "$long" ] || export AWSMFA_LONG=1

	[ -z "$install" ] || step 'bring shells and clients' bring
	step 'shells and clients' require
	step gofmt check_format
	step 'go vet' go vet ./...
	for platform in windows/amd64 darwin/arm64 freebsd/amd64 linux/386; do
		step "go vet, $platform" check_platform "$platform"
	done
	step 'go mod tidy' go mod tidy -diff
	step staticcheck check_static
	step 'go test' check_tests
	step shellcheck check_shellcheck
	step 'scripts parse' each_script parse_script
	step fuzz check_fuzz
	[ -z "$ci" ] || step 'tree left as it was' check_tree
	summary
}

main "$@"

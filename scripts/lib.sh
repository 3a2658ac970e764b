# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script of this project shares: where things are, how progress and
# failures are reported, how the kernel's make is called.  Source it, do not
# run it.
#
# Variables set here (each may be given from outside):
#   ROOT     the checkout
#   CACHE    everything that is made or downloaded, outside the checkout
#   ARCH     x86_64 or arm64                 (default: this machine's)
#   FLAVOUR  release, debug or stock         (default: release)
#   JOBS     parallel jobs                   (default: number of processors)

[ -n "${BASH_VERSION:-}" ] || {
	echo "error: these scripts need bash" >&2
	exit 1
}

# What a calling make was told is not meant for the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${VSERVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vserver}
JOBS=${JOBS:-$(nproc)}
FLAVOUR=${FLAVOUR:-release}
KERNEL_VERSION=7.3.4
# The suffix of Debian's clang, lld and llvm commands.
LLVM_SUFFIX=-19

host_arch() {
	case "$(uname -m)" in
	x86_64 | amd64) echo x86_64 ;;
	aarch64 | arm64) echo arm64 ;;
	*) uname -m ;;
	esac
}

case "${ARCH:-}" in
'') ARCH=$(host_arch) ;;
amd64) ARCH=x86_64 ;;
aarch64) ARCH=arm64 ;;
esac

# Seconds since the first script of a run started; children inherit it.
: "${VSERVER_T0:=$(date +%s)}"
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/cargo}
export ROOT CACHE ARCH FLAVOUR JOBS VSERVER_T0 CARGO_TARGET_DIR
export VSERVER_CACHE=$CACHE

# Prepend DIR to PATH unless it is there already.
path_add() {
	case ":$PATH:" in
	*":$1:"*) ;;
	*) PATH=$1:$PATH ;;
	esac
}
[ ! -d "${CARGO_HOME:-$HOME/.cargo}/bin" ] || path_add "${CARGO_HOME:-$HOME/.cargo}/bin"
path_add "$CACHE/toolchain/bin"
export PATH
# bindgen must use the libclang that belongs to our compiler.
if [ -z "${LIBCLANG_PATH:-}" ] && [ -d "/usr/lib/llvm$LLVM_SUFFIX/lib" ]; then
	export LIBCLANG_PATH=/usr/lib/llvm$LLVM_SUFFIX/lib
fi

# --- reporting -------------------------------------------------------------

elapsed() {
	local s=$(($(date +%s) - VSERVER_T0))
	printf '%02d:%02d' $((s / 60)) $((s % 60))
}

# step "text": a progress line with the time since the run started.
step() {
	printf '[%s] %s\n' "$(elapsed)" "$*" >&2
}

note() {
	printf '        %s\n' "$*" >&2
}

warn() {
	printf 'warning: %s\n' "$*" >&2
}

# die CODE "message" ["remedy"]: say what is wrong and what helps, leave.
die() {
	local code=$1
	printf 'error: %s\n' "$2" >&2
	[ -z "${3:-}" ] || printf '  help: %s\n' "$3" >&2
	exit "$code"
}

# progress_ticker LABEL LOG: tells every now and then that LABEL still runs,
# with the last line of LOG.  Ends with the shell that started it.
progress_ticker() {
	local label=$1 log=$2 parent=$$ start now tick=30 last
	start=$(date +%s)
	[ ! -t 2 ] || tick=2
	while sleep "$tick" && kill -0 "$parent" 2>/dev/null; do
		now=$(($(date +%s) - start))
		last=$(tail -c 400 "$log" 2>/dev/null | tr '\r' '\n' | tr -cd '[:print:]\n' |
			sed '/^[[:space:]]*$/d' | tail -n 1 | sed 's/^[[:space:]]*//' | cut -c1-60)
		if [ -t 2 ]; then
			printf '\r\033[K        %s %ds  %s' "$label" "$now" "$last" >&2
		else
			printf '        %s: %ds  %s\n' "$label" "$now" "$last" >&2
		fi
	done
}

# show_log_failure NAME LOG STATUS: what a failed step leaves the reader with.
show_log_failure() {
	{
		printf -- '--- last lines of %s\n' "$2"
		tail -n 30 "$2"
		printf -- '---\n'
		printf 'error: %s failed (status %s)\n' "$1" "$3"
		printf '  log:  %s\n' "$2"
		printf '  help: %s\n' \
			"${LOG_REMEDY:-read the log, correct what it names, run the same command again; finished steps are kept}"
	} >&2
}

# run_logged NAME CMD...: run CMD with its output in $CACHE/logs/NAME.log and
# a sign of life on the terminal.  When it fails: the log's last lines, its
# place, what to do; returns CMD's status.  LOG_REMEDY replaces the advice.
run_logged() {
	local name=$1 log start rc ticker
	shift
	mkdir -p "$CACHE/logs"
	log=$CACHE/logs/$name.log
	start=$(date +%s)
	: >"$log"
	progress_ticker "$name" "$log" &
	ticker=$!
	# Not "CMD || rc=$?": that would switch errexit off inside CMD.
	set +e
	(
		set -e
		"$@"
	) >>"$log" 2>&1 </dev/null
	rc=$?
	set -e
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$rc" -ne 0 ]; then
		show_log_failure "$name" "$log" "$rc"
		return "$rc"
	fi
	step "$name: done in $(($(date +%s) - start)) s"
}

# as_root CMD...: run CMD as root, through sudo when needed.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die 4 "'$1' needs root and there is no sudo" "run 'make setup' as root once"
	fi
}

# need_command CMD...: each must exist.
need_command() {
	local c
	for c; do
		command -v "$c" >/dev/null ||
			die 3 "command '$c' is missing" "run 'make setup'"
	done
}

# version_ge A B: dotted version A is at least B.
version_ge() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

check_sha256() { # FILE SUM
	printf '%s  %s\n' "$2" "$1" | sha256sum --check --status
}

# --- kernel ----------------------------------------------------------------

check_arch() {
	case "$1" in
	x86_64 | arm64 | um) ;;
	*) die 2 "ARCH='$1' is not known" "use ARCH=x86_64 or ARCH=arm64" ;;
	esac
}

check_flavour() {
	case "$1" in
	release | debug | stock | series | kunit | kunit-*) ;;
	*) die 2 "FLAVOUR='$1' is not known" "use FLAVOUR=release or FLAVOUR=debug" ;;
	esac
}

kernel_tree() {
	echo "$CACHE/src/linux-$KERNEL_VERSION"
}

kernel_stock_tree() {
	echo "$CACHE/src/linux-$KERNEL_VERSION-stock"
}

kernel_build_dir() { # ARCH FLAVOUR
	echo "$CACHE/build/$1-$2"
}

kernel_image() { # ARCH FLAVOUR
	local dir
	dir=$(kernel_build_dir "$1" "$2")
	case "$1" in
	x86_64) echo "$dir/arch/x86/boot/bzImage" ;;
	arm64) echo "$dir/arch/arm64/boot/Image" ;;
	um) echo "$dir/linux" ;;
	*) die 2 "no kernel image is known for ARCH='$1'" "use ARCH=x86_64 or ARCH=arm64" ;;
	esac
}

# rust_lib_src: the directory with core/ that matches rustc; empty output and
# status 1 when there is none.
rust_lib_src() {
	local sysroot version dir
	sysroot=$(rustc --print sysroot)
	version=$(rustc --version | cut -d' ' -f2)
	for dir in "$sysroot/lib/rustlib/src/rust/library" \
		"$CACHE/toolchain/rust-src/usr/src/rustc-$version/library" \
		"/usr/src/rustc-$version/library"; do
		if [ -f "$dir/core/src/lib.rs" ]; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

# kernel_make ARCH FLAVOUR TREE ARGS...: the kernel's make with our toolchain.
kernel_make() {
	local arch=$1 flavour=$2 tree=$3 lib clippy=()
	shift 3
	# The user-mode kernel is compiled by clippy, for 'make check'.
	[ "$arch" != um ] || clippy=(CLIPPY=1)
	lib=$(rust_lib_src) ||
		die 3 "no Rust library source that matches $(rustc --version)" "run 'make setup'"
	make -C "$tree" O="$(kernel_build_dir "$arch" "$flavour")" ARCH="$arch" \
		LLVM="$LLVM_SUFFIX" RUST_LIB_SRC="$lib" \
		LOCALVERSION= KBUILD_BUILD_USER=vserver KBUILD_BUILD_HOST=vserver "${clippy[@]}" "$@"
}

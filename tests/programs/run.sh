#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the programs in four ways, boot a kernel with them and print their
# verdict.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
# shellcheck source=scripts/lib-boot.sh
. "$ROOT/scripts/lib-boot.sh"

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

PROGRAMS=(probe start stat kill reboot layout inside vshelper)
BUILDS=(x86_64-static x86_64-dynamic i386-static i386-dynamic)

usage() {
	cat <<'USAGE'
usage: run.sh [--flavour FLAVOUR] [--arch ARCH] [--build-only] [NAME...]

Builds programs that use the system call as those of the original Linux-VServer
do, boots the kernel of that flavour under QEMU with them, prints their results
(KTAP) and ends with 0 when all passed.

  --flavour FLAVOUR  release or debug (default: FLAVOUR, else release)
  --arch ARCH        x86_64; the programs are skipped on others
  --build-only       do not boot
  --timeout SECONDS  give up after this time
  NAME...            run these only: probe, start, stat, kill, reboot, layout

status: 0 all passed, 1 something failed, 2 wrong usage, 3 something is missing,
        5 the machine ended without a complete verdict
USAGE
}

flavour=$FLAVOUR arch=$ARCH boot=1 limit=0 names=()
while [ $# -gt 0 ]; do
	case "$1" in
	--flavour | --arch | --timeout)
		[ $# -ge 2 ] || die 2 "$1 needs a value" "see run.sh --help"
		case "$1" in
		--flavour) flavour=$2 ;;
		--arch) arch=$2 ;;
		--timeout) limit=$2 ;;
		esac
		shift
		;;
	--build-only) boot=0 ;;
	-h | --help)
		usage
		exit 0
		;;
	probe | start | stat | kill | reboot | layout) names+=("$1") ;;
	*) die 2 "'$1' is no option and no program" "see run.sh --help" ;;
	esac
	shift
done
check_arch "$arch"
check_flavour "$flavour"
[[ $limit =~ ^[0-9]+$ ]] || die 2 "'$limit' is not a number of seconds" "run.sh --timeout 600"
if [ "$arch" != x86_64 ] || [ "$(host_arch)" != x86_64 ]; then
	# The original tools exist for others too, but 32-bit beside 64-bit is x86.
	printf 'KTAP version 1\n1..1\nok 1 programs # SKIP x86-64 only\n'
	exit 0
fi

# compile BUILD PROGRAM DIR: a dynamic program finds its loader and its library
# beside itself, so that neither depends on what the build machine calls them.
compile() {
	local build=$1 program=$2 dir=$3 options=()
	case "$build" in
	x86_64-*) options+=(-m64) ;;
	i386-*) options+=(-m32) ;;
	esac
	case "$build" in
	*-static) options+=(-static) ;;
	*-dynamic) options+=("-Wl,--dynamic-linker=/programs/$build/ld.so" "-Wl,-rpath=/programs/$build") ;;
	esac
	# Debian keeps the headers of the kernel for 32-bit programs with the others.
	nice gcc "${options[@]}" -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
		-I"$ROOT/rust/vserver/include/uapi" -idirafter /usr/include/x86_64-linux-gnu \
		-o "$dir/$program" "$here/$program.c" "$here/support.c"
}

# libraries BUILD DIR: what a dynamic program needs.
libraries() {
	case "$1" in
	x86_64-dynamic) set -- -m64 ld-linux-x86-64.so.2 "$2" ;;
	i386-dynamic) set -- -m32 ld-linux.so.2 "$2" ;;
	*) return 0 ;;
	esac
	cp -L "$(gcc "$1" -print-file-name="$2")" "$3/ld.so"
	cp -L "$(gcc "$1" -print-file-name=libc.so.6)" "$3/libc.so.6"
}

# build_all DIR
build_all() {
	local build program
	mkdir -p "$1/programs" "$1/lib" "$1/dev" "$1/new"
	for build in "${BUILDS[@]}"; do
		mkdir "$1/programs/$build"
		for program in "${PROGRAMS[@]}"; do
			compile "$build" "$program" "$1/programs/$build"
		done
		libraries "$build" "$1/programs/$build"
	done
	compile x86_64-static init "$1"
}

# initramfs [MODULE]: makes the archive, named by what it is made of, and sets
# $archive to its path.
initramfs() {
	local key tree
	key=$(cat -- "$here"/*.[ch] "$here/run.sh" "$ROOT/rust/vserver/include/uapi/linux/vserver.h" \
		<(gcc --version) "$@" | sha256sum | cut -c1-16)
	archive=$CACHE/images/programs-$key.cpio
	[ ! -f "$archive" ] || return 0
	tree=$(mktemp -d)
	run_logged programs-build build_all "$tree" || {
		rm -rf "$tree"
		die 1 "the programs could not be built" "see $CACHE/logs/programs-build.log"
	}
	[ $# -eq 0 ] || install -m 644 "$1" "$tree/lib/vserver.ko"
	mkdir -p "$CACHE/images"
	rm -f "$CACHE/images/programs-"*.cpio
	(cd "$tree" && find . -print | sort |
		cpio --quiet --create --format=newc --owner=+0:+0) >"$archive.part"
	mv "$archive.part" "$archive"
	rm -rf "$tree"
}

need_command gcc cpio
module=$(core_module "$arch" "$flavour")
initramfs ${module:+"$module"}
[ "$boot" -eq 1 ] || exit 0

if [ "$limit" -eq 0 ]; then
	case "$flavour" in
	debug) limit=1200 ;;
	*) limit=600 ;;
	esac
fi
only=''
[ ${#names[@]} -eq 0 ] || only="programs.only=$(
	IFS=,
	echo "${names[*]}"
)"
boot_and_judge programs programs "$arch" "$flavour" "$archive" 1024 "$limit" "$only"

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Run KUnit suites and print one line per case, then a summary.
#
# usage: kunit.sh um [FILTER [FLAVOUR]]   in the user-mode kernel um-FLAVOUR
#                                         (default kunit), already built
#        kunit.sh boot ARCH [FLAVOUR]     in a kernel with built-in suites under
#                                         QEMU (default release), already built
#        kunit.sh qemu                    in the debug kernel under QEMU, as part
#                                         of the scenarios
#
# FILTER is a glob over suite names (default: all that the kernel has).
# The status is 0 when at least one case ran and none failed.  The results are
# read from the console: no user space runs that could write to it.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

LIMIT=300

# judge NAME LOG STATUS: results and complaints of a kernel that has ended.
judge() {
	local rc=0
	if [ "$3" -eq 124 ] || [ "$3" -eq 137 ]; then
		show_log_failure "$1" "$2" "$3"
		die 124 "the kernel did not end within $LIMIT s" "see $2"
	fi
	awk -f "$ROOT/scripts/ktap.awk" "$2" || rc=1
	if grep -qE 'Kernel panic|BUG:|WARNING:|Oops' "$2"; then
		grep -nE 'Kernel panic|BUG:|WARNING:|Oops' "$2" | head -n 5 >&2
		die 1 "the kernel complained" "see $2"
	fi
	[ "$rc" -eq 0 ] || note "log: $2"
	return "$rc"
}

run_um() { # FILTER FLAVOUR
	local kernel log=$CACHE/logs/kunit-um-$2.log tmp rc=0
	kernel=$(kernel_image um "$2")
	[ -x "$kernel" ] || die 1 "there is no user-mode kernel um-$2" "run 'scripts/build-kernel.sh um $2'"
	mkdir -p "$CACHE/logs"
	# The kernel's memory is a file: on disk when /dev/shm is too small or
	# must not hold programs.
	tmp=$(mktemp -d)
	TMPDIR=$tmp timeout --kill-after=5 "$LIMIT" "$kernel" mem=512M con=none con0=fd:0,fd:1 console=tty \
		printk.time=0 kunit.enable=1 kunit.autorun=1 "kunit.filter_glob=$1" kunit_shutdown=halt \
		</dev/null >"$log" 2>&1 || rc=$?
	rm -rf "$tmp"
	judge kunit-um "$log" "$rc"
}

run_boot() { # ARCH FLAVOUR
	local kernel log=$CACHE/logs/kunit-$1-$2.log rc=0
	kernel=$(kernel_image "$1" "$2")
	[ -f "$kernel" ] || die 1 "there is no kernel $1-$2" "run 'scripts/build-kernel.sh $1 $2'"
	mkdir -p "$CACHE/logs"
	"$ROOT/scripts/qemu.sh" -A "$1" -k "$kernel" -m 1024 -s 2 -t "$LIMIT" \
		-c 'kunit.enable=1 kunit.autorun=1 kunit_shutdown=reboot' </dev/null >"$log" 2>&1 || rc=$?
	judge "kunit-$1" "$log" "$rc"
}

case "${1:-}" in
um) run_um "${2:-*}" "${3:-kunit}" ;;
boot) run_boot "${2:?an architecture}" "${3:-release}" ;;
qemu) exec "$ROOT/tests/guest/run.sh" --flavour debug kunit ;;
*) die 2 "say where to run" "usage: kunit.sh um [FILTER [FLAVOUR]] | boot ARCH [FLAVOUR] | qemu" ;;
esac

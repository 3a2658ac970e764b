#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Run KUnit suites and print one line per case, then a summary.
#
# usage: kunit.sh um [FILTER [FLAVOUR]]   in the user-mode kernel um-FLAVOUR
#                                         (default kunit), already built
#        kunit.sh qemu                    in the debug kernel under QEMU
#
# FILTER is a glob over suite names (default: all that the kernel has).
# The status is 0 when at least one case ran and none failed.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

LIMIT=300

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
	if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
		show_log_failure kunit-um "$log" "$rc"
		die 124 "the user-mode kernel did not end within $LIMIT s" "see $log"
	fi
	awk -f "$ROOT/scripts/ktap.awk" "$log" || rc=1
	if grep -qE 'Kernel panic|BUG:|WARNING:|Oops' "$log"; then
		grep -nE 'Kernel panic|BUG:|WARNING:|Oops' "$log" | head -n 5 >&2
		die 1 "the user-mode kernel complained" "see $log"
	fi
	[ "$rc" -eq 0 ] || note "log: $log"
	return "$rc"
}

case "${1:-}" in
um) run_um "${2:-*}" "${3:-kunit}" ;;
qemu) exec "$ROOT/tests/guest/run.sh" --flavour debug kunit ;;
*) die 2 "say where to run" "usage: kunit.sh um [FILTER [FLAVOUR]] | qemu" ;;
esac

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the tests in stages, with their times, and end with one plain line:
# N passed, N failed, N skipped.
#
# usage: test.sh [NAME...]
#
# NAME is a stage (test.sh list), or a group of stages, or STAGE:ITEM for some
# of a stage's items: kunit:GLOB, guest:SCENARIO, guest-debug:SCENARIO,
# programs:PROGRAM, debian:TEST, tools:TEST, check:CHECK.  What a stage needs is
# built first.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib-test.sh
. "$ROOT/scripts/lib-test.sh"

STAGES=(setup kernel-release kernel-debug kernel-um kunit guest-release guest-debug programs debian tools check)

usage() {
	cat <<'USAGE'
setup           what building and testing needs
kernel-release  the release kernel        (group: kernel)
kernel-debug    the debug kernel          (groups: kernel, debug)
kernel-um       the user-mode kernel      (group: kernel)
kunit           KUnit suites in the user-mode kernel
guest-release   scenarios in a booted machine, release kernel   (group: guest)
guest-debug     the same and KUnit on the debug kernel          (groups: guest, debug)
programs        programs written for the original interface, in both widths
debian          Debian guests with systemd (12 and 13), sysvinit, a plain command, legacy init, networks
tools           tests of the command, its library and the harnesses
check           format, lints, style, budgets

Without names all stages run.
USAGE
}

# --- which stages ------------------------------------------------------------

declare -A wanted=() items=()

want() { # STAGE [ITEM]
	wanted[$1]=1
	[ -z "${2:-}" ] || items[$1]+=" $2"
}

select_name() { # NAME
	local stage=${1%%:*} item=''
	[ "$stage" = "$1" ] || item=${1#*:}
	case "$stage" in
	kernel)
		want kernel-release
		want kernel-debug
		want kernel-um
		;;
	debug)
		want kernel-debug
		want guest-debug "$item"
		;;
	guest)
		want guest-release "$item"
		want guest-debug "$item"
		;;
	*)
		[[ " ${STAGES[*]} " == *" $stage "* ]] ||
			die 2 "there is no stage or test '$1'" "stages: ${STAGES[*]}; items as STAGE:ITEM"
		want "$stage" "$item"
		;;
	esac
}

if [ "${1:-}" = list ]; then
	usage
	exit 0
fi
if [ $# -eq 0 ]; then
	set -- "${STAGES[@]}"
fi
for name; do
	select_name "$name"
done
# What the selected stages stand on.
want setup
[ -z "${wanted[kunit]:-}" ] || want kernel-um
# A single check builds what it needs by itself.
[ -z "${wanted[check]:-}" ] || [ -n "${items[check]:-}" ] || want kernel-um
[ -z "${wanted["guest-release"]:-}" ] || want kernel-release
[ -z "${wanted[programs]:-}" ] || want kernel-release
[ -z "${wanted[debian]:-}" ] || want kernel-release
[ -z "${wanted["guest-debug"]:-}" ] || want kernel-debug

# --- run ---------------------------------------------------------------------

results_begin
for stage in "${STAGES[@]}"; do
	[ -n "${wanted[$stage]:-}" ] || continue
	read -r -a stage_items <<<"${items[$stage]:-}"
	run_stage "$stage" "${stage_items[@]}"
done
results_end

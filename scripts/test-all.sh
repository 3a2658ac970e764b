#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# make test, then the build matrix.  Takes hours on two processors.
#
# usage: test-all.sh [STAGE...]

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib-test.sh
. "$ROOT/scripts/lib-test.sh"
# shellcheck source=scripts/lib-matrix.sh
. "$ROOT/scripts/lib-matrix.sh"

STAGES=(setup kernel-release kernel-debug kernel-um kunit guest-release guest-debug programs debian tools check
	inert series-builds net-selftests core-module core-built-in arm64-kernel arm64-kunit arm64-guest)

usage() {
	cat <<'USAGE'
every stage of make test, and
inert          KUnit of the release: the same on the unpatched tree and on ours switched off
series-builds  each patch alone, with ours switched off
net-selftests  network selftests of the kernel: the same on the unpatched kernel, on ours, in guests
core-module    scenarios on the release kernel with the core as a module
core-built-in  scenarios and KUnit on the debug kernel with the core built in
arm64-kernel   the release kernel for arm64, with KUnit
arm64-kunit    its KUnit suites, under QEMU
arm64-guest    the scenarios on it, under QEMU
USAGE
}

if [ "${1:-}" = list ]; then
	usage
	exit 0
fi
for name; do
	[[ " ${STAGES[*]} " == *" $name "* ]] || die 2 "there is no stage '$name'" "one of: ${STAGES[*]}"
done
[ $# -eq 0 ] || STAGES=("$@")

results_begin
for stage in "${STAGES[@]}"; do
	run_stage "$stage"
done
results_end

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the scripts that judge and fetch: a result that is wrong must be
# called wrong.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# expect WHAT WANTED GOT
expect() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		printf 'not ok %s: wanted <%s>, got <%s>\n' "$1" "$2" "$3"
		failures=$((failures + 1))
	fi
}

# --- ktap.awk ----------------------------------------------------------------

tally() { # prints the summary and the status
	local rc=0
	awk -f "$ROOT/scripts/ktap.awk" | tail -n 1 | tr -d '\n' || rc=$?
	echo " $rc"
}

expect 'ktap: passed leaves of a suite' '# summary: pass=2 fail=0 skip=0 0' "$(
	printf '%s\n' 'KTAP version 1' '1..1' '    # Subtest: s' '    1..2' '    ok 1 a' '    ok 2 b' 'ok 1 s' | tally
)"
expect 'ktap: a failed leaf fails the run, its suite is not counted again' '# summary: pass=1 fail=1 skip=0 1' "$(
	printf '%s\n' '1..1' '    # Subtest: s' '    1..2' '    ok 1 a' '    not ok 2 b' 'not ok 1 s' | tally
)"
expect 'ktap: a suite that fails without a failed leaf' '# summary: pass=1 fail=1 skip=0 1' "$(
	printf '%s\n' '1..1' '    # Subtest: s' '    1..1' '    ok 1 a' 'not ok 1 s' | tally
)"
expect 'ktap: a missing result' '# summary: pass=1 fail=1 skip=0 1' "$(
	printf '%s\n' '1..2' 'ok 1 a' | tally
)"
expect 'ktap: a suite cut off in the middle' '# summary: pass=1 fail=1 skip=0 1' "$(
	printf '%s\n' '1..1' '    # Subtest: s' '    1..2' '    ok 1 a' | tally
)"
expect 'ktap: nothing at all' '# summary: pass=0 fail=1 skip=0 1' "$(tally </dev/null)"
expect 'ktap: skipped, with time stamps and carriage returns' '# summary: pass=1 fail=0 skip=1 0' "$(
	printf '[    0.5] 1..2\r\n[    0.5][    T1] ok 1 a # SKIP not here\r\n<6>[    0.6] ok 2 - b\r\n' | tally
)"

# --- cargo-ktap.awk ------------------------------------------------------------

expect 'cargo: results become KTAP' 'ok 1 m::a|not ok 2 m::b|ok 3 m::c # SKIP ignored|1..3' "$(
	printf '%s\n' 'running 3 tests' 'test m::a ... ok' 'test m::b ... FAILED' 'test m::c ... ignored' |
		awk -f "$ROOT/scripts/cargo-ktap.awk" | paste -sd '|'
)"

# --- tests/selftests -------------------------------------------------------------

expect 'selftests: results of a machine' 'c: a b: pass|c: b: fail|c: d: skip|c: status: 1' "$(
	printf '%s\n' 'ok 1 nowhere' '== begin c' 'ok 1 a:b' 'not ok 2 - b # why' 'ok 3 d # SKIP no' '== end c 1' |
		awk -f "$ROOT/tests/selftests/leaves.awk" | paste -sd '|'
)"

compared() { # PLACE EXPECTED STOCK PLACE: the verdicts
	printf '%b' "$2" >"$work/expected"
	printf '%b' "$3" >"$work/stock"
	printf '%b' "$4" >"$work/place"
	awk -v place="$1" -v first=1 -f "$ROOT/tests/selftests/compare.awk" "$work/expected" "$work/stock" "$work/place" |
		grep -v '^#' | paste -sd '|'
}

header='# expected\n'
expect 'selftests: the same' 'ok 1 idle: c' "$(compared idle "$header" 'c: s: pass\n' 'c: s: pass\n')"
expect 'selftests: a difference' 'not ok 1 idle: c' "$(compared idle "$header" 'c: s: pass\n' 'c: s: fail\n')"
expect 'selftests: a pass where stock fails' 'not ok 1 idle: c' "$(compared idle "$header" 'c: s: fail\n' 'c: s: pass\n')"
expect 'selftests: a missing result' 'not ok 1 idle: c' "$(compared idle "$header" 'c: s: pass\nc: t: pass\n' 'c: s: pass\n')"
expect 'selftests: one more result' 'not ok 1 idle: c' "$(compared idle "$header" 'c: s: pass\n' 'c: s: pass\nc: t: pass\n')"
listed=$header'c: s: fail  # a guest may not\n'
expect 'selftests: an expected difference' 'ok 1 guest: c' "$(compared guest "$listed" 'c: s: pass\n' 'c: s: fail\n')"
expect 'selftests: an unexpected pass' 'not ok 1 guest: c' "$(compared guest "$listed" 'c: s: pass\n' 'c: s: pass\n')"
expect 'selftests: expected in guests only' 'not ok 1 idle: c' "$(compared idle "$listed" 'c: s: pass\n' 'c: s: fail\n')"
expect 'selftests: what is listed and does not exist' 'ok 1 guest: d|not ok 2 guest: c' \
	"$(compared guest "$listed" 'd: s: pass\n' 'd: s: pass\n')"
expect 'selftests: a difference without a reason' 1 \
	"$(compared guest "$header"'c: s: fail\n' 'c: s: pass\n' 'c: s: fail\n' | grep -c '^Bail out!')"

# --- lib-apt.sh ------------------------------------------------------------------

expect 'apt: archives of another release' \
	'Types: deb|URIs: m/|Suites: other|Signed-By: k||Types: deb|URIs: m/|Suites: other-security|Signed-By: k|' "$(
		# shellcheck source=scripts/lib-apt.sh
		. "$ROOT/scripts/lib-apt.sh"
		printf 'Types: deb\nURIs: m/\nSuites: %s\nSigned-By: k\n\n' own own-security stable |
			of_other_release own other | paste -sd '|'
	)"

# --- fetch-kernel.sh -----------------------------------------------------------

fetch() { # FILE [SUM]: the status and the number of files that were kept
	local rc=0
	VSERVER_CACHE=$work/cache KERNEL_TARBALL=$1 KERNEL_SHA256=${2:-} \
		"$ROOT/scripts/fetch-kernel.sh" >/dev/null 2>"$work/fetch.err" || rc=$?
	echo "$rc $(find "$work/cache" -type f | wc -l)"
}

echo 'not a kernel' >"$work/tarball"
expect 'fetch: a given tarball that is not there' '2 0' "$(fetch "$work/absent")"
expect 'fetch: a given tarball with an unknown sum' '5 0' "$(fetch "$work/tarball")"
expect 'fetch: the error tells the remedy' 1 "$(grep -c '  help: .*KERNEL_SHA256=' "$work/fetch.err")"
expect 'fetch: a given tarball with a wrong sum' '5 0' "$(fetch "$work/tarball" "$(printf '0%.0s' {1..64})")"
expect 'fetch: a given tarball with the right sum' '0 0' \
	"$(fetch "$work/tarball" "$(sha256sum "$work/tarball" | cut -d' ' -f1)")"

# --- lib.sh ----------------------------------------------------------------------

expect 'run_logged: the status of the command, and its last lines' '3 1' "$(
	rc=0
	(CACHE=$work && run_logged fails bash -c 'echo said; exit 3') 2>"$work/err" || rc=$?
	echo "$rc $(grep -c '^said$' "$work/err")"
)"
expect 'run_logged: a function stops at its first failure' 0 "$(
	two_steps() {
		false
		echo went on
	}
	set +e
	# shellcheck disable=SC2030 # for this shell only, as meant
	(set -e && CACHE=$work && run_logged stops two_steps) 2>/dev/null
	grep -c 'went on' "$work/logs/stops.log"
)"
expect 'version_ge' 'yes no yes' "$(
	for pair in '1.85.0 1.85.0' '1.84.9 1.85.0' '1.100.0 1.95'; do
		read -r a b <<<"$pair"
		if version_ge "$a" "$b"; then echo yes; else echo no; fi
	done | paste -sd ' '
)"

# --- lib-boot.sh -----------------------------------------------------------------

# A machine that stalls some times before it boots and gives its verdict.
mkdir -p "$work/tree/scripts"
cat >"$work/tree/scripts/qemu.sh" <<'MACHINE'
#!/usr/bin/env bash
stalls=$(cat "$WORK/stalls")
echo $((stalls - 1)) >"$WORK/stalls"
[ "$stalls" -le 0 ] || exec sleep 600
for argument; do
	[[ $argument != *,path=* ]] || verdict=${argument#*,path=}
done
echo "$VERDICT" >"$verdict"
MACHINE
chmod +x "$work/tree/scripts/qemu.sh"

boot() { # STALLS VERDICT PATIENCE: the status, and how often it was said that a machine stalled
	local rc=0
	echo "$1" >"$work/stalls"
	(
		export WORK=$work VERDICT=$2
		# shellcheck source=scripts/lib-boot.sh
		. "$ROOT/scripts/lib-boot.sh"
		# shellcheck disable=SC2030,SC2031 # for this shell only, as meant
		ROOT=$work/tree CACHE=$work BOOT_PATIENCE=$3
		built_kernel() { echo kernel; }
		boot_and_judge things things x86_64 release '' 512 600 ''
	) >/dev/null 2>"$work/boot.err" || rc=$?
	echo "$rc $(grep -c '^warning: the machine stalled' "$work/boot.err")"
}

passed='# summary: pass=3 fail=0 skip=1'
expect 'boot: a machine whose results are good' '0 0' "$(boot 0 "$passed" 60)"
expect 'boot: one that stalls is started once more' '0 1' "$(boot 1 "$passed" 10)"
expect 'boot: one that stalls again has failed' '5 1' "$(boot 2 "$passed" 3)"
expect 'boot: one that ends without a verdict' '5 0' "$(boot 0 'ok 1' 60)"
expect 'boot: one with a failure' '1 0' "$(boot 0 '# summary: pass=3 fail=1 skip=0' 60)"
expect 'boot: one where nothing ran' '1 0' "$(boot 0 '# summary: pass=0 fail=0 skip=0' 60)"

[ "$failures" -eq 0 ]

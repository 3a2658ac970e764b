# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Stages of a test run: each is run, timed and counted; the whole ends with one
# line.  Source it after lib.sh.

# What each stage said, as KTAP.
results=$CACHE/results

# stage_needs STAGE: the stage that must have ended well before.
stage_needs() {
	case "$1" in
	kernel-* | tools | arm64-kernel | inert | series-builds) echo setup ;;
	kunit | check) echo kernel-um ;;
	core-module | net-selftests) echo kernel-release ;;
	core-built-in) echo kernel-debug ;;
	arm64-kunit | arm64-guest) echo arm64-kernel ;;
	guest-release | programs | debian) echo kernel-release ;;
	guest-debug) echo kernel-debug ;;
	esac
}

# stage_run STAGE ITEM...: do it; KTAP on standard output unless the stage only
# builds.
stage_run() {
	local stage=$1
	shift
	case "$stage" in
	setup) "$ROOT/scripts/setup.sh" ;;
	kernel-release) "$ROOT/scripts/build-kernel.sh" "$ARCH" release ;;
	kernel-debug) "$ROOT/scripts/build-kernel.sh" "$ARCH" debug ;;
	kernel-um) "$ROOT/scripts/build-kernel.sh" um kunit ;;
	kunit) stage_kunit "$@" ;;
	guest-release) "$ROOT/tests/guest/run.sh" --flavour release --arch "$ARCH" "$@" ;;
	guest-debug) "$ROOT/tests/guest/run.sh" --flavour debug --arch "$ARCH" "$@" ;;
	programs) "$ROOT/tests/programs/run.sh" --flavour release --arch "$ARCH" "$@" ;;
	debian) "$ROOT/tests/debian/run.sh" --flavour release "$@" ;;
	tools) stage_tools "$@" ;;
	check) "$ROOT/scripts/check.sh" "$@" ;;
	*) matrix_stage "$stage" ;;
	esac
}

stage_builds_only() {
	case "$1" in
	setup | kernel-* | *-kernel) return 0 ;;
	*) return 1 ;;
	esac
}

# The raw log, so that every stage speaks KTAP.
stage_kunit() {
	local rc=0
	"$ROOT/scripts/kunit.sh" um "${1:-*}" >/dev/null || rc=$?
	sed -n '/^KTAP version/,$p' "$CACHE/logs/kunit-um-kunit.log"
	return "$rc"
}

stage_tools() { # FILTER...
	local w log=$CACHE/logs/test-tools.log rc=0 one
	: >"$log"
	: >"$log.tests"
	for w in tools tests/guest bench; do
		[ -f "$ROOT/$w/Cargo.toml" ] || continue
		one=0
		cargo test --locked --workspace --no-fail-fast -j "$JOBS" --manifest-path "$ROOT/$w/Cargo.toml" \
			-- "$@" >"$log.one" 2>"$log.err" </dev/null || one=$?
		cat "$log.one" "$log.err" >>"$log"
		if [ "$one" -ne 0 ]; then
			rc=$one
			tail -n 30 "$log.err" >&2
			# A crate that does not compile has no failed test to name.
			grep -q ' \.\.\. FAILED$' "$log.one" || echo "test $w: cargo test ... FAILED" >>"$log.one"
		fi
		# Doc tests have spaces in their names; the workspace goes in front.
		sed -n "s|^test |test $w: |p" "$log.one" >>"$log.tests"
	done
	awk -f "$ROOT/scripts/cargo-ktap.awk" "$log.tests"
	rm -f "$log.one" "$log.err" "$log.tests"
	return "$rc"
}

results_begin() {
	rm -rf "$results"
	mkdir -p "$results"
	total_pass=0 total_fail=0 total_skip=0
	declare -gA stage_status=()
	stage_times=() failed_items=() skipped_items=()
}

duration() { # SECONDS
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# run_stage STAGE ITEM...
run_stage() {
	local stage=$1 start rc=0 need seconds
	need=$(stage_needs "$stage")
	if [ -n "$need" ] && [ "${stage_status[$need]:-ok}" != ok ]; then
		stage_status[$stage]=skipped
		skipped_items+=("$stage (because of $need)")
		total_skip=$((total_skip + 1))
		step "== $stage: skipped, $need did not end well"
		return 0
	fi
	step "== $stage${2:+: ${*:2}}"
	start=$(date +%s)
	set +e
	(
		set -e
		stage_run "$@"
	) | tee "$results/$stage.ktap" >&2
	rc=${PIPESTATUS[0]}
	set -e
	stage_status[$stage]=ok
	if stage_builds_only "$stage"; then
		[ "$rc" -eq 0 ] || fail_stage "$stage" "$stage"
	else
		count_stage "$stage" "$rc"
	fi
	seconds=$(($(date +%s) - start))
	stage_times+=("$(printf '%-16s %7s  %s' "$stage" "$(duration "$seconds")" "${stage_status[$stage]}")")
	step "== $stage: ${stage_status[$stage]} after $(duration "$seconds")"
}

fail_stage() { # STAGE WHAT
	stage_status[$1]=failed
	failed_items+=("$2")
	total_fail=$((total_fail + 1))
}

# Count the leaves; a stage that failed without a failed leaf is one failure.
count_stage() { # STAGE STATUS
	local list summary name
	list=$(awk -v prefix="$1:" -f "$ROOT/scripts/ktap.awk" "$results/$1.ktap" || :)
	summary=$(tail -n 1 <<<"$list")
	[[ $summary =~ pass=([0-9]+)\ fail=([0-9]+)\ skip=([0-9]+) ]]
	total_pass=$((total_pass + BASH_REMATCH[1]))
	total_fail=$((total_fail + BASH_REMATCH[2]))
	total_skip=$((total_skip + BASH_REMATCH[3]))
	if [ "${BASH_REMATCH[2]}" -gt 0 ]; then
		stage_status[$1]=failed
		while read -r name; do
			failed_items+=("$name")
		done < <(sed -n 's/^not ok //p' <<<"$list")
	elif [ "$2" -ne 0 ]; then
		fail_stage "$1" "$1 (ended with status $2)"
	fi
	while read -r name; do
		[ -z "$name" ] || skipped_items+=("$name")
	done < <(sed -n 's/^skip //p' <<<"$list")
}

# Stage times, what was skipped, what failed, and the line.
results_end() {
	local line
	echo
	for line in "${stage_times[@]}"; do echo "  $line"; done
	printf '  %-16s %7s\n' total "$(duration $(($(date +%s) - VSERVER_T0)))"
	for line in "${skipped_items[@]}"; do echo "skipped: $line"; done
	for line in "${failed_items[@]}"; do echo "FAILED: $line"; done
	[ "$total_fail" -eq 0 ] || echo "logs: $CACHE/logs, results: $CACHE/results"
	echo "$total_pass passed, $total_fail failed, $total_skip skipped"
	[ "$total_fail" -eq 0 ]
}

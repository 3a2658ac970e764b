# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The stages of the build matrix.  Source it after lib-test.sh, whose stages it
# extends.

: "${results:?source lib-test.sh first}"

# An x86-64 or arm64 kernel with other settings is built in its flavour's place:
# only what depends on the settings is compiled anew, and the next plain build
# puts it back.
guest_with() { # ARCH FLAVOUR SETTING...
	local arch=$1 flavour=$2 rc=0
	"$ROOT/scripts/build-kernel.sh" "$@"
	"$ROOT/tests/guest/run.sh" --flavour "$flavour" --arch "$arch" || rc=$?
	"$ROOT/scripts/build-kernel.sh" "$arch" "$flavour"
	return "$rc"
}

# The suites of the release, in a form that can be compared: verdict and name.
baseline_results() { # FLAVOUR
	"$ROOT/scripts/build-kernel.sh" um "$1"
	"$ROOT/scripts/kunit.sh" um '*' "$1" >"$results/$1.leaves" || :
	[ "$(wc -l <"$results/$1.leaves")" -gt 1 ]
}

stage_inert() {
	local number=1 flavour
	echo "KTAP version 1"
	echo "1..3"
	for flavour in kunit-stock kunit-off; do
		if baseline_results "$flavour"; then
			echo "ok $number $flavour runs"
		else
			echo "not ok $number $flavour runs"
		fi
		number=$((number + 1))
	done
	if diff "$results/kunit-stock.leaves" "$results/kunit-off.leaves" >&2; then
		echo "ok 3 the same results: $(tail -n 1 "$results/kunit-off.leaves" | tr -d '#')"
	else
		echo "not ok 3 the same results"
	fi
}

# Objects of every source file that the series touches, for this architecture.
series_objects() {
	local file
	while read -r file; do
		case "$file" in
		arch/x86/*.c | fs/*.c | kernel/*.c | security/*.c | net/*.c | mm/*.c | ipc/*.c | init/*.c)
			echo "${file%.c}.o"
			;;
		esac
	done < <(sed 's|^|'"$ROOT"'/patches/|' "$ROOT/patches/series" | xargs git apply --numstat | cut -f3 | sort -u)
	# Users of the headers that the series touches.
	printf '%s\n' kernel/fork.o kernel/cred.o security/security.o arch/x86/entry/
}

# Each commit of the series, checked out in a work tree of its own, with ours
# switched off.  Rust is left out until the last: what the series does there are
# includes, and each would compile the kernel crate again.
stage_series-builds() {
	local tree worktree commits commit objects number=0 rc settings header
	tree=$("$ROOT/scripts/prepare-tree.sh")
	worktree=$tree-series
	if [ ! -e "$worktree/.git" ]; then
		git -C "$tree" worktree prune
		git -C "$tree" worktree add --force --detach "$worktree" base >&2
	fi
	mapfile -t commits < <(git -C "$tree" rev-list --reverse base..vserver)
	mapfile -t objects < <(series_objects | sort -u)
	echo "KTAP version 1"
	echo "1..${#commits[@]}"
	for commit in "${commits[@]}"; do
		number=$((number + 1))
		git -C "$worktree" checkout -q --detach "$commit"
		rsync -rc --delete "$tree/kernel/vserver/" "$worktree/kernel/vserver/"
		while read -r header; do
			[ -z "$header" ] || rsync -c "$tree/include/$header" "$worktree/include/$header"
		done <"$tree/.git/vserver-headers"
		settings=(CONFIG_RUST=n)
		[ "$number" -lt "${#commits[@]}" ] || settings=()
		rc=0
		run_logged "series-$number" series_build "$worktree" "${#settings[@]}" "${settings[@]}" "${objects[@]}" || rc=$?
		if [ "$rc" -eq 0 ]; then
			echo "ok $number $(git -C "$tree" log -1 --format=%s "$commit" | tr -d '#')"
		else
			echo "not ok $number $(git -C "$tree" log -1 --format=%s "$commit" | tr -d '#')"
		fi
	done
}

series_build() { # WORKTREE COUNT SETTING... OBJECT...
	local worktree=$1 count=$2
	shift 2
	"$ROOT/scripts/configure.sh" x86_64 series "$worktree" "${@:1:count}"
	shift "$count"
	[ "$count" -gt 0 ] || set -- "$@" rust/
	kernel_make x86_64 series "$worktree" -j "$JOBS" "$@"
}

stage_arm64-kunit() {
	local rc=0
	"$ROOT/scripts/kunit.sh" boot arm64 release >/dev/null || rc=$?
	sed -n -E 's/^(\[[^]]*\] ?)+//; /^KTAP version/,$p' "$CACHE/logs/kunit-arm64-release.log"
	return "$rc"
}

# The network selftests of the kernel compare ours with the unpatched one.
stage_net-selftests() { # ARCH
	"$ROOT/scripts/build-kernel.sh" "$1" stock
	"$ROOT/tests/selftests/run.sh" --flavour release
}

# Stages beyond those of make test.
# shellcheck disable=SC2153 # ARCH is set by lib.sh
matrix_stage() {
	case "$1" in
	inert) stage_inert ;;
	series-builds) stage_series-builds ;;
	net-selftests) stage_net-selftests "$ARCH" ;;
	core-module) guest_with "$ARCH" release CONFIG_VSERVER_CORE=m ;;
	core-built-in) guest_with "$ARCH" debug CONFIG_VSERVER_CORE=y ;;
	arm64-kernel)
		"$ROOT/scripts/build-kernel.sh" arm64 release CONFIG_KUNIT=y CONFIG_KUNIT_DEBUGFS=y CONFIG_VSERVER_KUNIT_TEST=y
		;;
	arm64-kunit) stage_arm64-kunit ;;
	arm64-guest) "$ROOT/tests/guest/run.sh" --flavour release --arch arm64 ;;
	*) die 2 "there is no stage '$1'" ;;
	esac
}

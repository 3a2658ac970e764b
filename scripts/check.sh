#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Format, lints, style and budgets.  Prints KTAP; what a failed check has to say
# goes to standard error.  With names, only those checks.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

CHECKS=(rustfmt clippy kernel-warnings checkpatch-series checkpatch-glue shellcheck
	unsafe file-length spdx machine-paths series-stable budget abi-doc make-help scripts)
MAX_LINES=800

cd "$ROOT"
need_command git shellcheck cargo rustfmt perl

# Every file of the project that is, or could be, committed.
project_files() { # PATHSPEC...
	git ls-files --cached --others --exclude-standard --deduplicate -- "$@" |
		while read -r f; do [ ! -f "$f" ] || echo "$f"; done
}

workspaces() {
	local w
	for w in tools tests/guest bench; do
		[ ! -f "$w/Cargo.toml" ] || echo "$w"
	done
}

kernel_rust_files() {
	project_files 'rust/vserver/*.rs'
}

check_rustfmt() {
	local files w rc=0
	mapfile -t files < <(kernel_rust_files)
	[ "${#files[@]}" -eq 0 ] || rustfmt --check --config-path rustfmt.toml "${files[@]}" || rc=1
	for w in $(workspaces); do
		cargo fmt --all --check --manifest-path "$w/Cargo.toml" || rc=1
	done
	return "$rc"
}

check_clippy() {
	local w rc=0
	for w in $(workspaces); do
		cargo clippy --quiet --locked --all-targets --workspace -j "$JOBS" --manifest-path "$w/Cargo.toml" \
			-- -D warnings -D clippy::undocumented_unsafe_blocks || rc=1
	done
	return "$rc"
}

# The core and the glue, compiled afresh by clippy (the user-mode kernel always
# is) and with the C compiler's extra warnings: nothing may be said about them.
check_kernel-warnings() {
	local tree dir log=$CACHE/logs/check-kernel.log said
	"$ROOT/scripts/build-kernel.sh" um kunit
	tree=$(kernel_tree)
	dir=$(kernel_build_dir um kunit)
	rm -rf "$dir/kernel/vserver"
	kernel_make um kunit "$tree" -j "$JOBS" W=1 kernel/vserver/ >"$log" 2>&1 || {
		tail -n 30 "$log"
		return 1
	}
	said=$(grep -nE '^(warning|error)|kernel/vserver/.*(warning|error):|vserver.*: (warning|error):' "$log" || :)
	[ -z "$said" ] || {
		cat "$log"
		return 1
	}
}

checkpatch() {
	local tree
	tree=$(kernel_tree)
	[ -d "$tree" ] || die 1 "there is no kernel tree yet" "run 'make kernel' first"
	perl "$tree/scripts/checkpatch.pl" --root="$tree" --no-summary --terse --strict --show-types --color=never "$@"
}

# NO_AUTHOR_SIGN_OFF, MISSING_SIGN_OFF: the series is not sent anywhere from
# here; who submits it signs it off.
# FILE_PATH_CHANGES: MAINTAINERS belongs to the kernel and is not edited.
check_checkpatch-series() {
	local copy rc=0
	copy=$(mktemp -d)
	# A file that git knows would be read as source, not as a patch.
	project_files 'patches/*.patch' | xargs -r cp -t "$copy"
	if [ -n "$(ls "$copy")" ]; then
		(cd "$copy" && checkpatch --ignore NO_AUTHOR_SIGN_OFF,MISSING_SIGN_OFF,FILE_PATH_CHANGES ./*.patch) || rc=1
	fi
	rm -rf "$copy"
	return "$rc"
}

# ENOSYS: checkpatch takes it for a system call number that is not there; it is
# what the ABI answers without a core and to callers without rights.
check_checkpatch-glue() {
	local files
	mapfile -t files < <(project_files 'rust/vserver/*.c' 'rust/vserver/*.h')
	[ "${#files[@]}" -eq 0 ] || checkpatch --no-tree --file --ignore FILE_PATH_CHANGES,ENOSYS "${files[@]}"
}

shell_scripts() {
	project_files | while read -r f; do
		case "$f" in
		*.sh) echo "$f" ;;
		*.rs | *.c | *.h | *.md | *.patch) ;;
		*) ! head -c 64 "$f" | head -n 1 | grep -qE '^#!.*\b(ba|da)?sh\b' || echo "$f" ;;
		esac
	done
}

check_shellcheck() {
	local files
	mapfile -t files < <(shell_scripts)
	shellcheck "${files[@]}"
}

# Outside sys/ the word may only appear in comments and in attributes; inside,
# a SAFETY comment stands before each block and implementation.
check_unsafe() {
	local outside inside rc=0
	mapfile -t outside < <(kernel_rust_files | grep -v '^rust/vserver/sys/')
	mapfile -t inside < <(kernel_rust_files | grep '^rust/vserver/sys/')
	if [ "${#outside[@]}" -gt 0 ]; then
		awk '{ code = $0; sub(/\/\/.*/, "", code); gsub(/"[^"]*"/, "", code); gsub(/unsafe_code|unsafe_op_in_unsafe_fn|#!?\[unsafe\(/, "", code) }
			code ~ /(^|[^A-Za-z0-9_])unsafe([^A-Za-z0-9_]|$)/ { printf "%s:%d: unsafe outside sys/: %s\n", FILENAME, FNR, $0; bad = 1 }
			END { exit bad }' "${outside[@]}" || rc=1
	fi
	if [ "${#inside[@]}" -gt 0 ]; then
		awk 'FNR == 1 { commented = 0 }
			{ code = $0; sub(/^[ \t]+/, "", code) }
			code ~ /^\/\/.*SAFETY:/ { commented = 1; next }
			code ~ /^\/\// || code ~ /^#/ { next }
			code ~ /unsafe (\{|impl)/ && !commented { printf "%s:%d: no SAFETY comment: %s\n", FILENAME, FNR, $0; bad = 1 }
			# A comment covers the statement below it, however long.
			code ~ /[;{}]$/ { commented = 0 }
			END { exit bad }' "${inside[@]}" || rc=1
	fi
	return "$rc"
}

source_files() {
	project_files | grep -E '(\.(rs|c|h|sh|awk|py|config|toml)|(^|/)(Makefile|Kconfig[^/]*))$|^\.ci/' || :
	shell_scripts
}

check_file-length() {
	local f n rc=0
	while read -r f; do
		n=$(wc -l <"$f")
		if [ "$n" -gt "$MAX_LINES" ]; then
			echo "$f: $n lines, at most $MAX_LINES"
			rc=1
		fi
	done < <(source_files | sort -u)
	return "$rc"
}

check_spdx() {
	local f rc=0
	while read -r f; do
		if ! head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2\.0'; then
			echo "$f: no 'SPDX-License-Identifier: GPL-2.0' in its first lines"
			rc=1
		fi
	done < <(source_files | sort -u)
	return "$rc"
}

# No place of one machine, and no package mirror but the machine's own.
check_machine-paths() {
	local files
	mapfile -t files < <(project_files | grep -v '^scripts/check\.sh$')
	! grep -nE '(^|[^A-Za-z0-9_.])/(work|home/[a-z]+|root/\.[a-z]+|Users)/|deb\.debian\.org|ftp\.[a-z.]*debian\.org|static\.crates\.io|index\.crates\.io' \
		-- "${files[@]}"
}

check_series-stable() {
	local added
	if [ ! -f patches/series ]; then
		echo "patches/series does not exist"
		return 1
	fi
	added=$(while read -r p; do git apply --summary "patches/$p"; done <patches/series | grep -E 'create|delete|rename|mode change' || :)
	[ -z "$added" ] || {
		echo "$added"
		return 1
	}
	[ "$(cd patches && find . -name '*.patch' -printf '%f\n' | sort)" = "$(sort patches/series)" ] || {
		echo "patches/series and the files in patches/ differ"
		return 1
	}
	"$ROOT/scripts/prepare-tree.sh" >/dev/null
	"$ROOT/scripts/make-patches.sh" --check
}

check_budget() {
	"$ROOT/scripts/stats.sh"
}

check_abi-doc() {
	"$ROOT/scripts/abi-doc.sh" --check
}

check_make-help() {
	local target targets rc=0 help
	help=$(make -s help)
	read -r -a targets < <(sed -n 's/^\.PHONY: //p' Makefile)
	for target in "${targets[@]}"; do
		grep -qE "^  $target  *[^ ]" <<<"$help" || {
			echo "make help does not list '$target'"
			rc=1
		}
	done
	return "$rc"
}

check_scripts() {
	"$ROOT/scripts/selftest.sh"
}

if [ "${1:-}" = list ]; then
	printf '%s\n' "${CHECKS[@]}"
	exit 0
fi
selected=("${@:-${CHECKS[@]}}")
[ $# -gt 0 ] || selected=("${CHECKS[@]}")
for name in "${selected[@]}"; do
	declare -F "check_$name" >/dev/null || die 2 "there is no check '$name'" "one of: ${CHECKS[*]}"
done

echo "KTAP version 1"
echo "1..${#selected[@]}"
number=0 failed=0
mkdir -p "$CACHE/logs"
for name in "${selected[@]}"; do
	number=$((number + 1))
	log=$CACHE/logs/check-$name.out
	set +e
	(
		set -e
		"check_$name"
	) >"$log" 2>&1
	rc=$?
	set -e
	if [ "$rc" -eq 0 ]; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=1
		{
			tail -n 40 "$log" | sed 's/^/    /'
			note "all of it: $log"
		} >&2
	fi
done
exit "$failed"

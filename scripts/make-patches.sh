#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Write the commits base..vserver of the kernel tree to patches/, in
# format-patch style.  The result depends on the commits only: running it twice
# changes nothing.  With --check nothing is written; the status says whether
# patches/ is what the branch holds.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

check=0
case "${1:-}" in
'') ;;
--check) check=1 ;;
*) die 2 "unknown argument '$1'" "usage: make-patches.sh [--check]" ;;
esac

tree=$(kernel_tree)
[ -d "$tree/.git" ] || die 1 "there is no kernel tree yet" "run 'make kernel' first"

# The reader's own git settings must not show in the result.
patch_git() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		LC_ALL=C TZ=UTC git -C "$tree" "$@"
}

if [ -n "$(patch_git status --porcelain --untracked-files=no)" ]; then
	warn "$tree has uncommitted changes; they are not in the patches"
fi
merges=$(patch_git rev-list --merges base..vserver)
[ -z "$merges" ] || die 1 "branch 'vserver' contains merges" "make it a straight line of commits"
added=$(patch_git log --format= --diff-filter=ACR --name-only base..vserver | sort -u)
[ -z "$added" ] || die 1 "the series adds files: $(echo "$added" | tr '\n' ' ')" \
	"new files belong in rust/vserver; the series edits existing files only"

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
patch_git format-patch --quiet --zero-commit --no-signature --no-numbered --no-encode-email-headers \
	--no-renames --no-cover-letter --no-thread --no-attach --no-base --no-notes --abbrev=12 \
	--stat=75 --diff-algorithm=histogram --unified=3 --src-prefix=a/ --dst-prefix=b/ \
	--output-directory "$new" base..vserver
(cd "$new" && find . -name '*.patch' -printf '%f\n' | sort >series)

if [ "$check" -eq 1 ]; then
	mkdir -p "$new/old"
	find "$ROOT/patches" -maxdepth 1 \( -name '*.patch' -o -name series \) -exec cp -t "$new/old" {} + 2>/dev/null || :
	diff -rq -x old "$new" "$new/old" >"$new.diff" || {
		sed "s|$new/old|patches|g; s|$new|branch|g" "$new.diff" >&2
		rm -f "$new.diff"
		die 1 "patches/ is not what branch 'vserver' holds" "run 'make patches', or bring the branch back to the series"
	}
	rm -f "$new.diff"
	exit 0
fi

mkdir -p "$ROOT/patches"
# Only what differs is written, and what the series no longer has goes.
for file in "$new"/*; do
	name=$(basename "$file")
	if ! cmp -s "$file" "$ROOT/patches/$name"; then
		cp "$file" "$ROOT/patches/$name"
		chmod 644 "$ROOT/patches/$name"
		step "patches: wrote $name"
	fi
done
for file in "$ROOT"/patches/*.patch; do
	[ -e "$file" ] || continue
	if [ ! -e "$new/$(basename "$file")" ]; then
		rm "$file"
		step "patches: removed $(basename "$file")"
	fi
done
# From here on the series and the branch are known to be the same.
printf '%s %s\n' "$(sed "s|^|$ROOT/patches/|" "$new/series" | xargs -r cat | sha256sum | cut -d' ' -f1)" \
	"$(patch_git rev-parse vserver)" >"$tree/.git/vserver-applied"
step "patches: $(wc -l <"$new/series") in the series"

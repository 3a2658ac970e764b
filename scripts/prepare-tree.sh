#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Make the kernel tree: the pinned release as first commit (tag "base"), the
# series in patches/ as commits of branch "vserver", and rust/vserver copied
# into kernel/vserver/ and include/.  Nothing that is equal already is touched,
# so that builds stay incremental.  Prints the tree's place on standard output.
#
# A branch with commits that are not the series belongs to a developer and is
# left alone.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BRANCH=vserver
need_command git rsync xz flock

mkdir -p "$CACHE/src"
exec 9>"$CACHE/src/.lock"
flock -n 9 || {
	step "kernel tree: waiting for another run to finish with it"
	flock 9
}

# --- which tree --------------------------------------------------------------

tree=$(kernel_tree)
source_sum=''
if [ -n "${KERNEL_TARBALL:-}" ] || [ ! -d "$tree/.git" ]; then
	fetched=$("$ROOT/scripts/fetch-kernel.sh")
	read -r source_kind source_sum source_file <<<"$fetched"
	# A tree from another source lives beside the first one.
	if [ -d "$tree/.git" ] && [ "$(cat "$tree/.git/vserver-source" 2>/dev/null)" != "$source_kind $source_sum" ]; then
		tree=$tree-${source_sum:0:8}
	fi
fi

tree_git() {
	git -C "$tree" -c user.name=vserver -c user.email=vserver@localhost \
		-c commit.gpgSign=false -c core.hooksPath=/dev/null -c gc.auto=0 -c advice.detachedHead=false "$@"
}

# --- unpack ------------------------------------------------------------------

unpack() {
	local part=$tree.part
	rm -rf "$part"
	mkdir "$part"
	tar -x -f "$source_file" -C "$part" --strip-components=1 \
		--checkpoint=20000 --checkpoint-action=echo='%u records unpacked'
	[ "$(make -s -C "$part" kernelversion)" = "$KERNEL_VERSION" ] ||
		die 5 "$source_file is not linux-$KERNEL_VERSION" "give the right tarball"
	git -C "$part" init -q -b "$BRANCH"
	echo "adding the files to git"
	# Forced: the kernel's own .gitignore matches some released files.
	git -C "$part" -c core.autocrlf=false -c gc.auto=0 add -A -f
	GIT_AUTHOR_DATE='2000-01-01T00:00:00Z' GIT_COMMITTER_DATE='2000-01-01T00:00:00Z' \
		git -C "$part" -c user.name=vserver -c user.email=vserver@localhost \
		-c commit.gpgSign=false -c core.hooksPath=/dev/null -c gc.auto=0 \
		commit -q -m "Linux $KERNEL_VERSION"
	git -C "$part" tag base
	git -C "$part" config gc.auto 0
	echo "$source_kind $source_sum" >"$part/.git/vserver-source"
	mv "$part" "$tree"
}

if [ ! -d "$tree/.git" ]; then
	step "kernel tree: unpacking $(basename "$source_file") to $tree"
	rm -rf "$tree"
	run_logged unpack unpack
fi
tree_git rev-parse -q --verify base >/dev/null ||
	die 1 "$tree has no tag 'base'" "remove the directory and run again: it is made anew"

# --- the series --------------------------------------------------------------

series_files() {
	[ -f "$ROOT/patches/series" ] || return 0
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$ROOT/patches/series" |
		while read -r name; do
			[ -f "$ROOT/patches/$name" ] ||
				die 1 "patches/series names '$name', which does not exist" "run 'make patches' or restore the file"
			echo "$ROOT/patches/$name"
		done
}

# build_commits: the series as commits on base, without touching the work tree.
# Prints the last commit.
build_commits() {
	local index parent patch meta
	meta=$(mktemp -d)
	index=$meta/index
	parent=$(tree_git rev-parse base)
	GIT_INDEX_FILE=$index tree_git read-tree base
	for patch in "${series[@]}"; do
		GIT_INDEX_FILE=$index tree_git apply --cached --whitespace=nowarn "$patch" ||
			rm -rf "$meta"
		[ -d "$meta" ] || die 1 "$(basename "$patch") does not apply to linux-$KERNEL_VERSION" \
				"correct the patch, or the branch and then 'make patches'"
		git -C "$tree" mailinfo --no-scissors "$meta/message" "$meta/diff" <"$patch" >"$meta/info"
		{
			sed -n 's/^Subject: //p' "$meta/info"
			echo
			cat "$meta/message"
		} >"$meta/text"
		parent=$(GIT_AUTHOR_NAME=$(sed -n 's/^Author: //p' "$meta/info") \
			GIT_AUTHOR_EMAIL=$(sed -n 's/^Email: //p' "$meta/info") \
			GIT_AUTHOR_DATE=$(sed -n 's/^Date: //p' "$meta/info") \
			GIT_COMMITTER_DATE=$(sed -n 's/^Date: //p' "$meta/info") \
			tree_git commit-tree -p "$parent" -F "$meta/text" \
			"$(GIT_INDEX_FILE=$index tree_git write-tree)")
	done
	rm -rf "$meta"
	echo "$parent"
}

apply_series() {
	local record=$tree/.git/vserver-applied wanted tip applied_sum='' applied_tip='' new
	wanted=$(cat -- "${series[@]}" </dev/null | sha256sum | cut -d' ' -f1)
	if [ "$(tree_git symbolic-ref -q --short HEAD || :)" != "$BRANCH" ]; then
		warn "$tree is not on branch '$BRANCH': left as it is, the series is not applied"
		return 0
	fi
	tip=$(tree_git rev-parse HEAD)
	[ ! -f "$record" ] || read -r applied_sum applied_tip <"$record"
	if [ "$tip" = "$applied_tip" ] && [ "$wanted" = "$applied_sum" ]; then
		return 0
	fi
	new=$(build_commits)
	if [ "$(tree_git rev-parse "$new^{tree}")" = "$(tree_git rev-parse "$tip^{tree}")" ]; then
		# The same content.  Commits made by hand are kept; ours follow the
		# patches' messages.
		if [ "$tip" = "$applied_tip" ]; then
			tree_git update-ref -m "series" "refs/heads/$BRANCH" "$new" "$tip"
			tip=$new
		fi
		echo "$wanted $tip" >"$record"
		return 0
	fi
	if [ "$tip" != "$applied_tip" ] && [ "$tip" != "$(tree_git rev-parse base)" ]; then
		warn "branch '$BRANCH' in $tree carries commits that are not in patches/: left as it is"
		note "'make patches' writes them to patches/; to drop them: git -C $tree reset --hard base"
		return 0
	fi
	step "kernel tree: applying ${#series[@]} patches"
	# Two-way merge: only files that differ between the two commits are
	# written, and uncommitted work in one of those stops it.
	tree_git update-index -q --refresh || :
	tree_git read-tree -m -u "$tip" "$new" ||
		die 1 "$tree has uncommitted changes in files that the series changes" \
			"commit or drop them, then run again"
	tree_git update-ref -m "series" "refs/heads/$BRANCH" "$new" "$tip"
	echo "$wanted $new" >"$record"
}

list=$(series_files)
series=()
[ -z "$list" ] || mapfile -t series <<<"$list"
apply_series

# --- rust/vserver ------------------------------------------------------------

# mirror SRC DST ARGS...: equal by content afterwards; equal files untouched.
mirror() {
	local src=$1 dst=$2
	shift 2
	mkdir -p "$dst"
	rsync --recursive --links --checksum --executability --delete --prune-empty-dirs "$@" \
		--exclude='*.o' --exclude='.*' --exclude='*~' --exclude='*.orig' --exclude='*.rej' \
		"$src/" "$dst/"
}

# copy_if_changed SRC DST
copy_if_changed() {
	cmp -s "$1" "$2" || install -D -m 644 "$1" "$2"
}

kconfig=''
for candidate in "$ROOT/Kconfig.vserver" "$ROOT/rust/vserver/Kconfig.vserver" "$ROOT/rust/vserver/Kconfig"; do
	if [ -f "$candidate" ]; then
		kconfig=$candidate
		break
	fi
done

sync_sources() {
	local header synced=$tree/.git/vserver-headers now
	mirror "$ROOT/rust/vserver" "$tree/kernel/vserver" \
		--exclude=/include/ --exclude=/Kconfig --exclude=/Kconfig.vserver
	[ -z "$kconfig" ] || copy_if_changed "$kconfig" "$tree/kernel/vserver/Kconfig"

	now=$(cd "$ROOT/rust/vserver/include" 2>/dev/null && find . -type f -name '*.h' | sed 's|^\./||' | sort)
	# Headers that an earlier run copied and that exist no more.
	if [ -f "$synced" ]; then
		comm -23 "$synced" <(printf '%s\n' "$now") | while read -r header; do
			[ -z "$header" ] || rm -f "$tree/include/$header"
		done
	fi
	for header in $now; do
		if tree_git cat-file -e "base:include/$header" 2>/dev/null; then
			die 1 "rust/vserver/include/$header would replace a file of the kernel" "give it another name"
		fi
		copy_if_changed "$ROOT/rust/vserver/include/$header" "$tree/include/$header"
	done
	printf '%s\n' "$now" >"$synced"
	{
		echo "/kernel/vserver/"
		for header in $now; do
			echo "/include/$header"
		done
	} >"$tree/.git/info/exclude"
}

[ ! -d "$ROOT/rust/vserver" ] || sync_sources

# --- the release without ours ------------------------------------------------

# --stock: a second work tree of the same repository at tag "base".
if [ "${1:-}" = --stock ]; then
	stock=$tree-stock
	if [ ! -e "$stock/.git" ]; then
		step "kernel tree: checking the release out to $stock"
		tree_git worktree prune
		run_logged stock-tree tree_git worktree add --force --detach "$stock" base
	fi
	echo "$stock"
else
	echo "$tree"
fi

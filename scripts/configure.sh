#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Make .config for one architecture and flavour: the fragments in configs/ (for
# the user-mode kernel those in tests/kunit/), merged on allnoconfig.  Every
# symbol that a fragment asks for must have come out with its value.  An
# unchanged configuration keeps its file's time.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage='usage: configure.sh ARCH FLAVOUR TREE [CONFIG_SYMBOL=VALUE...]'
[ $# -ge 3 ] || die 2 "too few arguments" "$usage"
arch=$1 flavour=$2 tree=$3
shift 3
check_arch "$arch"
check_flavour "$flavour"

dir=$(kernel_build_dir "$arch" "$flavour")
mkdir -p "$dir"

case "$arch-$flavour" in
um-kunit) fragments=(tests/kunit/um.config tests/kunit/core.config) ;;
# The release's own suites: on the unpatched tree, and with ours switched off.
um-kunit-stock | um-kunit-off) fragments=(tests/kunit/um.config tests/kunit/release.config) ;;
um-*) die 2 "the user-mode kernel has no flavour '$flavour'" "one of: kunit kunit-stock kunit-off" ;;
*-kunit*) die 2 "flavour '$flavour' is for the user-mode kernel" "use ARCH=um" ;;
*) fragments=(configs/base.config "configs/$arch.config") ;;
esac
# The flavour's, then what the flavour does otherwise on this architecture.
if [ "$arch" != um ]; then
	for f in "configs/$flavour.config" "configs/$flavour.$arch.config"; do
		[ ! -f "$ROOT/$f" ] || fragments+=("$f")
	done
fi

# The last word on a symbol counts; a symbol named twice would make conf warn.
merged=$dir/fragments.config
{
	for f in "${fragments[@]}"; do
		cat "$ROOT/$f"
	done
	for setting; do
		printf '%s\n' "$setting"
	done
} | sed -E -e 's/^# (CONFIG_[A-Za-z0-9_]+) is not set$/\1=n/' -e '/^#/d' -e '/^[[:space:]]*$/d' |
	awk -F= '{ if (!($1 in value)) order[n++] = $1; value[$1] = $0 }
	         END { for (i = 0; i < n; i++) print value[order[i]] }' >"$merged"

kernel_make "$arch" "$flavour" "$tree" KCONFIG_ALLCONFIG="$merged" allnoconfig

missing=$(awk -F= '
	FNR == NR {
		if ($0 ~ /^# CONFIG_.* is not set$/) { split($0, w, " "); have[w[2]] = "n" }
		else if ($0 ~ /^CONFIG_/) have[$1] = substr($0, length($1) + 2)
		next
	}
	{
		want = substr($0, length($1) + 2)
		got = ($1 in have) ? have[$1] : "n"
		if (got != want) printf "  %s: wanted %s, got %s\n", $1, want, got
	}' "$dir/.config" "$merged")

if [ -n "$missing" ]; then
	printf '%s\n' "$missing" >&2
	die 1 "the configuration of $arch-$flavour did not accept the symbols above" \
		"look up their dependencies in the kernel's Kconfig and correct configs/"
fi

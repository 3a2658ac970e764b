#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Remove what was built (--all: everything in the cache) and say how much that
# freed.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
'') parts=(build cargo images logs results) ;;
--all) parts=(build cargo images logs results src downloads toolchain) ;;
*) die 2 "unknown argument '$1'" "usage: clean.sh [--all]" ;;
esac

freed=0
for part in "${parts[@]}"; do
	[ -e "$CACHE/$part" ] || continue
	size=$(du -sm "$CACHE/$part" | cut -f1)
	rm -rf "${CACHE:?}/$part"
	step "clean: $part, $size MiB"
	freed=$((freed + size))
done
step "clean: $freed MiB freed in $CACHE"
if [ -d "$CACHE" ] && [ -z "${1:-}" ]; then
	note "kept: $(du -sm "$CACHE" | cut -f1) MiB (downloads, kernel tree, toolchain); 'make distclean' removes them"
fi

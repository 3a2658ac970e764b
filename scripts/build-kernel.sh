#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Build one kernel: source, tree, configuration, compilation, each only as far
# as something changed.
#
# usage: build-kernel.sh [ARCH [FLAVOUR [CONFIG_SYMBOL=VALUE...]]]
#
#   ARCH     x86_64, arm64, or um for the user-mode kernel
#   FLAVOUR  release, debug, stock (the unpatched release); with um: kunit,
#            kunit-stock (the unpatched release), kunit-off (patched, ours off)
#
# CONFIG_SYMBOL=VALUE settings go on top of the flavour's configuration.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

arch=${1:-$ARCH}
flavour=${2:-$FLAVOUR}
settings=("${@:3}")
check_arch "$arch"
check_flavour "$flavour"
need_command make "clang$LLVM_SUFFIX" rustc bindgen flock

name=kernel-$arch-$flavour
dir=$(kernel_build_dir "$arch" "$flavour")
image=$(kernel_image "$arch" "$flavour")
mkdir -p "$dir"

case "$flavour" in
stock | kunit-stock) tree=$("$ROOT/scripts/prepare-tree.sh" --stock) ;;
*) tree=$("$ROOT/scripts/prepare-tree.sh") ;;
esac

exec 8>"$dir/.vserver-lock"
flock -n 8 || {
	step "$name: waiting for another build in the same place"
	flock 8
}

# Everything the result depends on.
fingerprint() {
	echo "$tree" "$arch" "$flavour" "${settings[@]}"
	git -C "$tree" rev-parse HEAD
	git -C "$tree" diff HEAD
	case "$flavour" in
	stock | kunit-stock) ;;
	*) cd "$tree" && find kernel/vserver include/linux/vserver* include/uapi/linux/vserver* \
		-type f -exec sha256sum {} + 2>/dev/null | sort -k 2 ;;
	esac
	cat "$ROOT"/configs/*.config "$ROOT"/tests/kunit/*.config "$ROOT/scripts/configure.sh"
	"clang$LLVM_SUFFIX" --version
	rustc --version
	bindgen --version
}

stamp=$dir/.vserver-built
wanted=$(fingerprint | sha256sum | cut -d' ' -f1)
if [ -f "$image" ] && [ "$stamp" -nt "$image" ] && [ "$(<"$stamp")" = "$wanted" ]; then
	step "$name: up to date"
	exit 0
fi

step "$name: building in $dir with $JOBS jobs"
rm -f "$stamp"
run_logged "$name-config" "$ROOT/scripts/configure.sh" "$arch" "$flavour" "$tree" "${settings[@]}"

case "$arch" in
x86_64) targets=(bzImage modules) ;;
arm64) targets=(Image modules) ;;
um) targets=(linux) ;;
esac
LOG_REMEDY="correct what the compiler names (kernel C in $tree, ours in rust/vserver), run the same command again" \
	run_logged "$name" kernel_make "$arch" "$flavour" "$tree" -j "$JOBS" "${targets[@]}"
[ -f "$image" ] || die 1 "the build ended well but left no $image" "see $CACHE/logs/$name.log"
echo "$wanted" >"$stamp"

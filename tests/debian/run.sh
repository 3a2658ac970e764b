#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a Debian host with guests that have different kinds of init, and print the
# verdict.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
# shellcheck source=scripts/lib-boot.sh
. "$ROOT/scripts/lib-boot.sh"

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# Releases of Debian whose guests with systemd are tested.
RELEASES=(bookworm trixie)
TESTS=(sysvinit legacy "${RELEASES[@]/#/systemd-}" plain limits helper network sites rates)

usage() {
	cat <<'USAGE'
usage: run.sh [--flavour FLAVOUR] [--timeout SECONDS] [NAME...]

Builds the command and the image of a Debian host, boots the kernel of that
flavour under QEMU with it, starts, reboots and halts guests there, prints the
results (KTAP) and ends with 0 when all passed.

  --flavour FLAVOUR  release or debug (default: FLAVOUR, else release)
  --timeout SECONDS  give up after this time
  NAME...            run these only: sysvinit, legacy, systemd-bookworm, systemd-trixie,
               plain, limits, helper, network, sites, rates; systemd is both

status: 0 all passed, 1 something failed, 2 wrong usage, 3 something is missing,
        5 the machine ended without a complete verdict
USAGE
}

flavour=$FLAVOUR limit=0 names=()
while [ $# -gt 0 ]; do
	case "$1" in
	--flavour | --timeout)
		[ $# -ge 2 ] || die 2 "$1 needs a value" "see run.sh --help"
		case "$1" in
		--flavour) flavour=$2 ;;
		--timeout) limit=$2 ;;
		esac
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	-*) die 2 "option '$1' is not known" "see run.sh --help" ;;
	systemd) names+=("${RELEASES[@]/#/systemd-}") ;;
	*)
		[[ " ${TESTS[*]} " == *" $1 "* ]] || die 2 "there is no test '$1'" "one of: ${TESTS[*]}"
		names+=("$1")
		;;
	esac
	shift
done
check_flavour "$flavour"
[[ $limit =~ ^[0-9]+$ ]] || die 2 "'$limit' is not a number of seconds" "run.sh --timeout 600"
if [ "$ARCH" != "$(host_arch)" ]; then
	# The image is a Debian of this machine's architecture.
	printf 'KTAP version 1\n1..1\nok 1 debian # SKIP this machine has another architecture\n'
	exit 0
fi
built_kernel "$ARCH" "$flavour" >/dev/null

if [ "$limit" -eq 0 ]; then
	case "$flavour" in
	debug) limit=4500 ;;
	*) limit=2700 ;;
	esac
fi

"$ROOT/scripts/build-tools.sh"
"$ROOT/scripts/image.sh"
image=$("$ROOT/scripts/image.sh" --path)
# The roots of guests that have one of their own, by the serial numbers of the disks.
roots=()
for release in "${RELEASES[@]}"; do
	[ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" systemd-$release "* ]] || continue
	"$ROOT/scripts/image.sh" --guest "$release"
	root=$("$ROOT/scripts/image.sh" --guest "$release" --path)
	roots+=(-drive "file=$root,if=none,id=$release,format=raw,snapshot=on,cache=unsafe"
		-device "virtio-blk-pci,drive=$release,serial=guest-$release")
done
module=$(core_module "$ARCH" "$flavour")
work=$(mktemp -d "${TMPDIR:-/tmp}/vserver-debian.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/payload"
cp "$here"/machine/* "$ROOT/demo/machine" "$ROOT/demo/poweroff" \
	"$CARGO_TARGET_DIR/release/vserver" ${module:+"$module"} "$work/payload/"
tar --owner=0 --group=0 --numeric-owner -cf "$work/run.tar" -C "$work/payload" .

only=''
[ ${#names[@]} -eq 0 ] || only=" debian.only=$(
	IFS=,
	echo "${names[*]}"
)"
# In a shell of its own, which has its own trap.
(boot_and_judge guests debian "$ARCH" "$flavour" '' 2048 "$limit" \
	"root=/dev/vda rw init=/sbin/vserver-init$only" \
	-drive "file=$image,if=none,id=host,format=raw,snapshot=on,cache=unsafe" \
	-device virtio-blk-pci,drive=host \
	-drive "file=$work/run.tar,if=none,id=run,format=raw,readonly=on" \
	-device virtio-blk-pci,drive=run,serial=vserver-run "${roots[@]}")

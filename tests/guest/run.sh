#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a kernel with the scenarios as its PID 1 and print their verdict.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
# shellcheck source=scripts/lib-boot.sh
. "$ROOT/scripts/lib-boot.sh"

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

usage() {
	cat <<'USAGE'
usage: run.sh [--flavour FLAVOUR] [--arch ARCH] [--full] [--seed N] [--seconds N]
              [--list] [NAME...]

Builds the scenarios, boots the kernel of that flavour under QEMU with them as
PID 1, prints their results (KTAP) and ends with 0 when all passed.

  --flavour FLAVOUR  release or debug; stock shows that the scenarios can fail
                     (default: FLAVOUR, else release)
  --arch ARCH        x86_64 or arm64 (default: ARCH, else this machine's)
  --full             heavy scenarios do all that is promised, instead of the
                     share that fits into a few minutes
  --seed N           what random-commands starts from: the same seed draws the
                     same commands
  --seconds N        how long random-commands acts
  --list             print the names of the scenarios
  --timeout SECONDS  give up after this time
  NAME...            run these only (default: all)

status: 0 all passed, 1 something failed, 2 wrong usage, 3 something is missing,
        5 the machine ended without a complete verdict
USAGE
}

flavour=$FLAVOUR arch=$ARCH list=0 full='' limit=0 random='' seconds=0 names=()
while [ $# -gt 0 ]; do
	case "$1" in
	--flavour | --arch | --timeout | --seed | --seconds)
		[ $# -ge 2 ] || die 2 "$1 needs a value" "see run.sh --help"
		case "$1" in
		--flavour) flavour=$2 ;;
		--arch) arch=$2 ;;
		--timeout) limit=$2 ;;
		--seed) random+=" vserver.seed=$2" ;;
		--seconds) seconds=$2 random+=" vserver.seconds=$2" ;;
		esac
		shift
		;;
	--list) list=1 ;;
	--full) full=' vserver.full' ;;
	-h | --help)
		usage
		exit 0
		;;
	-*) die 2 "option '$1' is not known" "see run.sh --help" ;;
	*) names+=("$1") ;;
	esac
	shift
done
check_arch "$arch"
check_flavour "$flavour"
[[ $seconds =~ ^[0-9]+$ ]] || die 2 "'$seconds' is not a number of seconds" "run.sh --seconds 600"
[[ $limit =~ ^[0-9]+$ ]] || die 2 "'$limit' is not a number of seconds" "run.sh --timeout 600"

case "$arch" in
x86_64) target=x86_64-unknown-linux-gnu ;;
arm64) target=aarch64-unknown-linux-gnu ;;
*) die 2 "ARCH='$arch' has no scenarios" "use x86_64 or arm64" ;;
esac

# build TARGET: makes the static binary and sets $binary to its path.
build() {
	need_command cargo
	RUSTFLAGS='-C target-feature=+crt-static' run_logged guest-tests-build \
		nice cargo build --manifest-path "$here/Cargo.toml" --release --locked \
		--jobs "$JOBS" --target "$1"
	binary=$CARGO_TARGET_DIR/$1/release/guest-tests
}

if [ "$list" -eq 1 ]; then
	build "$(rustc -vV | sed -n 's/^host: //p')"
	exec "$binary" --list
fi

built_kernel "$arch" "$flavour" >/dev/null
need_command cpio mkfs.ext4
build "$target"

# The core as a module goes into the initramfs when the kernel was built so.
module=$(core_module "$arch" "$flavour")

# initramfs BINARY [MODULE]: makes the archive, named by content, and sets
# $archive to its path.
initramfs() {
	local key tree
	key=$(cat -- "$@" | sha256sum | cut -c1-16)
	archive=$CACHE/images/guest-tests-$arch-$key.cpio
	if [ ! -f "$archive" ]; then
		mkdir -p "$CACHE/images"
		rm -f "$CACHE/images/guest-tests-$arch-"*.cpio
		tree=$(mktemp -d)
		install -m 755 "$1" "$tree/init"
		mkdir "$tree/dev" "$tree/lib"
		[ $# -eq 1 ] || install -m 644 "$2" "$tree/lib/vserver.ko"
		(cd "$tree" && find . -print | sort |
			cpio --quiet --create --format=newc --owner=+0:+0) >"$archive.part"
		mv "$archive.part" "$archive"
		rm -rf "$tree"
	fi
}
initramfs "$binary" ${module:+"$module"}

# Two disks with a file system each, sparse.  They have the block size and the
# features of a large one, and nothing to write after the first mount.
make_disks() {
	local disk
	for disk; do
		truncate -s 128M "$disk"
		mkfs.ext4 -q -F -b 4096 -J size=16 \
			-E lazy_itable_init=0,lazy_journal_init=1,nodiscard "$disk"
	done
}
work=$(mktemp -d "${TMPDIR:-/tmp}/vserver-guest.XXXXXX")
trap 'rm -rf "$work"' EXIT
run_logged guest-tests-disks make_disks "$work/vda" "$work/vdb"

# As two volumes of one small rented disk, which can be what is short: 16 MiB and
# 1000 transfers in a second for both together.  Nobody needs their data after a
# crash.
drives=()
for disk in vda vdb; do
	drives+=(-drive "file=$work/$disk,if=none,id=$disk,format=raw,cache=unsafe,throttling.group=disk,throttling.bps-total=$((16 << 20)),throttling.iops-total=1000"
		-device "virtio-blk-pci,drive=$disk,serial=vserver-$disk")
done

# Long enough for a loaded machine; the scenarios have limits of their own.
if [ "$limit" -eq 0 ]; then
	case "$flavour" in
	debug) limit=4500 ;;
	*) limit=2700 ;;
	esac
	[ -z "$full" ] || limit=$((limit * 4 + 3600))
	limit=$((limit + seconds))
fi

tests=''
[ ${#names[@]} -eq 0 ] || tests=" vserver.tests=$(
	IFS=,
	echo "${names[*]}"
)"

# In a shell of its own, which has its own trap.
(boot_and_judge scenarios guest "$arch" "$flavour" "$archive" 2048 "$limit" \
	"vserver.flavour=$flavour$full$random$tests" "${drives[@]}")

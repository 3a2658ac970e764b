#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a kernel under QEMU with its serial console on standard input and output.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() {
	cat <<'USAGE'
usage: qemu.sh -k KERNEL [-A ARCH] [-i INITRAMFS] [-m MIB] [-s SMP]
               [-c "EXTRA KERNEL COMMAND LINE"] [-t SECONDS] [-- QEMU ARGS...]

  -k KERNEL     image to boot
  -A ARCH       x86_64 or arm64 (default: ARCH, else this machine's)
  -i INITRAMFS  cpio archive
  -m MIB        memory in MiB (default 1024)
  -s SMP        processors (default 2)
  -c LINE       appended to the kernel command line
  -t SECONDS    give up after this time (status 124)

The machine powers off instead of rebooting; the status is QEMU's.
On a terminal Ctrl-a x ends the machine, Ctrl-a h helps.
USAGE
}

kernel='' initramfs='' mem=1024 smp=2 extra='' limit=0
# shellcheck disable=SC2153 # set by lib.sh
arch=$ARCH
while getopts 'k:A:i:m:s:c:t:h' opt; do
	case "$opt" in
	k) kernel=$OPTARG ;;
	A) arch=$OPTARG ;;
	i) initramfs=$OPTARG ;;
	m) mem=$OPTARG ;;
	s) smp=$OPTARG ;;
	c) extra=$OPTARG ;;
	t) limit=$OPTARG ;;
	h)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
done
shift $((OPTIND - 1))

[ -n "$kernel" ] || die 2 "no kernel given" "qemu.sh -k KERNEL; see qemu.sh -h"
[ -f "$kernel" ] || die 2 "kernel image '$kernel' does not exist" "build it with 'make kernel'"
[ -z "$initramfs" ] || [ -f "$initramfs" ] ||
	die 2 "initramfs '$initramfs' does not exist" "build it first, or leave -i out"
for number in "$mem" "$smp" "$limit"; do
	[[ $number =~ ^[0-9]+$ ]] || die 2 "'$number' is not a number" "-m, -s and -t take whole numbers"
done

# KVM only where the processor says so: a /dev/kvm without vmx or svm belongs
# to a machine whose nested guests do not run.
hardware_virtualisation() {
	[ "$arch" = "$(host_arch)" ] && [ -w /dev/kvm ] || return 1
	case "$arch" in
	x86_64) grep -qwE 'vmx|svm' /proc/cpuinfo ;;
	arm64) [ -d /sys/module/kvm ] ;;
	esac
}

accel=tcg
! hardware_virtualisation || accel=kvm

case "$arch" in
x86_64)
	qemu='qemu-system-x86_64'
	console=ttyS0
	machine=(-machine q35)
	# Four levels of page tables: while the kernel looks at its processor it
	# takes five for four for a moment, and an interrupt then makes the address
	# sanitizer report an access.
	cpu=max,la57=off
	[ "$accel" = tcg ] || cpu=host
	;;
arm64)
	qemu='qemu-system-aarch64'
	console=ttyAMA0
	machine=(-machine "virt,gic-version=3")
	# The architected pointer authentication costs TCG most of its speed.
	cpu=max,pauth-impdef=on
	if [ "$accel" = kvm ]; then
		machine=(-machine "virt,gic-version=host")
		cpu=host
	fi
	;;
*) die 2 "ARCH='$arch' cannot be booted here" "use x86_64 or arm64" ;;
esac
need_command "$qemu"

cmdline="console=$console panic=-1"
# TCG does not speculate: mitigations would only cost time there.
[ "$accel" = kvm ] || cmdline="$cmdline mitigations=off"
# On a busy host an emulated timer ticks too late for the kernel's test of it, which
# ends in a panic.
[ "$accel" = kvm ] || [ "$arch" != x86_64 ] || cmdline="$cmdline no_timer_check"
cmdline=$cmdline${extra:+ $extra}

command=("$qemu" "${machine[@]}" -accel "$accel" -cpu "$cpu" -m "$mem" -smp "$smp"
	-nodefaults -nographic -no-reboot -serial mon:stdio
	-kernel "$kernel" -append "$cmdline")
[ -z "$initramfs" ] || command+=(-initrd "$initramfs")
command+=("$@")

if [ "$limit" -gt 0 ]; then
	# In the foreground, so that an interactive console keeps its terminal.
	exec timeout --foreground --kill-after=5 "$limit" "${command[@]}"
fi
exec "${command[@]}"

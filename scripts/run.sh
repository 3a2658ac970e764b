#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# `make run`: build what is missing, boot the demonstration machine, check its
# verdict, and give a shell in it when there is a terminal.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() {
	cat <<'USAGE'
usage: run.sh [--no-shell | --shell] [--kernel IMAGE]

Boot a Debian host under QEMU, run the narrated demonstration with two guests,
then give a root shell in the machine when standard input is a terminal.

  --no-shell      only the demonstration
  --shell         only the shell
  --kernel IMAGE  boot this kernel image instead of building ours

Status: 0 when every step did what it says, 1 when one did not, 124 when the
machine took too long, otherwise that of the build step that failed.
FLAVOUR=debug boots the debug kernel (slow), VSERVER_RUN_TIMEOUT=SECONDS changes
how long the demonstration may take.
USAGE
}

memory_mib=2048

parse_arguments() {
	demonstration=1 kernel=''
	if [ -t 0 ] && [ -t 1 ]; then shell=1; else shell=0; fi
	while [ $# -gt 0 ]; do
		case "$1" in
		--no-shell) shell=0 ;;
		--shell)
			demonstration=0
			[ "$shell" -eq 1 ] || die 2 "--shell needs a terminal" "run it in one, or leave --shell out"
			;;
		--kernel)
			kernel=${2:-}
			[ -f "$kernel" ] || die 2 "kernel image '$kernel' does not exist" "give the path of a bzImage or Image"
			shift
			;;
		--help | -h)
			usage
			exit 0
			;;
		*)
			usage >&2
			exit 2
			;;
		esac
		shift
	done
	[ "$demonstration" -eq 1 ] || [ "$shell" -eq 1 ] ||
		die 2 "--shell and --no-shell leave nothing to do" "give one of them"
}

build_everything() {
	[ "$ARCH" = "$(host_arch)" ] ||
		die 2 "the demonstration runs on this machine's architecture only, not on '$ARCH'" \
			"leave ARCH out; 'make test-all' boots the other architectures"
	"$ROOT/scripts/setup.sh"
	if [ -z "$kernel" ]; then
		"$ROOT/scripts/build-kernel.sh" "$ARCH" "$FLAVOUR"
		kernel=$(kernel_image "$ARCH" "$FLAVOUR")
	fi
	"$ROOT/scripts/build-tools.sh"
	"$ROOT/scripts/image.sh"
}

# The core's module when the booted kernel has it as a module.
core_module() {
	local dir
	dir=$(kernel_build_dir "$ARCH" "$FLAVOUR")
	[ "$kernel" = "$(kernel_image "$ARCH" "$FLAVOUR")" ] || return 0
	! grep -qs '^CONFIG_VSERVER_CORE=m' "$dir/.config" || echo "$dir/kernel/vserver/vserver.ko"
}

# What changes from run to run travels beside the cached image: a tar archive as
# the second disk.
make_run_disk() { # DIR
	local module
	mkdir "$1/payload"
	cp "$ROOT"/demo/* "$CARGO_TARGET_DIR/release/vserver" "$1/payload/"
	module=$(core_module)
	[ -z "$module" ] || cp "$module" "$1/payload/"
	local rows=24 columns=80 colour=0
	if [ -t 0 ]; then read -r rows columns < <(stty size); fi
	if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then colour=1; fi
	{
		echo "demonstration=$demonstration shell=$shell colour=$colour"
		printf 'term=%q rows=%d columns=%d\n' "${TERM:-vt102}" "${rows:-24}" "${columns:-80}"
	} >"$1/payload/settings"
	tar --owner=0 --group=0 --numeric-owner -cf "$1/run.tar" -C "$1/payload" .
}

boot() { # DIR
	local limit=0 image input=/dev/stdin
	image=$("$ROOT/scripts/image.sh" --path)
	if [ "$shell" -eq 0 ]; then
		limit=${VSERVER_RUN_TIMEOUT:-600}
		# QEMU would eat the input of whoever called us.
		input=/dev/null
	fi
	: >"$1/verdict"
	"$ROOT/scripts/qemu.sh" -k "$kernel" -m "$memory_mib" -s 2 -t "$limit" \
		-c 'quiet root=/dev/vda rw init=/sbin/vserver-init' -- \
		-drive "file=$image,if=none,id=host,format=raw,snapshot=on,cache=unsafe" \
		-device virtio-blk-pci,drive=host \
		-drive "file=$1/run.tar,if=none,id=run,format=raw,readonly=on" \
		-device virtio-blk-pci,drive=run,serial=vserver-run \
		-device virtio-serial-pci \
		-chardev "file,id=verdict,path=$1/verdict" \
		-device virtserialport,chardev=verdict,name=vserver.verdict <"$input"
}

# Decide by what came over the virtio port: every step "ok", numbered without a
# gap, and the plan at the end.
judge() { # VERDICT
	local ok not_ok plan
	ok=$(grep -c '^ok ' "$1" || :)
	not_ok=$(grep -c '^not ok ' "$1" || :)
	plan=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$1")
	if [ "$not_ok" -gt 0 ]; then
		grep '^not ok ' "$1" | sed 's/^/        /' >&2
		die 1 "$not_ok of $((ok + not_ok)) steps of the demonstration did not do what they say" \
			"the machine's output above shows what happened instead"
	elif [ -z "$plan" ] || [ "$plan" -ne "$ok" ] || [ "$ok" -eq 0 ]; then
		die 1 "the demonstration did not come to its end ($ok steps reported)" \
			"the machine's output above shows how far it got"
	fi
	step "demonstration: all $ok steps did what they say"
}

parse_arguments "$@"
build_everything
work=$(mktemp -d "${TMPDIR:-/tmp}/vserver-run.XXXXXX")
trap 'rm -rf "$work"' EXIT
make_run_disk "$work"
step 'booting the machine'
status=0
boot "$work" || status=$?
if [ "$status" -eq 124 ]; then
	die 124 "the machine did not finish within ${VSERVER_RUN_TIMEOUT:-600} s" \
		"the output above shows where it stopped; VSERVER_RUN_TIMEOUT=SECONDS gives it longer"
fi
[ "$status" -eq 0 ] || die "$status" "QEMU ended with status $status" "its message is above"
[ "$demonstration" -eq 0 ] || judge "$work/verdict"

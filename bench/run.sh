#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Count instructions per operation: stock kernel, ours idle, ours inside a
# guest.  Builds what is missing, boots, prints the table and keeps the numbers
# in $CACHE/bench/last.json.  Arguments go to the program; see --help.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/lib.sh"

TARGET=x86_64-unknown-linux-gnu
PROGRAM=$CARGO_TARGET_DIR/$TARGET/release/vserver-bench

build_program() {
	need_command cargo
	# The configuration in bench/.cargo makes the binary static; cargo reads it
	# from the working directory.
	cd -- "$ROOT/bench"
	cargo build --release --jobs "$JOBS"
}

# wants_help ARGS...: nothing has to be built for the help.
wants_help() {
	local word
	for word; do
		case "$word" in
		-h | --help) return 0 ;;
		esac
	done
	return 1
}

main() {
	local only='' program=() kernels=() side
	while [ $# -gt 0 ]; do
		case "$1" in
		--only)
			[ $# -gt 1 ] || die 2 "--only needs a value" "use --only stock or --only ours"
			only=$2
			shift
			;;
		--only=*) only=${1#--only=} ;;
		*) program+=("$1") ;;
		esac
		shift
	done
	case "$only" in
	'' | stock | ours) ;;
	*) die 2 "--only '$only' is no kernel" "use --only stock or --only ours" ;;
	esac
	[ "$(host_arch)" = x86_64 ] ||
		die 3 "instructions are counted on x86-64 only, this machine is $(host_arch)" \
			"run it on an x86-64 machine"

	LOG_REMEDY="read the log; 'make setup' installs what cargo needs" \
		run_logged bench-program build_program
	if wants_help ${program[@]+"${program[@]}"}; then
		exec "$PROGRAM" --help
	fi
	# Before the long work.
	"$PROGRAM" --check --stock none ${program[@]+"${program[@]}"} || exit
	need_command qemu-system-x86_64
	for side in stock ours; do
		[ "${only:-$side}" = "$side" ] || continue
		local flavour=stock
		[ "$side" = stock ] || flavour=release
		"$ROOT/scripts/build-kernel.sh" x86_64 "$flavour"
		kernels+=("--$side" "$(kernel_image x86_64 "$flavour")")
	done
	# The command of the rows that start guests.
	"$ROOT/scripts/build-tools.sh"
	step "bench: counting instructions"
	exec nice "$PROGRAM" "${kernels[@]}" --command "$CARGO_TARGET_DIR/release/vserver" --out "$CACHE/bench" ${program[@]+"${program[@]}"}
}

main "$@"

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Boot a kernel with a test program as PID 1 that writes KTAP to the virtio port
# vserver.verdict, show it as it comes and judge it.  Source it after lib.sh.

# core_module ARCH FLAVOUR: the path of the core when that kernel has it as a
# module, else nothing.
core_module() {
	local dir module
	dir=$(kernel_build_dir "$1" "$2")
	grep -qx 'CONFIG_VSERVER_CORE=m' "$dir/.config" 2>/dev/null || return 0
	module=$dir/kernel/vserver/vserver.ko
	[ -f "$module" ] || die 3 "the module '$module' does not exist" \
		"build it with 'make kernel ARCH=$1 FLAVOUR=$2'"
	echo "$module"
}

# built_kernel ARCH FLAVOUR: the path of its image, which must be there.
built_kernel() {
	local kernel
	kernel=$(kernel_image "$1" "$2")
	[ -f "$kernel" ] || die 3 "there is no $2 kernel for $1" \
		"build it with 'make kernel ARCH=$1 FLAVOUR=$2'"
	echo "$kernel"
}

# Seconds until the program has said its first word, on the most loaded machine.
BOOT_PATIENCE=300

# start_machine VERDICT LOG ARG...: runs qemu.sh with ARG and returns its status, or
# 125 when the machine has stalled: nothing in VERDICT after BOOT_PATIENCE seconds.
start_machine() {
	local verdict=$1 log=$2 machine rc=0 waited=0
	shift 2
	"$ROOT/scripts/qemu.sh" "$@" </dev/null >"$log" 2>&1 &
	machine=$!
	while [ ! -s "$verdict" ] && kill -0 "$machine" 2>/dev/null; do
		if [ "$waited" -ge "$BOOT_PATIENCE" ]; then
			kill "$machine" 2>/dev/null || :
			wait "$machine" 2>/dev/null || :
			return 125
		fi
		sleep 1
		waited=$((waited + 1))
	done
	wait "$machine" || rc=$?
	return "$rc"
}

# boot_and_judge WHAT RUN ARCH FLAVOUR ARCHIVE MIB SECONDS LINE [ARG...]: boots the
# kernel of that flavour with two processors.  WHAT is what runs, in the plural;
# RUN names the logs and the script tests/RUN/run.sh; ARCHIVE may be empty; LINE
# goes to the kernel, ARG to QEMU.  Ends the script unless everything passed.
boot_and_judge() {
	local what=$1 run=$2 arch=$3 flavour=$4 archive=$5 mib=$6 limit=$7 line=$8
	shift 8
	local kernel log verdict lock keeper follower started rc=0 took last reason machine
	# A processor that stands still may be one that the host has not let run.
	local patience='watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120'
	kernel=$(built_kernel "$arch" "$flavour")
	mkdir -p "$CACHE/logs"
	log=$CACHE/logs/$run-$arch-$flavour.console.log
	verdict=$CACHE/logs/$run-$arch-$flavour.ktap
	exec {lock}>"$CACHE/logs/$run-$arch-$flavour.lock"
	flock -n "$lock" || {
		step "$what on the $flavour kernel ($arch): waiting for another run of them"
		flock "$lock"
	}
	: >"$verdict"

	step "$what on the $flavour kernel ($arch)"
	note "console: $log"
	# The follower reads once more after the keeper has gone.
	sleep infinity {lock}>&- &
	keeper=$!
	tail -n +1 -f --pid="$keeper" "$verdict" {lock}>&- &
	follower=$!
	# shellcheck disable=SC2064 # the numbers of now
	trap "kill $keeper $follower 2>/dev/null || :" EXIT

	started=$(date +%s)
	machine=(-A "$arch" -k "$kernel" ${archive:+-i "$archive"} -m "$mib" -s 2 -t "$limit"
		-c "$line log_buf_len=4M ignore_loglevel $patience" --
		-device virtio-serial-pci
		-chardev "file,id=verdict,path=$verdict"
		-device "virtserialport,chardev=verdict,name=vserver.verdict" "$@")
	start_machine "$verdict" "$log" "${machine[@]}" || rc=$?
	if [ "$rc" -eq 125 ]; then
		# Emulated processors that stop each other, as for a change of the
		# clock source, can wait for ever on a loaded machine.  Once only: a
		# kernel that does not boot must not pass.
		mv "$log" "$log.stalled"
		warn "the machine stalled while it booted: once more (console: $log.stalled)"
		rc=0
		start_machine "$verdict" "$log" "${machine[@]}" || rc=$?
	fi

	kill "$keeper" 2>/dev/null || :
	wait "$follower" 2>/dev/null || :
	trap - EXIT
	flock -u "$lock"

	took=$(($(date +%s) - started))
	last=$(tail -n 1 "$verdict")
	if ! [[ $last =~ ^'# summary: pass='([0-9]+)' fail='([0-9]+)' skip='([0-9]+)$ ]]; then
		{
			printf -- '--- last lines of the console\n'
			tail -n 25 "$log"
			printf -- '---\n'
		} >&2
		reason="the machine ended without a complete verdict (status $rc)"
		[ "$rc" -ne 124 ] || reason="no complete verdict after $limit seconds"
		[ "$rc" -ne 125 ] || reason="the machine stalled while it booted, twice"
		die 5 "$reason" "console: $log; results so far: $verdict"
	fi
	step "$flavour: ${BASH_REMATCH[1]} passed, ${BASH_REMATCH[2]} failed, ${BASH_REMATCH[3]} skipped in $took s"
	if [ "${BASH_REMATCH[2]}" -ne 0 ]; then
		grep '^not ok ' "$verdict" >&2 || :
		die 1 "$what failed on the $flavour kernel" \
			"results: $verdict; console: $log; one alone: tests/$run/run.sh --flavour $flavour NAME"
	fi
	[ "${BASH_REMATCH[1]}" -gt 0 ] || die 1 "nothing ran" "see tests/$run/run.sh --help"
}

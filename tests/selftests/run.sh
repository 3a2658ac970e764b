#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the kernel's own network selftests on the stock kernel, on ours without a
# guest and in guests of ours, and compare.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
# shellcheck source=scripts/lib-boot.sh
. "$ROOT/scripts/lib-boot.sh"

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
programs=$ROOT/tests/programs
LIMIT=900

usage() {
	cat <<'USAGE'
usage: run.sh [--flavour FLAVOUR] [CASE...]

Builds programs of tools/testing/selftests/net, boots the stock kernel and the
kernel of that flavour with them, and prints as KTAP whether each case has the
same results: without a guest all of them, in a guest but for what stands in
tests/selftests/expected.

  --flavour FLAVOUR  release or debug (default: FLAVOUR, else release)
  CASE...            run these only (default: all in tests/selftests/cases)

status: 0 all the same, 1 something differs, 2 wrong usage, 3 something is
        missing, 5 a machine ended before it had run everything
USAGE
}

flavour=$FLAVOUR names=()
while [ $# -gt 0 ]; do
	case "$1" in
	--flavour)
		[ $# -ge 2 ] || die 2 "$1 needs a value" "see run.sh --help"
		flavour=$2
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		grep -q "^$1:" "$here/cases" || die 2 "there is no case '$1'" "see tests/selftests/cases"
		names+=("$1")
		;;
	esac
	shift
done
check_flavour "$flavour"
if [ "$ARCH" != x86_64 ] || [ "$(host_arch)" != x86_64 ]; then
	printf 'KTAP version 1\n1..1\nok 1 selftests # SKIP x86-64 only\n'
	exit 0
fi

cases() {
	local name
	if [ ${#names[@]} -eq 0 ]; then
		grep -v '^#' "$here/cases"
	else
		for name in "${names[@]}"; do grep "^$name:" "$here/cases"; done
	fi
}

# add_program FILE DIR: a program of this machine, with its libraries.
add_program() {
	local library
	cp -L "$(command -v "$1")" "$2/bin/"
	while read -r library; do
		mkdir -p "$2$(dirname -- "$library")"
		cp -Ln "$library" "$2$library"
	done < <(ldd "$(command -v "$1")" | grep -o '/[^ ]*')
}

# build_all DIR
build_all() {
	local source program
	source=$("$ROOT/scripts/prepare-tree.sh")/tools/testing/selftests/net
	mkdir -p "$1"/{bin,dev,selftests}
	while read -r program; do
		# A warning of another compiler is not ours to correct.
		nice gcc -static -O2 -w -D_GNU_SOURCE= -I"$source/.." -I"$source/../../../../usr/include" \
			-o "$1/selftests/$program" "$source/$program.c" -lpthread
	done < <(grep -v '^#' "$here/cases" | grep -o '\./[a-z0-9_]*' | cut -c3- | sort -u)
	nice gcc -static -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I"$programs" \
		-I"$ROOT/rust/vserver/include/uapi" -o "$1/init" "$here/init.c" "$programs/support.c"
	add_program sh "$1"
	add_program ip "$1"
	cp "$here/setup" "$1/selftests/"
}

# Makes the archive, but for the list of cases, and sets $archive to its path.
initramfs() {
	local key tree
	key=$(cat -- "$here"/* "$programs"/support.[ch] "$ROOT/rust/vserver/include/uapi/linux/vserver.h" \
		<(gcc --version; echo "$KERNEL_VERSION" "${names[@]}") | sha256sum | cut -c1-16)
	archive=$CACHE/images/selftests-$key.cpio
	[ ! -f "$archive" ] || return 0
	tree=$(mktemp -d)
	run_logged selftests-build build_all "$tree" || {
		rm -rf "$tree"
		die 1 "the selftests could not be built" "see $CACHE/logs/selftests-build.log"
	}
	cases >"$tree/selftests/cases"
	mkdir -p "$CACHE/images"
	rm -f "$CACHE/images/selftests-"*.cpio
	(cd "$tree" && find . -print | sort |
		cpio --quiet --create --format=newc --owner=+0:+0) >"$archive.part"
	mv "$archive.part" "$archive"
	rm -rf "$tree"
}

# results FLAVOUR PLACE: boots, and leaves the results in $work/PLACE-FLAVOUR.
results() {
	local kernel said log rc=0
	kernel=$(built_kernel "$ARCH" "$1")
	said=$CACHE/logs/selftests-$1-$2.said
	log=$CACHE/logs/selftests-$1-$2.console.log
	: >"$said"
	step "selftests on the $1 kernel, place: $2"
	start_machine "$said" "$log" -A "$ARCH" -k "$kernel" -i "$archive" -m 2048 -s 2 -t "$LIMIT" \
		-c "selftests.place=$2 log_buf_len=4M" -- \
		-device virtio-serial-pci \
		-chardev "file,id=verdict,path=$said" \
		-device "virtserialport,chardev=verdict,name=vserver.verdict" || rc=$?
	[ "$(tail -n 1 "$said")" = "== all $(cases | wc -l)" ] ||
		die 5 "the $1 kernel ended before it had run everything (status $rc)" "console: $log; said: $said"
	awk -f "$here/leaves.awk" "$said" >"$work/$1-$2"
}

need_command gcc cpio ip ldd
initramfs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results stock idle
results "$flavour" idle
results "$flavour" guest

expected=$work/expected
{
	echo '# only the cases that ran'
	if [ ${#names[@]} -eq 0 ]; then
		cat "$here/expected"
	else
		for name in "${names[@]}"; do grep "^$name:" "$here/expected" || :; done
	fi
} >"$expected"
count=$(cases | wc -l)
echo 'KTAP version 1'
echo "1..$((2 * count + 1))"
# Equal results say something only where programs pass.
passes=$(grep -c ': status: 0$' "$work/stock-idle" || :)
verdict=ok
[ $((2 * passes)) -ge "$count" ] || verdict='not ok'
echo "$verdict 1 $passes of $count cases end with success on the stock kernel"
awk -v place=idle -v first=2 -f "$here/compare.awk" "$expected" "$work/stock-idle" "$work/$flavour-idle" |
	tee "$work/verdict"
awk -v place=guest -v first=$((count + 2)) -f "$here/compare.awk" "$expected" "$work/stock-idle" \
	"$work/$flavour-guest" | tee -a "$work/verdict"
! grep -q '^not ok\|^Bail' "$work/verdict" && [ "$verdict" = ok ]

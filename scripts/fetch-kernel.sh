#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Get the source of the pinned kernel and verify it.  Prints one line on
# standard output: KIND SHA256 FILE.
#
# Routes, in order:
#   KERNEL_TARBALL  a file on this machine, verified against the pinned sums or
#                   KERNEL_SHA256
#   the cache
#   kernel.org      verified against the checksum list beside it, fetched over
#                   TLS: the list's own signature is not checked, because the
#                   signing key is not part of this project
#   Debian          the upstream tarball of its source package, then the tarball
#                   inside its linux-source package (the same release with
#                   Debian's patches), through this machine's own mirror;
#                   verified against the pinned sums, and by apt
#
# A file that does not match is deleted and ends the run.  A route that cannot
# be reached is noted and the next one is tried.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib-apt.sh
. "$ROOT/scripts/lib-apt.sh"

KERNEL_ORG=https://cdn.kernel.org/pub/linux/kernel/v7.x
UPSTREAM_FILE=linux-$KERNEL_VERSION.tar.xz
DEBIAN_RELEASE=trixie
DEBIAN_VERSION=$KERNEL_VERSION-1~bpo13+1
ORIG_FILE=linux_$KERNEL_VERSION.orig.tar.xz
ORIG_SHA256=9894ebada187044287613061502d9131dfd600ea4cd03f7028541d7cf44000df
SOURCE_PACKAGE=linux-source-7.3
SOURCE_FILE=linux-source-7.3.tar.xz
SOURCE_SHA256=76df1affb19f24926949369be1d74b60071c963c598ce8780bddd4bbf0fc3bc4

downloads=$CACHE/downloads
mkdir -p "$downloads"
work=$(mktemp -d "$downloads/part.XXXXXX")
trap 'rm -rf "$work"' EXIT

found() { # KIND SHA256 FILE
	printf '%s %s %s\n' "$1" "$2" "$3"
	exit 0
}

wrong_sum() { # FILE WANTED
	die 5 "$(basename "$1"): wrong checksum, wanted sha256 $2, got $(sha256sum <"$1" | cut -d' ' -f1); nothing was kept" \
		"try again; if it stays wrong the mirror or the file is damaged: give a good one with KERNEL_TARBALL="
}

# keep FILE SHA256 NAME: verify FILE in the work directory, move it into place.
keep() {
	check_sha256 "$1" "$2" || wrong_sum "$1" "$2"
	mv "$1" "$downloads/$3"
}

from_given() {
	local file=$KERNEL_TARBALL sum
	[ -f "$file" ] || die 2 "KERNEL_TARBALL='$file' does not exist" "give the path of a linux-$KERNEL_VERSION tarball"
	file=$(realpath "$file")
	step "kernel source: verifying $file"
	sum=$(sha256sum "$file" | cut -d' ' -f1)
	if [ -n "${KERNEL_SHA256:-}" ]; then
		[ "$sum" = "$KERNEL_SHA256" ] || die 5 "$file: wrong checksum, KERNEL_SHA256 says $KERNEL_SHA256, the file has $sum" \
			"give the right file or the right sum"
		found given "$sum" "$file"
	fi
	case "$sum" in
	"$ORIG_SHA256") found upstream "$sum" "$file" ;;
	"$SOURCE_SHA256") found debian "$sum" "$file" ;;
	esac
	die 5 "$file: its checksum (sha256 $sum) is none of those known for linux-$KERNEL_VERSION" \
		"if you trust the file, say so with KERNEL_SHA256=$sum"
}

from_cache() {
	local sum
	if [ -f "$downloads/$UPSTREAM_FILE" ] && [ -f "$downloads/$UPSTREAM_FILE.sha256" ]; then
		sum=$(<"$downloads/$UPSTREAM_FILE.sha256")
		cached_if_good upstream "$sum" "$downloads/$UPSTREAM_FILE"
	fi
	cached_if_good upstream "$ORIG_SHA256" "$downloads/$ORIG_FILE"
	cached_if_good debian "$SOURCE_SHA256" "$downloads/$SOURCE_FILE"
}

cached_if_good() { # KIND SHA256 FILE
	[ -f "$3" ] || return 0
	step "kernel source: verifying $(basename "$3") from the cache"
	if check_sha256 "$3" "$2"; then
		found "$1" "$2" "$3"
	fi
	warn "$(basename "$3") in the cache is damaged; fetching it again"
	rm -f "$3"
}

download() { # URL FILE
	curl -fL --connect-timeout 10 --speed-limit 1000 --speed-time 30 -o "$2" "$1"
}

from_kernel_org() {
	local sum
	step "kernel source: trying kernel.org"
	if ! download "$KERNEL_ORG/sha256sums.asc" "$work/sums" 2>"$work/curl.err"; then
		tail -n 1 "$work/curl.err" | sed 's/^/        /' >&2
		note "kernel.org cannot be reached"
		return 0
	fi
	sum=$(awk -v f="$UPSTREAM_FILE" '$2 == f { print $1; exit }' "$work/sums")
	if ! [[ $sum =~ ^[0-9a-f]{64}$ ]]; then
		note "kernel.org lists no checksum for $UPSTREAM_FILE"
		return 0
	fi
	if ! run_logged fetch-kernel.org download "$KERNEL_ORG/$UPSTREAM_FILE" "$work/$UPSTREAM_FILE"; then
		note "kernel.org does not deliver $UPSTREAM_FILE"
		return 0
	fi
	keep "$work/$UPSTREAM_FILE" "$sum" "$UPSTREAM_FILE"
	printf '%s\n' "$sum" >"$downloads/$UPSTREAM_FILE.sha256"
	found upstream "$sum" "$downloads/$UPSTREAM_FILE"
}

fetch_orig() {
	cd "$work" && private_apt source --download-only --tar-only "linux=$DEBIAN_VERSION"
}

fetch_source_package() {
	cd "$work" && private_apt download "$SOURCE_PACKAGE=$DEBIAN_VERSION"
}

from_debian() {
	command -v apt-get >/dev/null || return 0
	step "kernel source: trying Debian's mirror"
	if ! private_apt_begin "$DEBIAN_RELEASE" "$work/apt" >"$work/apt.log" 2>&1; then
		sed 's/^/        /' "$work/apt.log" >&2
		note "the mirror does not offer $DEBIAN_RELEASE-backports"
		return 0
	fi
	if run_logged fetch-orig fetch_orig 2>"$work/orig.err"; then
		keep "$work/$ORIG_FILE" "$ORIG_SHA256" "$ORIG_FILE"
		found upstream "$ORIG_SHA256" "$downloads/$ORIG_FILE"
	fi
	note "the mirror does not deliver $ORIG_FILE; trying the package $SOURCE_PACKAGE"
	if run_logged fetch-linux-source fetch_source_package; then
		dpkg-deb --fsys-tarfile "$work"/${SOURCE_PACKAGE}_*.deb |
			tar -xO "./usr/src/$SOURCE_FILE" >"$work/$SOURCE_FILE"
		keep "$work/$SOURCE_FILE" "$SOURCE_SHA256" "$SOURCE_FILE"
		found debian "$SOURCE_SHA256" "$downloads/$SOURCE_FILE"
	fi
	note "the mirror does not deliver $SOURCE_PACKAGE $DEBIAN_VERSION"
}

[ -z "${KERNEL_TARBALL:-}" ] || from_given
from_cache
need_command curl
from_kernel_org
from_debian
die 6 "the source of linux-$KERNEL_VERSION could not be fetched from anywhere" \
	"download linux-$KERNEL_VERSION.tar.xz elsewhere, then use KERNEL_TARBALL=/path/to/it"

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the disk image of the demonstration machine: a small Debian of this
# machine's release, with two more copies of it as the roots of the guests
# "web" and "db".  Built once per content and kept in $CACHE/images.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() {
	cat <<'USAGE'
usage: image.sh [--path | --help]

Without argument: build the image unless it exists.
  --path   only print where the image is or would be
USAGE
}

# Beyond mmdebstrap's minbase: what the demonstration and a look around need, two
# init systems for the guests, and what tests of networks serve and ask with.  One
# Debian serves all: systemd-sysv, which would make systemd /sbin/init, is all that
# excludes sysvinit.
packages=(iproute2 iputils-ping kmod nginx procps systemd sysvinit-core)
guests=(web db)
# Room for work in the machine, in MiB; the file is sparse.
free_mib=512

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
debian_arch=$(dpkg --print-architecture)
image_dir=$CACHE/images

image_key() {
	{
		echo "$suite $debian_arch"
		sha256sum <"$ROOT/scripts/image.sh"
		sha256sum <"$ROOT/demo/stage1"
	} | sha256sum | cut -c1-16
}

# Settings of this machine's apt without which its mirrors cannot be reached or
# are refused; they serve the build and do not stay in the image.
apt_settings() {
	apt-config dump | grep -E \
		'^Acquire::(Check-(Valid-Until|Date)|Retries|(http|https|ftp)::.*(Proxy|CaInfo|Verify|Timeout).*) ' || :
}

# run_as_owner CMD...: with the rights to make files that belong to any user: as
# root, else as root of a user namespace with this user's subordinate ids.
run_as_owner() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		need_command newuidmap
		unshare --user --map-root-user --map-auto -- "$@"
	fi
}

bootstrap() { # WORK
	local include settings sources
	sources=$("$ROOT/scripts/apt-sources.sh" "$suite")
	mapfile -t settings < <(apt_settings)
	include=$(IFS=,; echo "${packages[*]}")
	# Everything by argument or pipe: without root, mmdebstrap works as another
	# user, who may not be able to read files in $CACHE.
	# The web server is for guests that run nothing else: others share the host's
	# port 80.
	# shellcheck disable=SC2016  # mmdebstrap expands $1, the root directory
	mmdebstrap --variant=minbase --format=tar --include="$include" \
		"${settings[@]/#/--aptopt=}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
		--customize-hook='rm -rf "$1"/var/cache/debconf/*-old "$1"/var/log/*' \
		--customize-hook='chroot "$1" update-rc.d nginx disable' \
		--customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf' \
		"$suite" "$1/debian.tar" - <<<"$sources"
}

# Runs with run_as_owner: the machine's root with the guests' roots inside, then
# the file system made from it without any mount.
assemble() { # WORK STAGE1 FREE_MIB GUEST...
	set -euo pipefail
	local work=$1 stage1=$2 free=$3 root=$1/root guest used
	shift 3
	mkdir -p "$root"
	for guest in . "${@/#/var/lib/vservers/}"; do
		echo "unpacking Debian into /$guest"
		mkdir -p "$root/$guest"
		# Device nodes cannot be made without root; the kernel and `vserver start`
		# fill /dev anyway.
		tar --xattrs --xattrs-include='*' --numeric-owner --exclude='./dev/*' \
			-xpf "$work/debian.tar" -C "$root/$guest"
	done
	# As the original has it: nobody but root looks into the guests' directory.
	chmod 0700 "$root/var/lib/vservers"
	mkdir -p "$root/etc/vservers"
	install -m 0755 "$stage1" "$root/sbin/vserver-init"
	used=$(du -sm --apparent-size "$root" | cut -f1)
	echo "making a file system of $used MiB"
	# A quarter for the blocks' rounding and the file system's own data.
	truncate -s "$((used + used / 4 + free))M" "$work/debian.ext4"
	mkfs.ext4 -q -F -L vserver-host -m 0 -O ^has_journal \
		-E lazy_itable_init=1,nodiscard -d "$root" "$work/debian.ext4"
	rm -rf "$root"
}

build() {
	local work=$1
	bootstrap "$work"
	export -f assemble
	# shellcheck disable=SC2016  # the inner shell expands $@
	run_as_owner bash -c 'assemble "$@"' bash \
		"$work" "$ROOT/demo/stage1" "$free_mib" "${guests[@]}"
}

main() {
	local image work old
	[ -n "$suite" ] ||
		die 3 "/etc/os-release names no VERSION_CODENAME" "use a Debian 12 or 13 machine"
	image=$image_dir/debian-$suite-$debian_arch-$(image_key).ext4
	case "${1:-}" in
	--path)
		echo "$image"
		return
		;;
	--help | -h)
		usage
		return
		;;
	'') ;;
	*)
		usage >&2
		exit 2
		;;
	esac

	mkdir -p "$image_dir"
	# One builder at a time; the second finds the first one's image.
	exec 9>"$image_dir/.lock"
	flock 9
	if [ -f "$image" ]; then
		note "Debian image is up to date: $image"
		return
	fi
	need_command mmdebstrap mkfs.ext4 tar dpkg apt-config
	step "building the Debian image ($suite, $debian_arch): base system, guests web and db"
	# Nobody else holds the lock: what is there was left by a builder that was killed.
	for old in "$image_dir"/.build.*; do
		[ ! -d "$old" ] || run_as_owner rm -rf "$old"
	done
	work=$(mktemp -d "$image_dir/.build.XXXXXX")
	# shellcheck disable=SC2064  # the directory of now
	trap "run_as_owner rm -rf '$work'" EXIT
	chmod 0755 "$work"
	LOG_REMEDY="see whether 'apt-get update' works and the disk has 3 GiB free, then run the same command again" \
		run_logged image build "$work"
	for old in "$image_dir/debian-$suite-$debian_arch-"*.ext4; do
		rm -f "$old"
	done
	mv "$work/debian.ext4" "$image"
}

main "$@"

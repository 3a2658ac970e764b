#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Build a disk image: that of the demonstration machine, a small Debian of this
# machine's release with two more copies of it as the roots of the guests "web"
# and "db", or one that is the root of a guest with an unmodified Debian of any
# release.  Built once per content and kept in $CACHE/images.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib-apt.sh
. "$ROOT/scripts/lib-apt.sh"

usage() {
	cat <<'USAGE'
usage: image.sh [--guest RELEASE] [--path | --help]

Build the image of the machine unless it exists.
  --guest RELEASE  the root of a guest instead, with systemd, for example: trixie
  --path           only print where the image is or would be
USAGE
}

# The machine, beyond mmdebstrap's minbase: what the demonstration and a look around
# need, two init systems for the guests, and what tests of networks serve and ask
# with.  One Debian serves all: systemd-sysv, which would make systemd /sbin/init, is
# all that excludes sysvinit.
machine_packages=(iproute2 iputils-ping kmod nginx procps systemd sysvinit-core)
machine_guests=(web db)
# The guest is what debootstrap makes, with what systemd recommends for sessions of
# users.
guest_packages=(dbus dbus-user-session libnss-systemd libpam-systemd)
# Room for work, in MiB; the file is sparse.
free_mib=512

debian_arch=$(dpkg --print-architecture)
image_dir=$CACHE/images

image_key() { # PURPOSE SUITE
	{
		echo "$1 $2 $debian_arch"
		sha256sum <"$ROOT/scripts/image.sh"
		[ "$1" != host ] || sha256sum <"$ROOT/demo/stage1"
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

bootstrap() { # WORK SUITE VARIANT PACKAGE,... [ARG...]
	local work=$1 suite=$2 variant=$3 packages=$4 settings sources
	shift 4
	sources=$(release_stanzas "$suite")
	mapfile -t settings < <(apt_settings)
	# Everything by argument or pipe: without root, mmdebstrap works as another
	# user, who may not be able to read files in $CACHE.
	# shellcheck disable=SC2016  # mmdebstrap expands $1, the root directory
	mmdebstrap --variant="$variant" --format=tar --include="$packages" \
		"${settings[@]/#/--aptopt=}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
		--customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf' \
		"$@" "$suite" "$work/debian.tar" - <<<"$sources"
}

# The next two run with run_as_owner.

unpack() { # WORK DIRECTORY
	mkdir -p "$2"
	# Device nodes cannot be made without root; the kernel and `vserver start`
	# fill /dev anyway.
	tar --xattrs --xattrs-include='*' --numeric-owner --exclude='./dev/*' \
		-xpf "$1/debian.tar" -C "$2"
}

# Makes the file system from a directory, without any mount.
pack() { # WORK LABEL FREE_MIB
	local root=$1/root used
	used=$(du -sm --apparent-size "$root" | cut -f1)
	echo "making a file system of $used MiB"
	# A quarter for the blocks' rounding and the file system's own data.
	truncate -s "$((used + used / 4 + $3))M" "$1/debian.ext4"
	mkfs.ext4 -q -F -L "$2" -m 0 -O ^has_journal \
		-E lazy_itable_init=1,nodiscard -d "$root" "$1/debian.ext4"
	rm -rf "$root"
}

# The machine's root with the guests' roots inside.
assemble_host() { # WORK FREE_MIB STAGE1 GUEST...
	set -euo pipefail
	local work=$1 free=$2 stage1=$3 root=$1/root guest
	shift 3
	for guest in . "${@/#/var/lib/vservers/}"; do
		echo "unpacking Debian into /$guest"
		unpack "$work" "$root/$guest"
	done
	# As the original has it: nobody but root looks into the guests' directory.
	chmod 0700 "$root/var/lib/vservers"
	mkdir -p "$root/etc/vservers"
	install -m 0755 "$stage1" "$root/sbin/vserver-init"
	pack "$work" vserver-host "$free"
}

assemble_guest() { # WORK FREE_MIB
	set -euo pipefail
	unpack "$1" "$1/root"
	pack "$1" vserver-guest "$2"
}

comma_list() {
	local IFS=,
	echo "$*"
}

build_host() { # WORK SUITE
	# The web server is for guests that run nothing else: others share the host's
	# port 80.
	# shellcheck disable=SC2016  # mmdebstrap expands $1, the root directory
	bootstrap "$1" "$2" minbase "$(comma_list "${machine_packages[@]}")" \
		--customize-hook='rm -rf "$1"/var/cache/debconf/*-old "$1"/var/log/*' \
		--customize-hook='chroot "$1" update-rc.d nginx disable'
	# shellcheck disable=SC2016  # the inner shell expands $@
	run_as_owner bash -c 'assemble_host "$@"' bash \
		"$1" "$free_mib" "$ROOT/demo/stage1" "${machine_guests[@]}"
}

build_guest() { # WORK SUITE
	bootstrap "$1" "$2" important "$(comma_list "${guest_packages[@]}")"
	# shellcheck disable=SC2016  # the inner shell expands $@
	run_as_owner bash -c 'assemble_guest "$@"' bash "$1" "$free_mib"
}

main() {
	local purpose=host suite='' only_path=0 prefix image work old
	while [ $# -gt 0 ]; do
		case "$1" in
		--guest)
			[ $# -ge 2 ] || die 2 "--guest needs a value" "image.sh --guest trixie"
			purpose=guest suite=$2
			shift
			;;
		--path) only_path=1 ;;
		--help | -h)
			usage
			return
			;;
		*)
			usage >&2
			exit 2
			;;
		esac
		shift
	done
	if [ "$purpose" = host ]; then
		suite=$(debian_codename)
		[ -n "$suite" ] ||
			die 3 "/etc/os-release names no VERSION_CODENAME" "use a Debian 12 or 13 machine"
	fi
	[[ $suite =~ ^[a-z]+$ ]] || die 2 "'$suite' is no release of Debian" "image.sh --guest trixie"
	case "$purpose" in
	host) prefix=$image_dir/debian-$suite-$debian_arch ;;
	guest) prefix=$image_dir/guest-$suite-$debian_arch ;;
	esac
	image=$prefix-$(image_key "$purpose" "$suite").ext4
	if [ "$only_path" -eq 1 ]; then
		echo "$image"
		return
	fi

	mkdir -p "$image_dir"
	# One builder at a time; the second finds the first one's image.
	exec 9>"$image_dir/.lock"
	flock 9
	if [ -f "$image" ]; then
		note "Debian image is up to date: $image"
		return
	fi
	need_command mmdebstrap mkfs.ext4 tar dpkg apt-config
	case "$purpose" in
	host) step "building the Debian image ($suite, $debian_arch): base system, guests ${machine_guests[*]}" ;;
	guest) step "building the Debian image of a guest ($suite, $debian_arch)" ;;
	esac
	# Nobody else holds the lock: what is there was left by a builder that was killed.
	for old in "$image_dir"/.build.*; do
		[ ! -d "$old" ] || run_as_owner rm -rf "$old"
	done
	work=$(mktemp -d "$image_dir/.build.XXXXXX")
	# shellcheck disable=SC2064  # the directory of now
	trap "run_as_owner rm -rf '$work'" EXIT
	chmod 0755 "$work"
	export -f unpack pack "assemble_$purpose"
	LOG_REMEDY="see whether 'apt-get update' works and the disk has 3 GiB free, then run the same command again" \
		run_logged "image-$purpose-$suite" "build_$purpose" "$work" "$suite"
	for old in "$prefix-"*.ext4; do
		rm -f "$old"
	done
	mv "$work/debian.ext4" "$image"
}

main "$@"

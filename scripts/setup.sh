#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Install everything that building, testing and running needs, on Debian 12 or
# later: packages through apt, a Rust toolchain, bindgen and Rust's library
# source.  What is there already stays; with everything there, nothing is done.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib-apt.sh
. "$ROOT/scripts/lib-apt.sh"

RUST_MINIMUM=1.85.0
# What rustup is asked for when nothing else offers a new enough compiler.
RUST_PREFERRED=1.95.0
BINDGEN_MINIMUM=0.71.1
BINDGEN_PREFERRED=0.73.2
# Rust's library source as Debian packages it, for a rustc that came without.
RUST_SRC_PACKAGE=1.95.0+dfsg1-2~bpo13+1
RUST_SRC_RELEASE=trixie

packages=(
	# kernel
	"clang$LLVM_SUFFIX" "lld$LLVM_SUFFIX" "llvm$LLVM_SUFFIX" "libclang$LLVM_SUFFIX-dev"
	make gcc libc6-dev flex bison bc libelf-dev libssl-dev kmod
	python3 perl rsync cpio xz-utils zstd lz4 git patch
	# images, guests, comparisons
	mmdebstrap debian-archive-keyring e2fsprogs crun iproute2
	# checks
	shellcheck
	# downloads
	curl ca-certificates
)
qemu_packages=(qemu-system-x86 qemu-system-arm ipxe-qemu seabios)

# On a new machine another apt may be at work for the first minutes.
apt_turn=(-o DPkg::Lock::Timeout=600)

apt_updated=0
apt_update_once() {
	[ "$apt_updated" -eq 0 ] || return 0
	apt_updated=1
	run_logged setup-apt-update as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get "${apt_patience[@]}" "${apt_turn[@]}" update ||
		warn "apt-get update failed; going on with the package lists that are there"
}

apt_install() { # LOG-NAME PACKAGE...
	local name=$1
	shift
	LOG_REMEDY="see whether 'apt-get install $*' works by hand; broken or held packages must be mended first" \
		run_logged "$name" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get "${apt_turn[@]}" install -y --no-install-recommends --no-remove "$@"
}

apt_can_install() { # PACKAGE...
	LC_ALL=C apt-get install -s --no-install-recommends --no-remove "$@" >/dev/null 2>&1
}

install_packages() {
	local missing
	mapfile -t missing < <(missing_packages "${packages[@]}")
	[ "${#missing[@]}" -gt 0 ] || return 0
	step "setup: installing ${missing[*]}"
	apt_update_once
	apt_install setup-packages "${missing[@]}"
}

# Libraries for the 32-bit programs of the tests.  Not gcc-multilib, which does
# not go with the cross compilers.
install_32bit() {
	local version missing
	[ "$(host_arch)" = x86_64 ] || return 0
	version=$(gcc -dumpversion)
	mapfile -t missing < <(missing_packages libc6-dev-i386 "lib32gcc-${version%%.*}-dev")
	[ "${#missing[@]}" -gt 0 ] || return 0
	step "setup: installing ${missing[*]}"
	apt_update_once
	apt_install setup-32bit "${missing[@]}"
}

# QEMU from the release's backports, through a copy of apt's source list in a
# temporary directory: the machine's own configuration is not touched.
install_qemu_from_backports() {
	local tmp codename rc=0
	codename=$(debian_codename)
	tmp=$(mktemp -d)
	mkdir -p "$tmp/parts" "$tmp/lists/partial"
	find /etc/apt/sources.list.d -maxdepth 1 -type f -exec cp -t "$tmp/parts" {} +
	backports_stanza "$codename" >"$tmp/parts/backports.sources" ||
		die 3 "this machine's apt names no Debian mirror to take qemu from" \
			"add the Debian archive to /etc/apt"
	chmod -R a+rX "$tmp"
	local options=("${apt_patience[@]}" "${apt_turn[@]}" -o "Dir::Etc::sourceparts=$tmp/parts"
		-o "Dir::State::lists=$tmp/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
	run_logged setup-qemu-update as_root apt-get "${options[@]}" update || rc=$?
	if [ "$rc" -eq 0 ]; then
		run_logged setup-qemu as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get "${options[@]}" install -y --no-install-recommends --no-remove \
			-t "$codename-backports" "${qemu_packages[@]}" || rc=$?
	fi
	as_root rm -rf "$tmp"
	return "$rc"
}

install_qemu() {
	local missing
	if command -v qemu-system-x86_64 >/dev/null && command -v qemu-system-aarch64 >/dev/null; then
		return 0
	fi
	mapfile -t missing < <(missing_packages "${qemu_packages[@]}")
	step "setup: installing ${missing[*]}"
	apt_update_once
	if apt_can_install "${missing[@]}"; then
		apt_install setup-qemu "${missing[@]}"
	else
		# Typically qemu-utils from the backports, which does not go with
		# the release's qemu-system.
		step "setup: the release's own QEMU does not fit what is installed; taking the backport"
		install_qemu_from_backports
	fi
}

rust_version() {
	rustc --version 2>/dev/null | cut -d' ' -f2 || :
}

rust_good() {
	local v
	v=$(rust_version)
	[ -n "$v" ] && version_ge "$v" "$RUST_MINIMUM" && command -v cargo >/dev/null
}

install_rust() {
	local set
	rust_good && return 0
	[ -z "$(rust_version)" ] || note "rustc $(rust_version) is older than $RUST_MINIMUM"
	step "setup: installing a Rust toolchain"
	apt_update_once
	# Debian 13 has a new enough rustc; Debian 12 has one beside its own,
	# kept current for the web browsers.
	for set in "rustc cargo rust-src rustfmt rust-clippy" \
		"rustc-web cargo-web rust-web-src rustfmt-web rust-web-clippy"; do
		local list=()
		read -r -a list <<<"$set"
		local candidate
		candidate=$(candidate_version "${list[0]}")
		if [ -n "$candidate" ] && version_ge "$candidate" "$RUST_MINIMUM" &&
			apt_can_install "${list[@]}"; then
			apt_install setup-rust "${list[@]}"
			hash -r
			rust_good && return 0
		fi
	done
	if command -v rustup >/dev/null || { apt_can_install rustup && apt_install setup-rustup rustup; }; then
		note "asking rustup for $RUST_PREFERRED"
		run_logged setup-rust timeout 900 rustup default "$RUST_PREFERRED" || :
		hash -r
		rust_good && return 0
	fi
	step "setup: no package offers rustc $RUST_MINIMUM; trying the official installer"
	local installer
	installer=$(mktemp)
	if curl --proto '=https' --tlsv1.2 -fsS --connect-timeout 10 -o "$installer" https://sh.rustup.rs; then
		run_logged setup-rust sh "$installer" -y --no-modify-path --profile minimal \
			--default-toolchain "$RUST_PREFERRED" -c rustfmt -c clippy || :
		path_add "${CARGO_HOME:-$HOME/.cargo}/bin"
		hash -r
	fi
	rm -f "$installer"
	rust_good || die 3 "no rustc of version $RUST_MINIMUM or later could be installed" \
		"install one (with cargo, rustfmt and clippy), put it in PATH, run 'make setup' again"
}

# rustfmt and clippy: for 'make check' only.
install_rust_lints() {
	local p
	if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then
		return 0
	fi
	step "setup: installing rustfmt and clippy"
	if command -v rustup >/dev/null; then
		run_logged setup-lints timeout 300 rustup component add rustfmt clippy
		return
	fi
	apt_update_once
	for p in "rustfmt rust-clippy" "rustfmt-web rust-web-clippy"; do
		local list=()
		read -r -a list <<<"$p"
		if apt_can_install "${list[@]}"; then
			apt_install setup-lints "${list[@]}"
			return
		fi
	done
	die 3 "rustfmt and clippy are missing and nothing offers them" \
		"install the ones that belong to $(command -v rustc)"
}

install_rust_src() {
	local version dir rc=0
	rust_lib_src >/dev/null && return 0
	version=$(rust_version)
	step "setup: getting the library source of Rust $version"
	if command -v rustup >/dev/null &&
		timeout 300 rustup component add rust-src >/dev/null 2>&1 && rust_lib_src >/dev/null; then
		return 0
	fi
	if [ "$(candidate_version rust-src)" = "$version" ] && apt_can_install rust-src; then
		apt_install setup-rust-src rust-src
	elif [ "$(candidate_version rust-web-src)" = "$version" ] && apt_can_install rust-web-src; then
		apt_install setup-rust-src rust-web-src
	elif [ "${RUST_SRC_PACKAGE%%+*}" = "$version" ]; then
		dir=$(mktemp -d "$CACHE/toolchain/rust-src.XXXXXX")
		run_logged setup-rust-src fetch_rust_src "$dir" || rc=$?
		if [ "$rc" -eq 0 ]; then
			rm -rf "$CACHE/toolchain/rust-src"
			mv "$dir/root" "$CACHE/toolchain/rust-src"
		fi
		rm -rf "$dir"
	fi
	rust_lib_src >/dev/null ||
		die 3 "the library source of Rust $version could not be found" \
			"'rustup component add rust-src', or use a rustc whose source your Debian release packages"
}

fetch_rust_src() { # DIR
	private_apt_begin "$RUST_SRC_RELEASE" "$1/apt" &&
		cd "$1" &&
		private_apt download "rust-src=$RUST_SRC_PACKAGE" &&
		dpkg-deb -x rust-src_*.deb root
}

bindgen_good() {
	local v
	v=$(bindgen --version 2>/dev/null | cut -d' ' -f2)
	[ -n "$v" ] && version_ge "$v" "$BINDGEN_MINIMUM"
}

install_bindgen() {
	local candidate
	bindgen_good && return 0
	step "setup: building bindgen $BINDGEN_PREFERRED"
	if LOG_REMEDY="cargo must reach its registry; without it put a bindgen of at least $BINDGEN_MINIMUM in PATH" \
		run_logged setup-bindgen env CARGO_NET_RETRY=3 CARGO_HTTP_TIMEOUT=30 \
		CARGO_TARGET_DIR="$CACHE/toolchain/build" cargo install --locked -j "$JOBS" \
		--version "$BINDGEN_PREFERRED" --root "$CACHE/toolchain" bindgen-cli; then
		rm -rf "$CACHE/toolchain/build"
		return 0
	fi
	rm -rf "$CACHE/toolchain/build"
	apt_update_once
	candidate=$(candidate_version bindgen)
	if [ -n "$candidate" ] && version_ge "$candidate" "$BINDGEN_MINIMUM"; then
		step "setup: taking Debian's bindgen $candidate instead"
		apt_install setup-bindgen-package bindgen
		hash -r
	fi
	bindgen_good || die 3 "no bindgen of version $BINDGEN_MINIMUM or later could be installed" \
		"see $CACHE/logs/setup-bindgen.log"
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	die 3 "this machine has no apt" "use Debian 12 or later, or install what scripts/setup.sh lists by hand"
fi
mkdir -p "$CACHE"/{downloads,src,build,toolchain,images,logs}

install_packages
install_32bit
install_qemu
install_rust
install_rust_lints
install_rust_src
install_bindgen
step "setup: ready (rustc $(rust_version), $(bindgen --version), $("clang$LLVM_SUFFIX" --version | sed -n '1s/.*version //p'))"

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian packages: what is installed, what could be, and a private apt
# configuration for the backports of a release that leaves the machine's own
# configuration alone.  Source it after lib.sh.

# package_installed NAME
package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# missing_packages NAME...: those that are not installed, one a line.
missing_packages() {
	local p
	for p; do
		package_installed "$p" || echo "$p"
	done
}

# candidate_version NAME: what apt would install, without epoch and revision.
candidate_version() {
	LC_ALL=C apt-cache policy "$1" 2>/dev/null |
		sed -n 's/^  Candidate: //p' | grep -v '(none)' | sed -E 's/^[0-9]+://; s/[-+~].*//' || :
}

debian_codename() {
	sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}

# of_other_release OWN OTHER: turns deb822 stanzas for OWN into those for OTHER.
# Another release's archive is signed with its own keys: what apt trusts in
# general may be only those of this one.
of_other_release() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e "$keyring" ] || keyring=''
	awk -v own="$1" -v other="$2" -v keyring="$keyring" '
		BEGIN { RS = ""; ORS = "\n\n" }
		sub("\nSuites: " own, "\nSuites: " other) {
			if (keyring != "" && !/\nSigned-By:/) $0 = $0 "\nSigned-By: " keyring
			print
		}'
}

# backports_stanza RELEASE: a deb822 stanza for RELEASE-backports on the mirror
# of this machine's own main archive.
backports_stanza() {
	local own stanza
	own=$(debian_codename)
	stanza=$("$ROOT/scripts/apt-sources.sh" "$own" |
		awk -v suite="$own" 'BEGIN { RS = ""; ORS = "\n" }
			$0 ~ "\nSuites: " suite "(\n|$)" { print; exit }')
	[ -n "$stanza" ] || return 1
	of_other_release "$own" "$1-backports" <<<"$stanza"
}

# release_stanzas RELEASE: deb822 stanzas for RELEASE with its updates: this
# machine's own, else RELEASE on the mirrors of this machine's release.
release_stanzas() {
	local own stanzas
	own=$(debian_codename)
	stanzas=$("$ROOT/scripts/apt-sources.sh" "$1" 2>/dev/null) ||
		stanzas=$("$ROOT/scripts/apt-sources.sh" "$own" | of_other_release "$own" "$1")
	[ -n "$stanzas" ] || return 1
	printf '%s\n' "$stanzas"
}

# Options every private apt run shares: a silent mirror is given up on quickly.
apt_patience=(-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o Acquire::Retries=3)

# private_apt_begin RELEASE DIR: make DIR an apt state that knows only
# RELEASE-backports, and fetch its lists.  private_apt then uses it.
private_apt_begin() {
	local dir=$2
	private_apt_options=("${apt_patience[@]}"
		-o "Dir::Etc::sourcelist=$dir/backports.sources" -o Dir::Etc::sourceparts=-
		-o Dir::Etc::preferencesparts=- -o Dir::Etc::preferences=-
		-o "Dir::State=$dir/state" -o "Dir::Cache=$dir/cache"
		-o APT::Default-Release= -o "APT::Sandbox::User=$(id -un)")
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	backports_stanza "$1" >"$dir/backports.sources" || {
		note "this machine's apt names no Debian mirror"
		return 1
	}
	sed -i 's/^Types: .*/Types: deb deb-src/' "$dir/backports.sources"
	apt-get "${private_apt_options[@]}" -qq update
}

private_apt() {
	apt-get "${private_apt_options[@]}" "$@"
}

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Print the Debian archives that this machine's apt uses, as deb822 stanzas for
# SUITE, SUITE-updates and SUITE-security, component main: the mirror and the
# keyring are the administrator's choice, never ours.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

[ $# -eq 1 ] || die 2 "usage: apt-sources.sh SUITE" "for example: apt-sources.sh bookworm"
suite=$1
need_command apt-get

# Every archive of the wanted suite: "URI RELEASE", RELEASE as apt's configuration
# writes it.  Where apt has fetched the index it knows origin and code name, and
# other vendors' archives that use Debian's suite names are left out.
archives() { # APT-GET-OPTIONS
	local uri release component origin codename
	# shellcheck disable=SC2016  # apt expands these, not the shell
	apt-get indextargets "$@" --format \
		'$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
		while read -r uri release component origin codename; do
			[ "$component" = main ] || continue
			case "$origin" in
			Debian) ;;
			'$(ORIGIN)') codename=$release ;;
			*) continue ;;
			esac
			case "$codename" in
			"$suite" | "$suite-updates" | "$suite-security") echo "$uri $release" ;;
			esac
		done | sort -u
}

# Every file in which apt's configuration names archives.
source_files() {
	local list parts
	eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
	[ ! -f "$list" ] || echo "$list"
	find "$parts" -maxdepth 1 \( -name '*.list' -o -name '*.sources' \) -type f 2>/dev/null | sort
}

# The Signed-By value of archive URI, as a deb822 field; empty when the machine
# trusts it through apt's general keyring.  An embedded key spans several lines.
signed_by() { # URI
	local file
	while read -r file; do
		case "$file" in
		*.sources)
			awk -v uri="${1%/}" '
				function flush() { if (hit && value != "") { print value; found = 1; exit } hit = 0; value = ""; infield = "" }
				/^[ \t]*$/ { flush(); next }
				/^#/ { next }
				/^[A-Za-z-]+:/ { infield = tolower($1) }
				infield == "uris:" { for (i = 1; i <= NF; i++) { word = $i; sub(/\/$/, "", word); if (word == uri) hit = 1 } }
				infield == "signed-by:" { value = value (value == "" ? "" : "\n") $0 }
				END { if (!found) flush() }' "$file"
			;;
		*)
			awk -v uri="${1%/}" '
				$1 == "deb" {
					for (i = 2; i <= NF; i++) { word = $i; sub(/\/$/, "", word); if (word == uri) hit = 1 }
					if (hit && match($0, /signed-by=[^] ]+/)) {
						value = substr($0, RSTART + 10, RLENGTH - 10); gsub(/,/, " ", value)
						print "Signed-By: " value; exit
					}
					hit = 0
				}' "$file"
			;;
		esac
	done < <(source_files) | awk 'NR > 1 && /^[A-Za-z]/ { exit } { print }'
}

list=$(archives)
# Before the first update apt knows no more than its configuration says.
[ -n "$list" ] || list=$(archives --no-release-info)
[ -n "$list" ] ||
	die 3 "this machine's apt has no Debian archive for '$suite'" \
		"add one under /etc/apt, run 'apt-get update', then try again"
while read -r uri release; do
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$release"
	signed_by "$uri"
	echo
done <<<"$list"

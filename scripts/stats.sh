#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What the series costs: lines added and removed in existing kernel files, and
# how many files, against the budget of each part and of the whole.  The status is
# 1 when the budget of the whole or of a finished part is exceeded.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

TOTAL_LINES=500 TOTAL_FILES=80
# Part, lines, files, and whether it is finished.
PARTS='interface 260 45 finished
network 110 25 finished
limits 70 16 open'

json=0
case "${1:-}" in
'') ;;
--json) json=1 ;;
-h | --help)
	echo 'usage: stats.sh [--json]'
	exit 0
	;;
*) die 2 "unknown argument '$1'" "usage: stats.sh [--json]" ;;
esac
need_command git

# part_of PATCH: the part is told by the subject.  What a task is a member of is interface, in whatever file.
part_of() {
	case "$(sed -n -E 's/^Subject: (\[[^]]*\] )?//p' "$1" | head -n 1)" in
	net:* | ipv4:* | ipv6:* | unix:*) echo network ;;
	'sched: give tasks and credentials'*) echo interface ;;
	files:* | sched:* | cputime:* | mm:* | memcg:* | quota:* | ipc:* | values:* | ucounts:* | keys:*) echo limits ;;
	*) echo interface ;;
	esac
}

numstat() {
	local name part
	[ -f "$ROOT/patches/series" ] || return 0
	while read -r name; do
		part=$(part_of "$ROOT/patches/$name")
		git apply --numstat "$ROOT/patches/$name" | sed "s/^/$part\t/"
	done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$ROOT/patches/series")
}

# Every patch counts: a line that one adds and the next changes costs twice.
numstat | awk -F '\t' -v json="$json" -v parts="$PARTS" \
	-v total_lines="$TOTAL_LINES" -v total_files="$TOTAL_FILES" '
	BEGIN {
		count = split(parts, row, "\n")
		for (i = 1; i <= count; i++) {
			split(row[i], w, " ")
			part[i] = w[1]; max_lines[w[1]] = w[2]; max_files[w[1]] = w[3]; open[w[1]] = w[4] == "open"
		}
	}
	{
		if (!($4 in plus)) name[files++] = $4
		plus[$4] += $2; minus[$4] += $3; added += $2; removed += $3
		lines_of[$1] += $2 + $3
		if (!(($1, $4) in seen)) files_of[$1]++
		seen[$1, $4] = 1
	}
	END {
		lines = added + removed
		over = lines > total_lines || files > total_files
		for (i = 1; i <= count; i++) {
			p = part[i]
			exceeds[p] = lines_of[p] > max_lines[p] || files_of[p] > max_files[p]
			if (exceeds[p] && !open[p]) over = 1
		}
		if (json) {
			printf "{\"lines\":%d,\"added\":%d,\"removed\":%d,\"files\":%d,", lines, added, removed, files
			printf "\"total\":{\"lines\":%d,\"files\":%d},\"parts\":{", total_lines, total_files
			for (i = 1; i <= count; i++) {
				p = part[i]
				printf "%s\"%s\":{\"lines\":%d,\"files\":%d,\"budget\":{\"lines\":%d,\"files\":%d},\"finished\":%s}", (i > 1) ? "," : "",
					p, lines_of[p], files_of[p], max_lines[p], max_files[p], open[p] ? "false" : "true"
			}
			printf "},\"within_budget\":%s,\"by_file\":{", over ? "false" : "true"
			for (i = 0; i < files; i++)
				printf "%s\"%s\":{\"added\":%d,\"removed\":%d}", i ? "," : "", name[i], plus[name[i]], minus[name[i]]
			print "}}"
		} else {
			for (i = 0; i < files; i++)
				printf "%5d+ %4d-  %s\n", plus[name[i]], minus[name[i]], name[i]
			printf "%5d+ %4d-  in %d existing files\n", added, removed, files
			for (i = 1; i <= count; i++) {
				p = part[i]
				printf "budget of %s: %d/%d lines, %d/%d files%s%s\n", p, lines_of[p], max_lines[p], files_of[p], max_files[p],
					open[p] ? ", in work" : "", exceeds[p] ? ": EXCEEDED" : ""
			}
			printf "budget of the whole: %d/%d lines, %d/%d files: %s\n", lines, total_lines, files, total_files,
				over ? "EXCEEDED" : "kept"
		}
		exit over
	}'

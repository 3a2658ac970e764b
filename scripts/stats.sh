#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What the series costs: lines added and removed in existing kernel files, and
# how many files, against the budget of the present stage and of the whole.
# The status is 1 when a budget is exceeded.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

STAGE_LINES=340 STAGE_FILES=70
TOTAL_LINES=500 TOTAL_FILES=80

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

numstat() {
	[ -f "$ROOT/patches/series" ] || return 0
	while read -r name; do
		git apply --numstat "$ROOT/patches/$name"
	done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$ROOT/patches/series")
}

# Every patch counts: a line that one adds and the next changes costs twice.
numstat | awk -v json="$json" \
	-v stage_lines="$STAGE_LINES" -v stage_files="$STAGE_FILES" \
	-v total_lines="$TOTAL_LINES" -v total_files="$TOTAL_FILES" '
	{
		if (!($3 in plus)) name[files++] = $3
		plus[$3] += $1; minus[$3] += $2; added += $1; removed += $2
	}
	END {
		lines = added + removed
		over = lines > stage_lines || files > stage_files || lines > total_lines || files > total_files
		if (json) {
			printf "{\"lines\":%d,\"added\":%d,\"removed\":%d,\"files\":%d,", lines, added, removed, files
			printf "\"stage\":{\"lines\":%d,\"files\":%d},\"total\":{\"lines\":%d,\"files\":%d},", stage_lines, stage_files, total_lines, total_files
			printf "\"within_budget\":%s,\"by_file\":{", over ? "false" : "true"
			for (i = 0; i < files; i++)
				printf "%s\"%s\":{\"added\":%d,\"removed\":%d}", i ? "," : "", name[i], plus[name[i]], minus[name[i]]
			print "}}"
		} else {
			for (i = 0; i < files; i++)
				printf "%5d+ %4d-  %s\n", plus[name[i]], minus[name[i]], name[i]
			printf "%5d+ %4d-  in %d existing files\n", added, removed, files
			printf "budget: this stage %d/%d lines, %d/%d files; whole %d/%d lines, %d/%d files: %s\n",
				lines, stage_lines, files, stage_files, lines, total_lines, files, total_files,
				over ? "EXCEEDED" : "kept"
		}
		exit over
	}'

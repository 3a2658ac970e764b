# SPDX-License-Identifier: GPL-2.0
#
# Read KTAP (also inside a kernel log) and tally its leaves.  Prints
#
#   ok NAME | not ok NAME | skip NAME     one line for each leaf
#   # summary: pass=N fail=N skip=N       at the end
#
# Names are SUBTEST.CASE.  A plan ("1..N") that does not match what came, or a
# parent that failed without a failed child, counts as one failure, and so does
# input without any result.  The status is 1 when anything failed.
#
# -v quiet=1 leaves the lines of passed leaves out; -v prefix=P goes before each
# name.

function leaf(verdict, name) {
	if (verdict == "ok") pass++
	else if (verdict == "skip") skip++
	else fail++
	if (!(quiet && verdict == "ok"))
		print verdict " " prefix name
}

function path(depth, name,    d, text) {
	text = ""
	for (d = 1; d <= depth; d++)
		if (subtest[d] != "") text = text subtest[d] "."
	return text name
}

# The plan at this depth is complete: is it what came?
function check_plan(depth, where) {
	if ((depth in plan) && plan[depth] != seen[depth])
		leaf("not ok", where " (plan: " plan[depth] ", came: " seen[depth] + 0 ")")
	delete plan[depth]
	seen[depth] = 0
	failed[depth] = 0
	subtest[depth] = ""
}

{
	line = $0
	sub(/\r$/, "", line)
	sub(/^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? ?/, "", line)
	match(line, /^ */)
	depth = int(RLENGTH / 4)
	text = substr(line, RLENGTH + 1)
}

text ~ /^1\.\.[0-9]+/ {
	sub(/^1\.\./, "", text)
	plan[depth] = text + 0
	next
}

text ~ /^# Subtest: / {
	sub(/^# Subtest: /, "", text)
	subtest[depth] = text
	next
}

text ~ /^(not )?ok [0-9]+/ {
	bad = text ~ /^not /
	name = text
	sub(/^(not )?ok [0-9]+( -)? ?/, "", name)
	skipped = name ~ /# *(SKIP|skip)/
	sub(/ *#.*$/, "", name)
	seen[depth]++
	if (bad) failed[depth]++
	child = depth + 1
	if (seen[child] > 0 || (child in plan)) {
		had_failure = failed[child] > 0
		check_plan(child, path(depth, name))
		if (bad && !had_failure)
			leaf("not ok", path(depth, name))
	} else {
		leaf(bad ? "not ok" : skipped ? "skip" : "ok", path(depth, name))
	}
}

END {
	check_plan(0, "the run")
	if (pass + fail + skip == 0)
		leaf("not ok", "no results came")
	printf "# summary: pass=%d fail=%d skip=%d\n", pass, fail, skip
	exit fail > 0
}

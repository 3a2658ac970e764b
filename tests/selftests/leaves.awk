# SPDX-License-Identifier: GPL-2.0
#
# What a machine of run.sh said, as one line per result: case, name, verdict.  Of
# a program that speaks KTAP each test is one, of every program how it ended.

$1 == "==" && $2 == "begin" { current = $3; next }
$1 == "==" && $2 == "end" { print $3 ": status: " $4; current = ""; next }
current == "" { next }
match($0, /^[ \t]*(not )?ok [0-9]+ /) {
	verdict = $0 ~ /^[ \t]*not ok/ ? "fail" : "pass"
	name = substr($0, RLENGTH + 1)
	sub(/\r$/, "", name)
	if (verdict == "pass" && name ~ /# *SKIP/)
		verdict = "skip"
	sub(/ *#.*/, "", name)
	sub(/^- /, "", name)
	gsub(/:/, " ", name)
	print current ": " name ": " verdict
}

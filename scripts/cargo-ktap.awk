# SPDX-License-Identifier: GPL-2.0
#
# Turn the output of "cargo test" into KTAP.  The plan comes last; without any
# test it says 0.

/^test .* \.\.\. / {
	name = $0
	sub(/^test /, "", name)
	sub(/ \.\.\. .*/, "", name)
	gsub(/ - should panic$/, "", name)
	verdict = $0
	sub(/.* \.\.\. /, "", verdict)
	number++
	if (verdict ~ /^ok/) print "ok " number " " name
	else if (verdict ~ /^ignored/) print "ok " number " " name " # SKIP ignored"
	else print "not ok " number " " name
}

END { print "1.." number + 0 }

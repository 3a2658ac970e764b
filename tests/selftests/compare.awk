# SPDX-License-Identifier: GPL-2.0
#
# Compares the results of a place with those of the stock kernel, as KTAP, one
# test per case.  Reads three files: expected differences, stock, the place.
#
# usage: awk -v place=idle|guest -v first=N -f compare.awk EXPECTED STOCK PLACE

function key(line) {
	sub(/: [^:]*$/, "", line)
	return line
}

function verdict(line) {
	sub(/^.*: /, "", line)
	return line
}

function is_wrong(name, what) {
	wrong[name] = wrong[name] "# " name ": " what "\n"
}

FNR == 1 { file++ }

# An expected difference: "case: name: verdict  # reason".
file == 1 {
	if ($0 ~ /^#/ || $0 !~ /[^ ]/ || place != "guest")
		next
	reason = $0
	if (!sub(/^.*  # /, "", reason)) {
		print "Bail out! no reason for: " $0
		exit bad = 1
	}
	sub(/  # .*$/, "")
	expected[key($0)] = verdict($0)
	next
}

{ split($0, part, ": ") }

file == 2 {
	stock[key($0)] = verdict($0)
	if (!(part[1] in seen)) {
		order[++count] = part[1]
		seen[part[1]] = 1
	}
	next
}

{
	got[key($0)] = verdict($0)
	if (!(part[1] in seen)) {
		order[++count] = part[1]
		seen[part[1]] = 1
	}
}

END {
	if (bad)
		exit 1
	for (name in expected)
		if (!(name in stock) && !(name in got)) {
			split(name, part, ": ")
			is_wrong(part[1], name ": expected, and nowhere to be seen")
			if (!(part[1] in seen)) {
				order[++count] = part[1]
				seen[part[1]] = 1
			}
		}
	for (name in stock) {
		split(name, part, ": ")
		want = name in expected ? expected[name] : stock[name]
		have = name in got ? got[name] : "missing"
		if (have != want)
			is_wrong(part[1], name ": " have " instead of " want)
		if (name in expected && expected[name] == stock[name])
			is_wrong(part[1], name ": expected " want ", as on the stock kernel: no difference")
	}
	for (name in got)
		if (!(name in stock)) {
			split(name, part, ": ")
			want = name in expected ? expected[name] : "nothing"
			if (got[name] != want)
				is_wrong(part[1], name ": " got[name] " instead of " want)
		}
	for (i = 1; i <= count; i++) {
		printf "%s", wrong[order[i]]
		printf "%s %d %s: %s\n", wrong[order[i]] == "" ? "ok" : "not ok", first++, place, order[i]
	}
}

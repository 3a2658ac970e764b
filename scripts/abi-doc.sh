#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Write Documentation/abi.rst: the commands of vserver() as the kernel's table
# has them.  With --check nothing is written; the status says whether the file
# is up to date.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

TABLE=$ROOT/rust/vserver/command.rs
DEFINITIONS=$ROOT/rust/vserver/abi
OUTPUT=$ROOT/Documentation/abi.rst

check=0
case "${1:-}" in
'') ;;
--check) check=1 ;;
*) die 2 "unknown argument '$1'" "usage: abi-doc.sh [--check]" ;;
esac

render() {
	cat <<'TEXT'
.. SPDX-License-Identifier: GPL-2.0
.. Made by scripts/abi-doc.sh from rust/vserver/command.rs; do not edit.

=========================
Commands of ``vserver()``
=========================

``long vserver(u32 command, u32 id, void *data)``. Numbers of the call: x86-64
236, i386 273, arm 313, arm64 250, powerpc 257. Structures and bits:
``include/uapi/linux/vserver.h`` for C, ``rust/vserver/abi.rs`` for Rust. What
differs from the original is told in ``abi.md``.

Tests are made in this order, and the first that fails decides the error: the
command exists and the caller has CAP_CONTEXT (``ENOSYS``), its capabilities
(``EPERM``), who it is (``EPERM``), the object (``ESRCH``), its consent
(``EPERM``, ``EACCES``), the memory (``EFAULT``), then the command itself.

Rights:

========  ====================================================================
QUESTION  CAP_CONTEXT
READ      and CAP_SYS_ADMIN
FILE      READ and CAP_LINUX_IMMUTABLE
CREATE    READ, and the caller is the host
HOST      CREATE and CAP_SYS_RESOURCE
ADMIN     HOST, and the object has STATE_ADMIN
SETUP     ADMIN, or a task of a context in setup for its own objects
========  ====================================================================

The id names a context, a network context (*network*), either or nothing with
id 0 (*or 0*), or is for the command to read (*free*). Sizes are bytes that are
copied, for a 32-bit caller on x86 after the slash where they differ.

.. list-table::
   :header-rows: 1

   * - command
     - number
     - rights
     - id
     - argument
     - bytes
     - what it does
TEXT
	cat "$DEFINITIONS"/*.rs "$TABLE" | awk '
		/^ *\/\/\/ / { line = $0; sub(/^ *\/\/\/ /, "", line); doc = doc == "" ? line : doc " " line; next }
		/pub const [A-Z0-9_]+: u32 = cmd\(/ {
			name = $0; sub(/.*pub const /, "", name); sub(/:.*/, "", name)
			args = $0; sub(/.*cmd\(/, "", args); sub(/\).*/, "", args)
			split(args, n, /, */)
			number[name] = sprintf("0x%02x%02x%04x", n[1], n[2], n[3])
			about[name] = doc
		}
		/assert!\(size_of::<[A-Za-z0-9]+>\(\) == [0-9]+\)/ {
			type = $0; sub(/.*size_of::</, "", type); sub(/>.*/, "", type)
			bytes = $0; sub(/.*== /, "", bytes); sub(/\).*/, "", bytes)
			# The first assertion is that of 64-bit callers.
			if (!(type in size)) size[type] = bytes
		}
		/SPACE_MASK_V2_READ: usize = / { bytes = $0; sub(/.*= /, "", bytes); sub(/;.*/, "", bytes); space = bytes }
		/^    row\(vcmd::/ {
			line = $0
			sub(/^    row\(vcmd::/, "", line)
			name = line; sub(/,.*/, "", name)
			sub(/^[A-Z0-9_]+, /, "", line)
			rights = line; sub(/,.*/, "", rights)
			sub(/^[A-Z]+, /, "", line)
			kind = line; sub(/\([a-z_:0-9]+\)\),$/, "", kind); sub(/.*, /, "", kind)
			id = kind == "Plain" ? "free" : kind == "OnNetwork" ? "network" : kind == "OnContextOr0" ? "or 0" : "context"
			argument = "none"; width = ""
			if (line ~ /^SPACE,/) { argument = "``SpaceMaskV2``, in or none"; width = space }
			else if (line ~ /^(arg|pair)::</) {
				types = line; sub(/^(arg|pair)::</, "", types); sub(/>.*/, "", types)
				split(types, t, /, */)
				way = line; sub(/^[^(]*\(/, "", way); sub(/\).*/, "", way)
				text = way == "In" ? "in" : way == "OptionalIn" ? "in or none" : way == "Out" ? "out" : "in and out"
				argument = "``" t[1] "``, " text
				width = size[t[1]]
				if (line ~ /^pair/ && size[t[2]] != size[t[1]]) width = width " / " size[t[2]]
			}
			if (!(name in number)) { print "no definition of " name > "/dev/stderr"; exit 1 }
			text = about[name]
			gsub(/\[`(super::)?/, "``", text); gsub(/`\]/, "``", text)
			gsub(/\((crate|super)::[A-Za-z0-9_:]*\)/, "", text)
			printf "   * - %s\n     - %s\n     - %s\n     - %s\n     - %s\n     - %s\n     - %s\n", tolower(name), number[name], rights, id, argument, width, text
		}
		{ doc = "" }'
}

new=$(mktemp)
trap 'rm -f "$new"' EXIT
render | sed 's/[[:space:]]*$//' >"$new"
if [ "$check" -eq 1 ]; then
	diff -u "$OUTPUT" "$new" ||
		die 1 "Documentation/abi.rst is not what the kernel's table says" "run 'make docs'"
	exit 0
fi
cmp -s "$new" "$OUTPUT" || cp "$new" "$OUTPUT"

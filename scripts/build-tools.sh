#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the vserver command; say where it is.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

need_command cargo
run_logged tools cargo build --release --locked -j "$JOBS" --manifest-path "$ROOT/tools/Cargo.toml"
step "tools: $CARGO_TARGET_DIR/release/vserver"

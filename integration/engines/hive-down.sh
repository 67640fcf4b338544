#!/usr/bin/env bash
# hive-down.sh - stops what hive-up.sh started. HIVE_PORT and HIVE_WORK as there; HIVE_WIPE=1 removes the work folder too.
set -euo pipefail
WORK=${HIVE_WORK:-/tmp/rewind-hive-${HIVE_PORT:-29050}}
say() { echo "hive-down: $*" >&2; }
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/java.sh"

[ -d "$WORK" ] || exit 0
WORK=$(cd "$WORK" && pwd)
stop "$WORK/proxy.pid" "$WORK/bin/hs2proxy"
stop "$WORK/hive.pid" "$WORK/conf"
if [ "${HIVE_WIPE:-0}" = 1 ]; then rm -rf "$WORK"; fi

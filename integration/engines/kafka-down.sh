#!/usr/bin/env bash
# kafka-down.sh - stops what kafka-up.sh started. KAFKA_PORT and KAFKA_WORK as there; KAFKA_WIPE=1 removes the work folder too.
set -euo pipefail
WORK=${KAFKA_WORK:-/tmp/rewind-kafka-${KAFKA_PORT:-29092}}
say() { echo "kafka-down: $*" >&2; }
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/java.sh"

[ -d "$WORK" ] || exit 0
WORK=$(cd "$WORK" && pwd)
stop "$WORK/kafka.pid" "$WORK/server.properties"
if [ "${KAFKA_WIPE:-0}" = 1 ]; then rm -rf "$WORK"; fi

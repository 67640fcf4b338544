#!/usr/bin/env bash
# run.sh - the integration tests: starts a real Kafka and a real HiveServer2 on this machine, builds rewind, runs the tests against them,
# and stops and removes everything it started.
#
#   integration/run.sh                      all tests
#   integration/run.sh -run TestFlights -v  what `go test` understands
#   integration/run.sh soak [20m]           the whole pipeline for that long under faults from a seed, which it prints; nothing else
#   integration/run.sh up                   starts the servers and leaves them; prints the settings, so that
#                                           `. /tmp/rewind-integration/env.sh && go test -tags integration -run … ./integration/` runs one test
#   integration/run.sh down                 stops and removes them
#
#   REWIND_WORK   folder for everything: data, logs, the flights (default: a new one under $TMPDIR; /tmp/rewind-integration for up and down)
#   REWIND_SEED   repeats the random choices of an earlier run
#   REWIND_ROWS   rows of the generated tables, for a quick look (default: 100000)
#   REWIND_KEEP   1 keeps the folder
#   KAFKA_PORT, HIVE_PORT  the ports (29092 to 29100; 29050 to 29053)
#   REWIND_SOAK   how long the soak goes on (default: 90s; 20m where it is asked for alone)
# Needs go and python3, and root or sudo for a small disk that a test fills; installs a JDK, Maven and python3's venv through apt-get where they are missing.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/.."
export KAFKA_PORT=${KAFKA_PORT:-29092} HIVE_PORT=${HIVE_PORT:-29050}
fixed=${TMPDIR:-/tmp}/rewind-integration
case ${1:-} in
up | down) WORK=${REWIND_WORK:-$fixed} ;;
*) WORK=${REWIND_WORK:-$(mktemp -d "${TMPDIR:-/tmp}/rewind-integration-XXXXXX")} ;;
esac
mkdir -p "$WORK"
WORK=$(cd "$WORK" && pwd)
# The folder is removed in the end: it must be ours.
if [ ! -f "$WORK/.rewind-integration" ] && [ -n "$(ls -A "$WORK")" ]; then
  echo "run.sh: $WORK holds something else" >&2
  exit 2
fi
touch "$WORK/.rewind-integration"
export KAFKA_WORK=$WORK/kafka HIVE_WORK=$WORK/hive

root=()
if [ "$(id -u)" != 0 ]; then root=(sudo); fi

down() {
  HIVE_WORK=$HIVE_WORK/ldap "$HERE/engines/hive-down.sh" || true
  "$HERE/engines/hive-down.sh" || true
  "$HERE/engines/kafka-down.sh" || true
  if mountpoint -q "$WORK/small"; then "${root[@]}" umount "$WORK/small" || true; fi
  if [ "${REWIND_KEEP:-0}" = 1 ]; then echo "run.sh: kept $WORK" >&2; else rm -rf "$WORK"; fi
}

# up starts the servers, builds rewind, fetches what the tests need, and writes env.sh.
up() {
  local brokers dsn
  brokers=$(KAFKA_SECURE=1 "$HERE/engines/kafka-up.sh")
  dsn=$("$HERE/engines/hive-up.sh")
  CGO_ENABLED=0 go build -o "$WORK/rewind" ./cmd/rewind
  "$HERE/fetch.sh" "$WORK/python" "$WORK/flights"
  mkdir -p "$WORK/tests" "$WORK/small"
  # A disk that can be filled.
  if ! mountpoint -q "$WORK/small"; then
    "${root[@]}" mount -t tmpfs -o "size=${SMALL_DISK:-192m},mode=0700,uid=$(id -u),gid=$(id -g)" rewind-small "$WORK/small"
  fi
  cat >"$WORK/env.sh" <<ENV
export REWIND_KAFKA='$brokers'
export REWIND_KAFKA_WORK='$KAFKA_WORK'
export REWIND_KAFKA_BEHIND='127.0.0.1:$((KAFKA_PORT + 2))'
export REWIND_KAFKA_PROXY='127.0.0.1:$((KAFKA_PORT + 3))'
export REWIND_DSN='$dsn'
export REWIND_HIVE_WORK='$HIVE_WORK'
export REWIND_HIVE_PORT='$HIVE_PORT'
export REWIND_BINARY='$WORK/rewind'
export REWIND_WORK='$WORK/tests'
export REWIND_SMALL='$WORK/small'
export REWIND_PYTHON='$WORK/python/bin/python3'
export REWIND_FLIGHTS='$WORK/flights/flights.csv.zip'
export REWIND_JARS='${HIVE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hive-jars/4.0.1}/lib'
ENV
  cat "$KAFKA_WORK/doors.env" >>"$WORK/env.sh"
}

case ${1:-} in
down)
  down
  exit
  ;;
up)
  up
  cat "$WORK/env.sh"
  exit
  ;;
esac
tests=(-tags integration -count=1 -timeout 40m) packages=(./integration/...)
if [ "${1:-}" = soak ]; then
  export REWIND_SOAK=${2:-20m} SMALL_DISK=${SMALL_DISK:-512m}
  shift "$#"
  tests=(-tags integration -count=1 -timeout 6h -v -run '^TestSoak$') packages=(./integration/)
fi
trap down EXIT
trap 'exit 130' INT TERM
up
# shellcheck disable=SC1091
. "$WORK/env.sh"
go test "${tests[@]}" "$@" "${packages[@]}"
for report in flights soak; do
  if [ -f "$WORK/tests/$report.md" ]; then cat "$WORK/tests/$report.md"; fi
done

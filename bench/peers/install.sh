#!/usr/bin/env bash
# install.sh FOLDER - puts the peers that rewind is measured beside into FOLDER: a Python environment with DuckDB, Polars, reladiff and
# the drawing library, another with dbt (which wants its own versions), and csvdiff. Each once; nothing outside of FOLDER is touched.
set -euo pipefail
FOLDER=$1
mkdir -p "$FOLDER"
FOLDER=$(cd "$FOLDER" && pwd)
say() { echo "peers: $*" >&2; }

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  say "installing python3-venv"
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  "${root[@]}" apt-get update -q >&2
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3 python3-venv >&2
fi

# environment NAME VERSION PACKAGE… - VERSION is of this list: another one makes the environment anew.
environment() {
  local folder=$FOLDER/$1 mark=$FOLDER/$1/.ok-$2
  shift 2
  if [ -f "$mark" ]; then return; fi
  say "installing $*"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python3" -m pip install --quiet "$@" >&2
  touch "$mark"
}
environment python 1 duckdb==1.4.2 polars==1.35.2 pyarrow==22.0.0 reladiff==0.6.0 matplotlib==3.10.7
environment dbt 1 dbt-core==1.9.4 dbt-duckdb==1.9.4 duckdb==1.4.2

if [ ! -x "$FOLDER/csvdiff" ]; then
  say "installing csvdiff"
  module=$(mktemp -d)
  trap 'rm -rf "$module"' EXIT
  printf 'module peers\n\ngo 1.26\n\nrequire github.com/aswinkarthik/csvdiff v1.4.0\n' >"$module/go.mod"
  (cd "$module" && CGO_ENABLED=0 go build -mod=mod -o "$FOLDER/csvdiff" github.com/aswinkarthik/csvdiff) >&2
fi

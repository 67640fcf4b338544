#!/usr/bin/env bash
# dbt.sh prepare|snapshot ENVIRONMENT TABLES FOLDER - dbt's snapshot of a table on DuckDB, by comparison of all columns. prepare makes the project
# and its first snapshot, of v1.parquet; snapshot is the second one, of v2.parquet.
set -euo pipefail
ENVIRONMENT=$2 TABLES=$3 FOLDER=$4
export DBT_SEND_ANONYMOUS_USAGE_STATS=false DBT_PROFILES_DIR=$FOLDER DO_NOT_TRACK=1
run() { "$ENVIRONMENT/bin/dbt" --quiet snapshot --project-dir "$FOLDER" --threads 2 --vars "{version: $1}"; }
case $1 in
prepare)
  rm -rf "$FOLDER"
  mkdir -p "$FOLDER/snapshots" "$FOLDER/models"
  cat >"$FOLDER/dbt_project.yml" <<'YML'
name: bench
version: "1.0"
profile: bench
flags: {partial_parse: false}
YML
  cat >"$FOLDER/profiles.yml" <<YML
bench:
  target: dev
  outputs:
    dev: {type: duckdb, path: $FOLDER/snapshots.duckdb, threads: 2, settings: {threads: 2}}
YML
  cat >"$FOLDER/snapshots/t.sql" <<SQL
{% snapshot t %}
{{ config(target_schema='main', unique_key='id', strategy='check', check_cols='all', invalidate_hard_deletes=true) }}
select * from read_parquet('$TABLES/v{{ var("version") }}.parquet')
{% endsnapshot %}
SQL
  run 1
  ;;
snapshot) run 2 ;;
esac

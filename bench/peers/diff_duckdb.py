"""diff_duckdb.py DIR OUT KEY[,KEY] - every row that differs between v1.parquet and v2.parquet, with both its images, as CSV: a FULL OUTER JOIN."""
import sys

import duckdb
from measured import Stopwatch

folder, out, keys = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
c = duckdb.connect()
c.execute("SET threads=2")
c.execute(f"SET temp_directory='{out}.tmp'")
watch = Stopwatch()
columns = [r[0] for r in c.execute(f"DESCRIBE SELECT * FROM '{folder}/v1.parquet'").fetchall() if r[0] not in keys]
differs = " OR ".join(f"a.{n} IS DISTINCT FROM b.{n}" for n in columns)
on = " AND ".join(f"a.{k} = b.{k}" for k in keys)
k = keys[0]
c.execute(f"""COPY (SELECT CASE WHEN a.{k} IS NULL THEN 'i' WHEN b.{k} IS NULL THEN 'd' ELSE 'u' END op,
    {', '.join(f'coalesce(a.{n}, b.{n}) {n}' for n in keys)},
    {', '.join(f'a.{n} old_{n}' for n in columns)}, {', '.join(f'b.{n} new_{n}' for n in columns)}
    FROM '{folder}/v1.parquet' a FULL OUTER JOIN '{folder}/v2.parquet' b ON {on}
    WHERE a.{k} IS NULL OR b.{k} IS NULL OR {differs}) TO '{out}' (HEADER)""")
rows = c.execute(f"SELECT count(*) FROM '{folder}/v2.parquet'").fetchone()[0]
watch.say(rows, changes=c.execute(f"SELECT count(*) FROM '{out}'").fetchone()[0])

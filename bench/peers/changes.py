"""changes.py DIR - what makes v2 of v1, with both images of every row, as changes.parquet (zstd), by DuckDB. It says how large that is."""
import os
import sys

import duckdb
from measured import Stopwatch

folder = sys.argv[1]
out = f"{folder}/changes.parquet"
c = duckdb.connect()
c.execute("SET threads=2")
c.execute(f"SET temp_directory='{folder}/duckdb.tmp'")
watch = Stopwatch()
columns = [r[0] for r in c.execute(f"DESCRIBE SELECT * FROM '{folder}/v1.parquet'").fetchall()]
image = lambda t: f"CASE WHEN {t}.id IS NULL THEN NULL ELSE struct_pack({', '.join(f'{n} := {t}.{n}' for n in columns)}) END"
differs = " OR ".join(f"a.{n} IS DISTINCT FROM b.{n}" for n in columns if n != "id")
c.execute(f"""COPY (SELECT CASE WHEN a.id IS NULL THEN 'c' WHEN b.id IS NULL THEN 'd' ELSE 'u' END op, coalesce(a.id, b.id) id,
    {image('a')} AS before, {image('b')} AS after
    FROM '{folder}/v1.parquet' a FULL OUTER JOIN '{folder}/v2.parquet' b ON a.id = b.id
    WHERE a.id IS NULL OR b.id IS NULL OR {differs} ORDER BY 2) TO '{out}' (FORMAT parquet, COMPRESSION zstd)""")
n = c.execute(f"SELECT count(*) FROM '{out}'").fetchone()[0]
watch.say(n, bytes=os.path.getsize(out))

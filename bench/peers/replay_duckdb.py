"""replay_duckdb.py DIR OUT - v2 out of v1.parquet and changes.parquet, as Parquet. Nothing is proved."""
import sys

import duckdb
from measured import Stopwatch

folder, out = sys.argv[1:3]
c = duckdb.connect()
c.execute("SET threads=2")
c.execute(f"SET temp_directory='{out}.tmp'")
watch = Stopwatch()
c.execute(f"""COPY (SELECT * FROM '{folder}/v1.parquet' WHERE id NOT IN (SELECT id FROM '{folder}/changes.parquet')
    UNION ALL SELECT unnest(after) FROM '{folder}/changes.parquet' WHERE op <> 'd') TO '{out}' (FORMAT parquet)""")
watch.say(c.execute(f"SELECT count(*) FROM read_parquet('{out}')").fetchone()[0])

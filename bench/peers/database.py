"""database.py DIR - v1 and v2 as tables of one DuckDB file, which reladiff reads."""
import os
import sys

import duckdb

folder = sys.argv[1]
path = f"{folder}/both.duckdb"
if not os.path.exists(path):
    c = duckdb.connect(path + ".part")
    for v in ("v1", "v2"):
        c.execute(f"CREATE TABLE {v} AS SELECT * FROM '{folder}/{v}.parquet'")
    c.close()
    os.rename(path + ".part", path)

"""tables.py DIR - v1.csv and v2.csv of DIR as v1.parquet and v2.parquet (snappy), by DuckDB."""
import os
import sys

import duckdb

folder = sys.argv[1]
c = duckdb.connect()
c.execute("SET threads=2")
c.execute(f"SET temp_directory='{folder}/duckdb.tmp'")
for v in ("v1", "v2"):
    if os.path.exists(f"{folder}/{v}.parquet"):
        continue
    header = open(f"{folder}/{v}.csv").readline().strip().split(",")
    known = dict(id="BIGINT", region="VARCHAR", code="VARCHAR", name="VARCHAR", note="VARCHAR", qty="INTEGER", price="DOUBLE",
                 amount="DECIMAL(18,2)", ts="TIMESTAMP", active="BOOLEAN")
    further = ["BIGINT", "DOUBLE", "VARCHAR", "INTEGER"]
    types = {n: known.get(n) or further[int(n[1:]) % 4] for n in header}
    columns = ", ".join(f"'{n}': '{t}'" for n, t in types.items())
    c.execute(f"""COPY (SELECT * FROM read_csv('{folder}/{v}.csv', header=true, columns={{{columns}}}))
        TO '{folder}/{v}.parquet.part' (FORMAT parquet, COMPRESSION snappy)""")
    os.rename(f"{folder}/{v}.parquet.part", f"{folder}/{v}.parquet")

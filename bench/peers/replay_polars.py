"""replay_polars.py DIR OUT - the same by Polars, streaming."""
import os
import sys

os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl
from measured import Stopwatch

folder, out = sys.argv[1:3]
watch = Stopwatch()
base, changes = pl.scan_parquet(f"{folder}/v1.parquet"), pl.scan_parquet(f"{folder}/changes.parquet")
kept = base.join(changes.select("id"), on="id", how="anti")
new = changes.filter(pl.col("op") != "d").select(pl.col("after")).unnest("after")
pl.concat([kept, new]).sink_parquet(out)
watch.say(pl.scan_parquet(out).select(pl.len()).collect().item())

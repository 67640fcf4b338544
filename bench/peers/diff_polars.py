"""diff_polars.py DIR OUT KEY[,KEY] - the same by Polars: a lazy full join, streaming."""
import os
import sys

os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl
from measured import Stopwatch

folder, out, keys = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
watch = Stopwatch()
a, b = pl.scan_parquet(f"{folder}/v1.parquet"), pl.scan_parquet(f"{folder}/v2.parquet")
columns = [n for n in a.collect_schema().names() if n not in keys]
gone, came = pl.col(keys[0] + "_new").is_null(), pl.col(keys[0]).is_null()
op = pl.when(came).then(pl.lit("i")).when(gone).then(pl.lit("d")).otherwise(pl.lit("u")).alias("op")
differs = pl.any_horizontal([pl.col(n).ne_missing(pl.col(n + "_new")) for n in columns])
changes = a.join(b, on=keys, how="full", suffix="_new").filter(gone | came | differs).with_columns(op).collect(engine="streaming")
changes.write_csv(out)
watch.say(b.select(pl.len()).collect().item(), changes=len(changes))

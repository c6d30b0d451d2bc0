"""Writes splits.json with datasets 5.2.0 and the .parquet files with pyarrow 26.0.1.

Run: python tests/lib/data/golden/make.py
"""

import datetime
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ReadInstruction

here = pathlib.Path(__file__).parent
SIZES = {"train": 1003, "test": 50}
SPECS = """train|test|train[0:500]|train[:10%]|train[-50:]|train[:-5]|train[10%:20%]|train[-10%:]|train+test
train[:33%]+test[1:-1]|train[5:3]|train[990:2000]|train[2000:]|train[:]|train[1_0:2_0]|train[:15%](pct1_dropremainder)
train[15%:-15%](pct1_dropremainder)|test[:50%]|test[:1%]|test[33%:66%]|train[-2000:10]|train[0:0]|test[1%:5%]
test[:-100%]|train[10:20%]|test[3%:7%]|train [1:2]|train[1]|train[a:b]|tr-ain||train[:101%]|train[:5](foo)
test[:10%](pct1_dropremainder)|nope""".replace("\n", "|").split("|")


def ranges(spec):
    try:
        parts = ReadInstruction.from_spec(spec).to_absolute(SIZES)
    except ValueError:
        return None
    return [[part.splitname, part.from_, part.to] for part in parts]


cases = [{"spec": spec, "ranges": ranges(spec)} for spec in SPECS]
(here / "splits.json").write_text(json.dumps({"sizes": SIZES, "cases": cases}, indent=1) + "\n")

table = pa.table(
    {
        "text": ["one", None, "drei ü 日本"],
        "count": pa.array([1, 2**53 - 1, None], pa.int64()),
        "big": pa.array([2**60, 0, -(2**60)], pa.int64()),
        "score": pa.array([0.5, -1.25, 1e300], pa.float64()),
        "flag": [True, False, None],
        "ids": pa.array([[1, 2], [], None], pa.list_(pa.int32())),
        "turns": [[{"role": "user", "content": "hi"}], [], [{"role": "a", "content": None}]],
        "day": pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5)] * 3, pa.timestamp("ms")),
    }
)
for codec in ("none", "snappy", "zstd", "gzip", "brotli", "lz4"):
    pq.write_table(table, here / f"{codec}.parquet", compression=codec)

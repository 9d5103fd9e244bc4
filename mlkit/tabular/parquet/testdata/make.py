"""Writes the .parquet files beside it with pyarrow 26.0 and what they hold, as
pyarrow reads it back, to goldens.json: python make.py
Dates are days since 1970-01-01 UTC, missing cells null.
"""

import datetime as dt
import decimal
import json
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

D = decimal.Decimal
utc = dt.timezone.utc
n = 5
times = [dt.datetime(2024, 2, 29, 13, 30, 15, 250000), dt.datetime(1969, 12, 31, 6), dt.datetime(1970, 1, 1), dt.datetime(1900, 1, 1, 0, 0, 1), dt.datetime(2262, 1, 1)]
columns = {
    "i8": pa.array([-128, 0, 1, 2, 127], pa.int8()),
    "u8": pa.array([0, 1, 2, 254, 255], pa.uint8()),
    "i16": pa.array([-(2**15), 0, 1, 2, 2**15 - 1], pa.int16()),
    "u32": pa.array([0, 1, 2**31, 2**31 + 1, 2**32 - 1], pa.uint32()),
    "i64": pa.array([-(2**53), -1, 0, 2**40, 2**53], pa.int64()),
    "u64": pa.array([0, 1, 2, 3, 2**53], pa.uint64()),
    "f16": pa.array(np.array([0.5, -65504, 6e-8, 1 / 3, 0], np.float16), pa.float16()),
    "f32": pa.array([0.1, -1e30, 0, 1, 2.5], pa.float32()),
    "f64": pa.array([0.1, -1e300, 5e-324, 1, 2.5], pa.float64()),
    "flag": pa.array([True, False, True, True, False]),
    "price": pa.array([D("12.34"), D("-0.01"), D("0.00"), D("99999.99"), D("1.10")], pa.decimal128(7, 2)),
    "wide": pa.array([D("12345678901234567890.5"), D("-0.5"), D("0.0"), D("7.1"), D("-12345678901234567890.5")], pa.decimal128(30, 1)),
    "day": pa.array([t.date() for t in times], pa.date32()),
    "ms": pa.array(times, pa.timestamp("ms")),
    "us": pa.array(times, pa.timestamp("us", "UTC")),
    "ns": pa.array(times, pa.timestamp("ns")),
    "name": pa.array(["ä", "b", "a", "b", "日本"]),
    "large": pa.array(["x", "y", "x", "y", "z"], pa.large_string()),
    "colour": pa.array(["red", "blue", "red", "red", "blue"]).dictionary_encode(),
}


def cell(v):
    if isinstance(v, (dt.datetime, dt.date)) and not isinstance(v, dt.datetime):
        v = dt.datetime(v.year, v.month, v.day)
    if isinstance(v, dt.datetime):
        d = v.replace(tzinfo=None) - dt.datetime(1970, 1, 1)
        return (d.days * 86400 * 10**6 + d.seconds * 10**6 + d.microseconds) / 86400e6
    if isinstance(v, (D, np.float16)):
        return float(v)
    if isinstance(v, float) and v != v:
        return None
    return float(v) if isinstance(v, (bool, int, float)) else v


out = {}


def write(name, table, **kw):
    pq.write_table(table, name + ".parquet", **kw)
    back = pq.read_table(name + ".parquet")
    out[name] = {c: [cell(v) for v in back[c].to_pylist()] for c in back.column_names}


t = pa.table(columns)
write("types", t)
write("zstd", t.drop_columns(["flag"]), compression="zstd", data_page_version="2.0", row_group_size=2)
write("gzip", t, compression="gzip", use_dictionary=False, column_encoding={"i64": "DELTA_BINARY_PACKED", "name": "DELTA_BYTE_ARRAY", "f64": "BYTE_STREAM_SPLIT", "large": "DELTA_LENGTH_BYTE_ARRAY"})
write("old", t.drop_columns(["f16"]), version="1.0", compression="brotli", use_deprecated_int96_timestamps=True, store_schema=False)
write("small", t, compression="none", data_page_size=16)
gaps = pa.table({
    "age": pa.array([1, None, 3], pa.int32()), "name": pa.array(["a", None, "c"]), "day": pa.array([None, dt.date(2024, 1, 1), None], pa.date32()),
    "size": pa.array([1.5, float("nan"), None]), "full": pa.array([1, 2, 3]), "empty": pa.array([None, None, None], pa.int32()),
})
write("gaps", gaps)
# What a table cannot hold; every column for itself is refused.
pq.write_table(pa.table({
    "id": pa.array([1, 2**53 + 1]), "uid": pa.array([1, 2**64 - 1], pa.uint64()), "list": pa.array([[1], [2, 3]]),
    "group": pa.array([{"a": 1}, {"a": 2}]), "time": pa.array([dt.time(1), dt.time(2)]), "inf": pa.array([1.0, float("inf")]),
    "bytes": pa.array([b"\xff\xfe", b"ok"]), "blank": pa.array(["a", ""]), "fixed": pa.array([b"ab", b"cd"], pa.binary(2)), "good": pa.array([1, 2]),
}), "refused.parquet")
pq.write_table(pa.table({"flag": columns["flag"]}), "runs.parquet", data_page_version="2.0")
pq.write_table(pa.table({"a": [1, 2]}), "lz4.parquet", compression="lz4")
pq.write_table(pa.table({"a": [1, 2], "__index_level_0__": [1, 0]}), "pandas/labels.parquet")  # as of shuffled rows; no seed of the fuzz test
many = pa.table({"key": pa.array([f"k{i}" for i in range(300)]), "few": pa.array([f"k{i % 7}" for i in range(300)])})
pq.write_table(many, "many.parquet")
json.dump(out, open("goldens.json", "w"), ensure_ascii=False, indent=0)

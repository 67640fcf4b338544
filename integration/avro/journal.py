"""journal.py SEGMENT... - prints every entry of journal segments as one line, read through fastavro. See journal_test.go for the form."""
import struct
import sys

import fastavro
import fastavro.read

# Dates as days and decimals as unscaled integers: what the bytes say, before Python's own types.
fastavro.read.LOGICAL_READERS["int-date"] = lambda days, *_: days
fastavro.read.LOGICAL_READERS["bytes-decimal"] = lambda raw, *_: int.from_bytes(raw, "big", signed=True)


def value(v, kind):
    if v is None:
        return "~"
    if kind == "boolean":
        return "t" if v else "f"
    if kind == "float":
        return struct.pack(">f", v).hex()
    if kind == "double":
        return struct.pack(">d", v).hex()
    if isinstance(v, str):
        return v.encode().hex()
    if isinstance(v, bytes):
        return v.hex()
    return str(v)


def image(row, fields):
    if row is None:
        return "~"
    return "{" + ",".join(f"{name}={value(row[name], kind)}" for name, kind in fields) + "}"


def numbers(record, names):
    return "\t".join(str(record[name]) for name in names.split())


def line(offset, m, fields):
    stamp = f"{m['epoch']}\t{m['writer'].hex()}"
    if "reason" in m:
        return f"{offset}\tGap\t{stamp}\t{m['reason'].encode().hex()}\t{numbers(m, 'next_offset ts_us cause')}"
    if "op" in m:
        return (f"{offset}\tChange\t{stamp}\t{numbers(m, 'snapshot seq op')}\t{m['key'].hex()}"
                f"\t{image(m['before'], fields)}\t{image(m['after'], fields)}")
    if "digest" in m:
        counts = "\t".join(numbers(m[name], "r c u d") for name in ("event_count", "share"))
        return (f"{offset}\tCommit\t{stamp}\t{numbers(m, 'snapshot seq read_began read_ended')}\t{counts}"
                f"\t{numbers(m['digest'], 'rows m f')}")
    if "partitioner" in m:
        options = ",".join(f"{o['name']}={o['value']}" for o in m["options"])
        previous = "~" if m["previous"] is None else m["previous"]
        texts = "\t".join(m[name].encode().hex() for name in ("schema", "ddl", "engine"))
        return f"{offset}\tBegin\t{stamp}\t{m['stream']}\t{m['snapshot']}\t{previous}\t{texts}\t{options}\t{numbers(m, 'partitions partitioner')}"
    return f"{offset}\tOpen\t{stamp}\t{m['stream']}\t{m['table']}\t{m['ts_us']}"


def row_fields(entry):
    """The row record's fields and their Avro types, out of a segment's schema; none where it has no Change."""
    for branch in next(f for f in entry["fields"] if f["name"] == "message")["type"]:
        if branch["name"].split(".")[-1] == "Change":
            row = next(f for f in branch["fields"] if f["name"] == "before")["type"][1]
            return [(f["name"], f["type"][1] if isinstance(f["type"][1], str) else f["type"][1]["type"]) for f in row["fields"]]
    return []


for path in sys.argv[1:]:
    with open(path, "rb") as segment:
        reader = fastavro.reader(segment)
        fields = row_fields(reader.writer_schema)
        for entry in reader:
            print(line(entry["offset"], entry["message"], fields))

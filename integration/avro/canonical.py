"""canonical.py SCHEMA... - prints the Parsing Canonical Form and the CRC-64-AVRO (little-endian) of schemas, by fastavro."""
import json
import sys

from fastavro.schema import fingerprint, to_parsing_canonical_form

for path in sys.argv[1:]:
    with open(path) as schema:
        form = to_parsing_canonical_form(json.load(schema))
    print(form, fingerprint(form, "CRC-64-AVRO"), sep="\t")

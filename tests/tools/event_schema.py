"""Says what is wrong with events by the JSON Schema in the file that is named: reads a length and an event, writes a line."""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
# Content has numbers of any length.
sys.set_int_max_str_digits(0)


def leaves(error):
    """Returns why each form that an event may have does not fit."""
    return [leaf for inner in error.context for leaf in leaves(inner)] or [error]


def fault(event):
    try:
        errors = list(validator.iter_errors(json.loads(event)))
    except ValueError as error:
        return f"no JSON: {error}"
    found = [leaf for error in errors for leaf in leaves(error)]
    return "; ".join(f"{leaf.json_path}: {leaf.message[:120]}" for leaf in found)


for length in iter(sys.stdin.buffer.readline, b""):
    line = " ".join(fault(sys.stdin.buffer.read(int(length))).split())
    # Content may stand in the message, lone surrogates included.
    print(ascii(line)[1:-1][:500], flush=True)

"""The live messages as TypeScript: ``python -m seatmap.message_types`` writes web/messages.d.ts.

The page's scripts are checked against it (``make check-web``), so a renamed field in ``engine.live.messages``
is reported where the scripts read it. A test compares the file with the messages.
"""

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.live.messages import LiveMessage, PersonalMessage

FILE = Path(__file__).parent / "web" / "messages.d.ts"

_REFERENCE = "{name}"
_HEAD = """\
// Written by `python -m seatmap.message_types` from engine/live/messages.py. Only types: browsers never load this.
"""


def declarations() -> str:
    """The whole file: an interface or a union for each type, and the unions of all messages."""
    schemas, components = msgspec.json.schema_components(
        [PersonalMessage, LiveMessage], ref_template=_REFERENCE
    )
    unions = zip(("PersonalMessage", "LiveMessage"), schemas, strict=True)
    parts = [
        *(f"export type {name} = {_type(schema)};\n" for name, schema in unions),
        *(_declaration(name, components[name]) for name in sorted(components)),
    ]
    return "\n".join([_HEAD, *parts])


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    comment = _comment(schema)
    if schema.get("type") != "object":
        return f"{comment}export type {name} = {_type(schema)};\n"
    fields = "".join(_fields(schema))
    return f"{comment}export interface {name} {{\n{fields}}}\n"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        mark = "" if name in required else "?"
        yield f"{_comment(field, indent='  ')}  {name}{mark}: {_type(field)};\n"


def _comment(schema: Mapping[str, Any], indent: str = "") -> str:
    text = inspect.cleandoc(schema.get("description", "")).replace("``", "`")
    lines = text.split("\n")
    if not text:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {text} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def _type(schema: Mapping[str, Any]) -> str:
    """Raises ValueError for a kind of schema that no message has used so far."""
    match schema:
        case {"$ref": str(name)}:
            text = name
        case {"anyOf": choices}:
            text = " | ".join(_type(choice) for choice in choices)
        case {"enum": values}:
            text = " | ".join(json.dumps(value) for value in values)
        case {"type": "array", "items": item}:
            text = f"Array<{_type(item)}>"
        case {"type": "object", "additionalProperties": dict(value)}:
            text = f"Record<string, {_type(value)}>"
        case {"type": "integer" | "number"}:
            text = "number"
        case {"type": "string" | "boolean" | "null" as plain}:
            text = plain
        case _:
            raise ValueError(f"no TypeScript is known for {schema!r}; teach seatmap.message_types")
    return text


if __name__ == "__main__":
    FILE.write_text(declarations())

"""JSON Schemas of our types, in a form that people and generators of clients read alike."""

import inspect
import json
from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

Json: TypeAlias = dict[str, Any]


class Types:
    """JSON Schemas of the types that the operations name, and the components they refer to."""

    def __init__(self, types: Iterable[Any]) -> None:
        named = list(types)
        schemas, self.components = msgspec.json.schema_components(
            named, ref_template="#/components/schemas/{name}"
        )
        self._schemas = [(type_, schema) for type_, schema in zip(named, schemas, strict=True)]
        _tidy(list(self.components.values()))

    def schema(self, type_: Any) -> Json:
        return next(schema for known, schema in self._schemas if known == type_)


def _tidy(node: Any) -> None:
    """Bring a schema, with all nested ones, into a form that people and generators of clients read alike."""
    if isinstance(node, dict):
        _tidy_schema(node)
        for key, value in node.items():
            if key == "properties":
                # Names of properties are no keywords.
                _tidy(list(value.values()))
            elif key not in ("default", "examples"):
                _tidy(value)
    elif isinstance(node, list):
        for value in node:
            _tidy(value)


def _tidy_schema(schema: Json) -> None:
    # Docstrings as CommonMark: no indentation, one backtick around code.
    if isinstance(text := schema.get("description"), str):
        schema["description"] = inspect.cleandoc(text).replace("``", "`")
    # A tuple's maxItems says the same, and some generators take no `false` for a schema.
    if schema.get("items") is False and schema["maxItems"] == len(schema["prefixItems"]):
        del schema["items"]
    # A nullable optional property says as much, and generators cannot make an object of a default.
    if isinstance(default := schema.get("default", ""), dict | None):
        del schema["default"]
        if default:
            words = f"Without it: `{json.dumps(default)}`."
            schema["description"] = f"{schema.get('description', '')} {words}".strip()

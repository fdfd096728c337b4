"""Traces with OpenTelemetry, which is loaded only when ``FRONTROW_OTLP_URL`` is set.

Spans: a request, a hold, a booking, a batch, a store's call, a round of a worker's step. A batch serves
many requests at once, so it is not a child of any: it is a trace of its own with a link to each.
Without the setting a call here costs a comparison.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit, urlunsplit

from engine.base.config import ConfigError, Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext, Tracer

P = ParamSpec("P")
R = TypeVar("R")

_PACKAGES = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: "Tracer | None" = None


def is_on() -> bool:
    """Whether this process makes traces."""
    return _tracer is not None


def check_tracing(settings: Settings) -> None:
    """Raises ConfigError when traces are asked for and cannot be made."""
    if settings.otlp_url is None:
        return
    try:
        found = find_spec("opentelemetry.sdk") and find_spec(
            "opentelemetry.exporter.otlp.proto.http"
        )
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigError(
            "FRONTROW_OTLP_URL is set and the packages that make traces are not installed: "
            f"python -m pip install {' '.join(_PACKAGES)}"
        )


@asynccontextmanager
async def tracing(settings: Settings, role: str) -> AsyncIterator[None]:
    """Make traces while the block runs, if the settings say so; the rest is sent at its end."""
    global _tracer  # noqa: PLW0603  # read on hot paths, set once for a process
    if settings.otlp_url is None:
        yield
        return
    check_tracing(settings)
    provider = _provider(settings.otlp_url, role)
    _tracer = provider.get_tracer("frontrow")
    try:
        yield
    finally:
        _tracer = None
        await asyncio.to_thread(provider.shutdown)


def _provider(url: str, role: str) -> Any:
    sdk = import_module("opentelemetry.sdk.trace")
    resources = import_module("opentelemetry.sdk.resources")
    export = import_module("opentelemetry.sdk.trace.export")
    otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    parts = urlsplit(url)
    endpoint = urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/v1/traces"))
    resource = resources.Resource.create(
        {"service.name": f"frontrow-{role}", "service.namespace": "frontrow"}
    )
    # The share of traces that is made follows the standard's own OTEL_TRACES_SAMPLER.
    provider = sdk.TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = otlp.OTLPSpanExporter(endpoint=endpoint, timeout=5)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return provider


def span(
    name: str,
    *,
    attributes: Mapping[str, str | int] | None = None,
    links: "Sequence[SpanContext]" = (),
) -> "AbstractContextManager[Span | None]":
    """A span around a block, a child of the present one."""
    if _tracer is None:
        return _NOTHING
    from opentelemetry.trace import Link  # noqa: PLC0415

    return _failing_quietly(
        _tracer.start_as_current_span(
            name,
            attributes=attributes,
            links=[Link(context) for context in links],
            record_exception=False,
            set_status_on_exception=False,
        )
    )


@contextmanager
def _failing_quietly(started: "AbstractContextManager[Span]") -> "Iterator[Span]":
    """Record the type of a span's exception, but not its text, which may quote secrets."""
    with started as opened:
        try:
            yield opened
        except Exception as error:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

            opened.set_attribute("error.type", type(error).__qualname__)
            opened.set_status(Status(StatusCode.ERROR))
            raise


def request_span(traceparent: str) -> "AbstractContextManager[Span]":
    """A span for a request, a child of its sender's if the request names one."""
    from opentelemetry.trace import SpanKind  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    assert _tracer is not None
    sender = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    return _failing_quietly(
        _tracer.start_as_current_span(
            "request",
            context=sender,
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        )
    )


def here() -> "SpanContext":
    """The present span, to link to."""
    from opentelemetry.trace import get_current_span  # noqa: PLC0415

    return get_current_span().get_span_context()


def traced(
    name: str,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """A span around every call of a coroutine function."""

    def decorate(
        function: Callable[P, Coroutine[Any, Any, R]],
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        async def in_span(*args: P.args, **kwargs: P.kwargs) -> R:
            with span(name):
                return await function(*args, **kwargs)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
            if _tracer is None:
                return function(*args, **kwargs)
            return in_span(*args, **kwargs)

        return call

    return decorate

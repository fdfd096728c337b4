"""Parameters of an address, read strictly: what cannot be meant is refused with what to send, never ignored.

The framework alone takes the last of two values, reads `null` as "not given" and a number as a date, and passes
over misspelt names. Names that are near none that the route knows stay allowed: links carry marks of mailings.
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import Guard
from litestar.typing import FieldDefinition

from engine.base.errors import InvalidInput
from engine.base.wording import did_you_mean, what_to_send

_NUMBER = re.compile(r"[-+]?[\d.]+([eE][-+]?\d+)?")
_PLACE = re.compile(r"(-?\d{1,3}(?:\.\d{1,20})?), ?(-?\d{1,3}(?:\.\d{1,20})?)")
_PLACE_WANTED = "send latitude and longitude in degrees, as in near=52.5,13.4"


def wrong_parameter(name: str, advice: str) -> InvalidInput:
    """The refusal of a parameter of the address."""
    errors = [{"message": advice, "key": name, "source": "query"}]
    return InvalidInput(f"{name}: {advice}.", errors=errors)


def place_of(name: str, text: str | None) -> tuple[float, float] | None:
    """Latitude and longitude, in degrees. Raises InvalidInput."""
    if text is None:
        return None
    if not (found := _PLACE.fullmatch(text)):
        raise wrong_parameter(name, _PLACE_WANTED)
    latitude, longitude = float(found[1]), float(found[2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise wrong_parameter(name, "latitude is -90 to 90, longitude -180 to 180")
    return latitude, longitude


def moment_of(name: str, moment: datetime | None) -> datetime | None:
    """A time, which must name its time zone. Raises InvalidInput."""
    if moment is not None and moment.tzinfo is None:
        raise wrong_parameter(name, f"send {what_to_send(datetime)}")
    return moment


def read_strictly(handlers: list[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """The same handlers, with a guard, after those they have, before each that takes parameters."""
    for handler in handlers:
        if known := dict(_parameters(handler)):
            handler.guards = (*(handler.guards or ()), _guard(known))
    return handlers


def _parameters(handler: HTTPRouteHandler) -> Iterable[tuple[str, FieldDefinition]]:
    for name, field in handler.parsed_fn_signature.parameters.items():
        written = field.kwarg_definition
        if isinstance(written, ParameterKwarg) and written.param_type == ParamType.QUERY:
            yield written.name or name, field


def _guard(known: dict[str, FieldDefinition]) -> Guard:
    def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        query = connection.scope["query_string"].decode("latin-1")
        given = parse_qsl(query, keep_blank_values=True) if query else []
        times = Counter(name for name, _ in given)
        for name, value in given:
            field = known.get(name)
            if field is None:
                _check_name(name, known)
            elif times[name] > 1 and not field.is_non_string_sequence:
                raise wrong_parameter(name, "it is given more than once; send one value")
            elif not _can_be(value, field.annotation):
                # With its bounds, which the signature alone does not have.
                kind = handler.signature_model.__annotations__[field.name]
                raise wrong_parameter(name, f"send {what_to_send(kind, nullable=False)}")

    return check


def _check_name(name: str, known: dict[str, FieldDefinition]) -> None:
    if near := did_you_mean(name, known, at_least=0.8):
        raise wrong_parameter(name, f"there is no such parameter{near}".removesuffix("?"))


def _can_be(value: str, kind: Any) -> bool:
    kinds = get_args(kind) or (kind,)
    if str in kinds:
        return True
    return value.lower() != "null" and not (datetime in kinds and _NUMBER.fullmatch(value))

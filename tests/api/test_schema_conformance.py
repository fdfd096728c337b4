"""Whether a request is valid or not: the API answers as the document says, never with a 5xx.

Schemathesis makes the requests from the document, valid and invalid ones, for every operation.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.app import HANDLERS
from api.openapi import described_operations
from engine.base.actor import ORGANISER as BY_ORGANISER
from engine.pricing.model import RuleDraft
from engine.pricing.rule import Rule
from tests.conftest import MakeHouse, Stack
from tests.support.http import ORGANISER, Buyer

pytestmark = pytest.mark.contract

_EXAMPLES = 8


@pytest.fixture(scope="module")
def described(stack: Stack) -> Any:
    schema = schemathesis.openapi.from_url(stack.api_url + "/schema/openapi.json")
    # Unknown query parameters are ignored, not refused; tokens are tested elsewhere.
    schema.config.generation.allow_extra_parameters = False
    schema.config.generation.with_security_parameters = False
    return schema


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
async def real(mode: GenerationMode, make_house: MakeHouse, ada: Buyer) -> dict[str, str]:
    """Ids of existing objects, by the name of the parameter. Invalid requests need none."""
    if mode is GenerationMode.NEGATIVE:
        return {}
    house = await make_house()
    hold = (await ada.hold(house.event_id, 1)).json()
    booked = (await ada.hold(house.event_id, 2, floor=1)).json()
    booking = (await ada.book(booked["hold_id"])).json()
    event = await house.runtime.catalog.event(house.event_id)
    rule = Rule(base_minor=5000, floor_minor=4000, ceiling_minor=9000)
    draft = RuleDraft(category="Front", rule=rule)
    made = await house.runtime.pricing.admin.make_rule(house.event_id, draft, actor=BY_ORGANISER)
    # Nothing is on sale at 0, so this person may join.
    path, wanted = f"/v1/events/{house.event_id}/waitlist", {"quantity": 1, "max_price": 0}
    entry = (await ada.http.post(path, json=wanted, headers=ada.auth)).json()
    return {
        "event_id": house.event_id,
        "hold_id": hold["hold_id"],
        "booking_id": booking["booking_id"],
        "entry_id": entry["entry_id"],
        "venue_id": event.venue.venue_id,
        "rule_id": made.rule_id,
        "category_no": "0",
    }


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", described_operations(HANDLERS))
def test_every_operation_answers_as_the_document_says(
    described: Any,
    session: requests.Session,
    real: dict[str, str],
    ada: Buyer,
    name: str,
    mode: GenerationMode,
) -> None:
    operation: Any = described.find_operation_by_id(name)
    schemes = [scheme for entry in operation.definition.raw.get("security", []) for scheme in entry]
    known = {"BearerToken": ada.auth, "OrganiserKey": ORGANISER}
    # A copy: schemathesis adds headers of its own to what it is given.
    headers = dict(known.get("".join(schemes), {}))

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), lost=st.integers(0, 3))
    def ask(case: Any, lost: int) -> None:
        if lost and mode is GenerationMode.POSITIVE:
            # In three of four requests the object exists.
            case.path_parameters = {
                key: real.get(key, value) for key, value in (case.path_parameters or {}).items()
            }
            if isinstance(case.body, dict) and "hold_id" in case.body and name == "book":
                case.body["hold_id"] = real["hold_id"]
            if isinstance(case.body, dict) and "venue_id" in case.body:
                case.body["venue_id"] = real["venue_id"]
            if isinstance(case.body, dict) and "category" in case.body:
                case.body["category"] = "Front"
            if name == "book" and isinstance(case.body, dict):
                payment = case.body.get("payment")
                if isinstance(payment, dict) and payment.get("token") == "tok_timeout":
                    # Pending as well: nobody waits for the outcome.
                    payment["token"] = "tok_3ds"
        response = case.call(headers=headers, session=session)
        # A schema cannot express everything: that a hold names a seat, that a cursor is one of ours.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    # A request without parts cannot be invalid.
    with suppress(Unsatisfiable):
        ask()

"""Dynamic pricing: rules, the organiser's overrides, and simulations."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath, QueryParameter

from api.auth import require_organiser
from api.conventions import (
    AnyRequest,
    IfMatch,
    large_json,
    optional_version,
    read_body,
    required_version,
    runtime_of,
    versioned,
)
from api.description import Operation, Reply, described
from api.paging import Cursor, Limit, cut, decode_cursor
from engine.base.actor import ORGANISER
from engine.base.model import Page, Uuid
from engine.pricing.chart import to_svg
from engine.pricing.model import (
    Activation,
    CategoryState,
    Freeze,
    Override,
    Preview,
    PreviewRequest,
    PricingState,
    RuleDraft,
    RuleStatus,
    RuleVersion,
    SetSimulationRequest,
    SimulationRequest,
    TermsPatch,
)
from engine.pricing.simulation import SetSimulation, Simulation

SVG = "image/svg+xml"
_OPTIONS: dict[str, Any] = {
    "tags": ["Pricing"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}
_COMMAND: dict[str, Any] = {**_OPTIONS, "status_code": 200}

_PRICED = ("event-not-found", "event-not-published", "unavailable", "catalog-unavailable")
#: Problems of an edit of an event's pricing.
_EDITED = ("event-cancelled", "precondition-failed", "redis-unavailable")


def _price_command(description: str, takes: Any = None) -> dict[str, Operation]:
    return described(
        takes=takes,
        gives={200: Reply(description, CategoryState, ("ETag",))},
        refuses=("category-not-found", *_PRICED, *_EDITED),
        replays=True,
    )


class RuleList(Page[RuleVersion], frozen=True):
    """Versions of rules, newest first."""


_TERMS_PATCH = msgspec.json.Decoder(TermsPatch)
_RULE_DRAFT = msgspec.json.Decoder(RuleDraft)
_ACTIVATION = msgspec.json.Decoder(Activation)
_OVERRIDE = msgspec.json.Decoder(Override)
_FREEZE = msgspec.json.Decoder(Freeze)
_PREVIEW = msgspec.json.Decoder(PreviewRequest)
_SIMULATION = msgspec.json.Decoder(SimulationRequest)
_SET_SIMULATION = msgspec.json.Decoder(SetSimulationRequest)


def _rule(rule: RuleVersion, status: int = 200) -> Response[RuleVersion]:
    location = f"/v1/events/{rule.event_id}/pricing/rules/{rule.rule_id}"
    return versioned(rule, rule.version, status=status, location=location)


def _category(state: CategoryState) -> Response[CategoryState]:
    return versioned(state, state.version)


# What buyers see, and the present state


@get(
    "/v1/events/{event_id:uuid}/pricing",
    summary="How an event's prices are made",
    description="The ETag is for `PATCH`; a category's `version` is for changes of its price.",
    opt=described(gives={200: Reply("By category.", PricingState, ("ETag",))}, refuses=_PRICED),
    **_OPTIONS,
)
async def read_pricing(request: AnyRequest, event_id: FromPath[UUID]) -> Response[PricingState]:
    state = await runtime_of(request).pricing.admin.state(str(event_id))
    return versioned(state, state.version)


@patch(
    "/v1/events/{event_id:uuid}/pricing",
    summary="Decide what buyers see of it",
    description="Needs If-Match. The reason of the latest change is always shown with its price.",
    opt=described(
        takes=TermsPatch,
        gives={200: Reply("As it is now.", PricingState, ("ETag",))},
        refuses=(*_PRICED, *_EDITED, "precondition-required"),
    ),
    **_OPTIONS,
)
async def patch_pricing(
    request: AnyRequest, event_id: FromPath[UUID], if_match: IfMatch = None
) -> Response[PricingState]:
    version = required_version(if_match)
    data = await read_body(request, _TERMS_PATCH)
    state = await runtime_of(request).pricing.admin.set_terms(str(event_id), data, version=version)
    return versioned(state, state.version)


# Rules


@post(
    "/v1/events/{event_id:uuid}/pricing/rules",
    summary="Make a version of a category's rule",
    description="A draft: it has no effect before it is activated, and its content never changes. "
    "Also for an event that is not published yet.",
    opt=described(
        takes=RuleDraft,
        gives={201: Reply("A draft.", RuleVersion, ("ETag", "Location"))},
        refuses=("no-such-category", *_PRICED, "event-cancelled"),
        replays=True,
    ),
    **_OPTIONS,
)
async def create_pricing_rule(
    request: AnyRequest, event_id: FromPath[UUID]
) -> Response[RuleVersion]:
    data = await read_body(request, _RULE_DRAFT)
    return _rule(
        await runtime_of(request).pricing.admin.make_rule(str(event_id), data, actor=ORGANISER), 201
    )


@get(
    "/v1/events/{event_id:uuid}/pricing/rules",
    summary="Versions of rules, newest first",
    opt=described(
        gives={200: Reply("A page of rules.", RuleList)}, refuses=("no-such-category", *_PRICED)
    ),
    **_OPTIONS,
)
async def list_pricing_rules(
    request: AnyRequest,
    event_id: FromPath[UUID],
    category: Annotated[
        str | None, QueryParameter(max_length=200, description="Of one category.")
    ] = None,
    status: Annotated[RuleStatus | None, QueryParameter(description="In one state.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response[bytes]:
    rules = await runtime_of(request).pricing.admin.rules(
        str(event_id),
        category=category,
        status=status,
        after=decode_cursor(cursor, Uuid),
        limit=limit + 1,
    )
    return large_json(request, RuleList(*cut(rules, limit, lambda rule: rule.rule_id)))


@get(
    "/v1/events/{event_id:uuid}/pricing/rules/{rule_id:uuid}",
    summary="One version of a rule",
    opt=described(
        gives={200: Reply("The rule.", RuleVersion, ("ETag", "Location"))},
        refuses=("pricing-rule-not-found", "unavailable"),
    ),
    **_OPTIONS,
)
async def read_pricing_rule(
    request: AnyRequest, event_id: FromPath[UUID], rule_id: FromPath[UUID]
) -> Response[RuleVersion]:
    return _rule(await runtime_of(request).pricing.admin.rule(str(event_id), str(rule_id)))


@post(
    "/v1/events/{event_id:uuid}/pricing/rules/{rule_id:uuid}/activate",
    summary="Put a rule in force",
    description="At once, or at `valid_from`. The one before it is retired at that moment. "
    "Of an event that is not published yet: with publishing, and until then `scheduled`. "
    "Takes an optional If-Match.",
    opt=described(
        takes=Activation,
        gives={200: Reply("In force, or scheduled.", RuleVersion, ("ETag", "Location"))},
        refuses=("pricing-rule-not-found", *_PRICED, "pricing-rule-retired", *_EDITED),
        replays=True,
    ),
    **_COMMAND,
)
async def activate_pricing_rule(
    request: AnyRequest,
    event_id: FromPath[UUID],
    rule_id: FromPath[UUID],
    if_match: IfMatch = None,
) -> Response[RuleVersion]:
    data = await read_body(request, _ACTIVATION)
    return _rule(
        await runtime_of(request).pricing.admin.activate(
            str(event_id),
            str(rule_id),
            valid_from=data.valid_from,
            version=optional_version(if_match),
            actor=ORGANISER,
        )
    )


@post(
    "/v1/events/{event_id:uuid}/pricing/rules/{rule_id:uuid}/retire",
    summary="Take a rule out of force",
    description="Or give up a draft. The price stays where it is. Takes an optional If-Match.",
    opt=described(
        gives={200: Reply("Retired.", RuleVersion, ("ETag", "Location"))},
        refuses=("pricing-rule-not-found", *_PRICED, *_EDITED),
        replays=True,
    ),
    **_COMMAND,
)
async def retire_pricing_rule(
    request: AnyRequest,
    event_id: FromPath[UUID],
    rule_id: FromPath[UUID],
    if_match: IfMatch = None,
) -> Response[RuleVersion]:
    version = optional_version(if_match)
    return _rule(
        await runtime_of(request).pricing.admin.retire(
            str(event_id), str(rule_id), version=version, actor=ORGANISER
        )
    )


# Overrides


@post(
    "/v1/events/{event_id:uuid}/pricing/categories/{category_no:int}/override",
    summary="Override a price",
    description=(
        "The price's rule pauses until `until`, until the price is released, or, without `until`, "
        "until another rule comes into force. Buyers read the reason. Takes an optional "
        "If-Match."
    ),
    opt=_price_command("The price, set.", Override),
    **_COMMAND,
)
async def override_price(
    request: AnyRequest,
    event_id: FromPath[UUID],
    category_no: FromPath[int],
    if_match: IfMatch = None,
) -> Response[CategoryState]:
    data = await read_body(request, _OVERRIDE)
    version = optional_version(if_match)
    return _category(
        await runtime_of(request).pricing.admin.override(
            str(event_id), category_no, data, version=version, actor=ORGANISER
        )
    )


@post(
    "/v1/events/{event_id:uuid}/pricing/categories/{category_no:int}/freeze",
    summary="Keep a price where it is",
    description="Until it is released, whatever rule comes into force. Takes an optional If-Match.",
    opt=_price_command("The price, kept.", Freeze),
    **_COMMAND,
)
async def freeze_price(
    request: AnyRequest,
    event_id: FromPath[UUID],
    category_no: FromPath[int],
    if_match: IfMatch = None,
) -> Response[CategoryState]:
    data = await read_body(request, _FREEZE)
    version = optional_version(if_match)
    return _category(
        await runtime_of(request).pricing.admin.freeze(
            str(event_id), category_no, data.reason, version=version, actor=ORGANISER
        )
    )


@post(
    "/v1/events/{event_id:uuid}/pricing/categories/{category_no:int}/release",
    summary="Let a price follow its rule again",
    description="Ends an override and a freeze. Takes an optional If-Match.",
    opt=_price_command("The price follows its rule again."),
    **_COMMAND,
)
async def release_price(
    request: AnyRequest,
    event_id: FromPath[UUID],
    category_no: FromPath[int],
    if_match: IfMatch = None,
) -> Response[CategoryState]:
    version = optional_version(if_match)
    return _category(
        await runtime_of(request).pricing.admin.release(
            str(event_id), category_no, version=version, actor=ORGANISER
        )
    )


# Simulations


@post(
    "/v1/events/{event_id:uuid}/pricing/preview",
    summary="Preview a rule's decision",
    description="Measures and decides, and changes nothing.",
    opt=described(
        takes=PreviewRequest,
        gives={200: Reply("What the rule would do.", Preview)},
        refuses=(
            "no-such-category",
            "pricing-rule-not-found",
            *_PRICED,
            "no-pricing-rule",
            "redis-unavailable",
        ),
        replays=True,
    ),
    **_COMMAND,
)
async def preview_pricing(request: AnyRequest, event_id: FromPath[UUID]) -> Preview:
    data = await read_body(request, _PREVIEW)
    return await runtime_of(request).pricing.admin.preview(
        str(event_id), data.category, rule=data.rule, rule_id=data.rule_id
    )


@post(
    "/v1/events/{event_id:uuid}/pricing/simulate",
    summary="Try a rule on a sale",
    description=(
        "A synthetic or a recorded sale. As numbers, or with `Accept: image/svg+xml` as a chart."
    ),
    opt=described(
        takes=SimulationRequest,
        gives={
            200: Reply("The result, compared with the fixed price.", Simulation, others={SVG: str})
        },
        refuses=(
            "no-such-category",
            "pricing-rule-not-found",
            *_PRICED,
            "no-pricing-rule",
            "nothing-recorded",
        ),
        replays=True,
    ),
    **_COMMAND,
)
async def simulate_pricing(request: AnyRequest, event_id: FromPath[UUID]) -> Response[Any]:
    data = await read_body(request, _SIMULATION)
    return _simulated(
        request, await runtime_of(request).pricing.admin.simulate(str(event_id), data)
    )


@post(
    "/v1/events/{event_id:uuid}/pricing/simulate-set",
    summary="Try a whole rule set on a sale",
    description="All categories at once, with their sum. As numbers, or with `Accept: image/svg+xml` as "
    "a chart with a line for each category.",
    opt=described(
        takes=SetSimulationRequest,
        gives={
            200: Reply("The result, compared with fixed prices.", SetSimulation, others={SVG: str})
        },
        refuses=("no-such-category", *_PRICED, "nothing-recorded"),
        replays=True,
    ),
    **_COMMAND,
)
async def simulate_pricing_set(request: AnyRequest, event_id: FromPath[UUID]) -> Response[Any]:
    data = await read_body(request, _SET_SIMULATION)
    return _simulated(
        request, await runtime_of(request).pricing.admin.simulate_set(str(event_id), data)
    )


def _simulated(request: AnyRequest, simulation: Simulation | SetSimulation) -> Response[Any]:
    if SVG in request.headers.get("accept", ""):
        return Response(to_svg(simulation), headers={"Vary": "Accept"}, media_type=SVG)
    return large_json(request, simulation, {"Vary": "Accept, Accept-Encoding"})


HANDLERS = [
    read_pricing,
    patch_pricing,
    create_pricing_rule,
    list_pricing_rules,
    read_pricing_rule,
    activate_pricing_rule,
    retire_pricing_rule,
    override_price,
    freeze_price,
    release_price,
    preview_pricing,
    simulate_pricing,
    simulate_pricing_set,
]

"""Prices that follow a rule."""

from datetime import timedelta

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.examples.evening import BOUGHT, EVENT_ID, RULE_ID, euros
from api.examples.shown import Shown
from api.pricing import (
    SVG,
    RuleList,
    activate_pricing_rule,
    create_pricing_rule,
    freeze_price,
    list_pricing_rules,
    override_price,
    patch_pricing,
    preview_pricing,
    read_pricing,
    read_pricing_rule,
    release_price,
    retire_pricing_rule,
    simulate_pricing,
    simulate_pricing_set,
)
from engine.pricing.decision import Current, Signals, decide
from engine.pricing.market import Recorded, Synthetic
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
from engine.pricing.rule import Expected, Rule
from engine.pricing.simulation import (
    CategorySimulation,
    Outcome,
    PriceMove,
    SetPoint,
    SetSimulation,
    Simulation,
    SimulationPoint,
    Total,
)

RULE = Rule(
    base_minor=4800,
    floor_minor=4000,
    ceiling_minor=7200,
    sold_weight=0.5,
    expected=[Expected(60, 0.1), Expected(14, 0.6), Expected(0, 1.0)],
    round_to_minor=50,
)
RULE_DRAFT = RuleDraft(category="Stalls", rule=RULE, note="As last season, half a step bolder.")
DRAFT_RULE = RuleVersion(
    rule_id=RULE_ID,
    event_id=EVENT_ID,
    category_no=0,
    category="Stalls",
    rule_no=2,
    status=RuleStatus.DRAFT,
    rule=RULE,
    note=RULE_DRAFT.note,
    made_by="organiser",
    made_at=BOUGHT - timedelta(days=4),
    valid_from=None,
    activated_at=None,
    retired_at=None,
    version=1,
)
ACTIVE_RULE = msgspec.structs.replace(
    DRAFT_RULE,
    status=RuleStatus.ACTIVE,
    valid_from=BOUGHT - timedelta(days=3),
    activated_at=BOUGHT - timedelta(days=3),
    version=2,
)
RETIRED_RULE = msgspec.structs.replace(
    ACTIVE_RULE, status=RuleStatus.RETIRED, retired_at=BOUGHT, version=3
)
RULE_LIST = RuleList([ACTIVE_RULE])
ACTIVATION = Activation(valid_from=BOUGHT - timedelta(days=3))
OVERRIDE = Override(amount_minor=4200, reason="Early birds", until=BOUGHT + timedelta(days=2))
FREEZE = Freeze(reason="Until the press night is over")
TERMS_PATCH = TermsPatch(range_public=True)
RULED_CATEGORY = CategoryState(
    category_no=0,
    category="Stalls",
    price=euros(48),
    mode="rule",
    rule=ACTIVE_RULE,
    scheduled_for=None,
    until=None,
    reason=None,
    actor=None,
    version=0,
)
OVERRIDDEN_CATEGORY = msgspec.structs.replace(
    RULED_CATEGORY,
    price=euros(42),
    mode="override",
    until=OVERRIDE.until,
    reason=OVERRIDE.reason,
    actor="organiser",
    version=1,
)
FROZEN_CATEGORY = msgspec.structs.replace(
    RULED_CATEGORY, mode="frozen", reason=FREEZE.reason, actor="organiser", version=2
)
RELEASED_CATEGORY = msgspec.structs.replace(RULED_CATEGORY, version=3)
PRICING_STATE = PricingState(
    event_id=EVENT_ID,
    history_public=True,
    range_public=True,
    categories=[
        RULED_CATEGORY,
        CategoryState(
            category_no=1,
            category="Standing",
            price=euros(22),
            mode="fixed",
            rule=None,
            scheduled_for=None,
            until=None,
            reason=None,
            actor=None,
            version=0,
        ),
    ],
    version=2,
)
PREVIEW_REQUEST = PreviewRequest(category="Stalls", rule=RULE)
_SIGNALS = Signals(
    capacity=1220,
    taken=1003,
    left_s=4_177_987.0,
    held=14,
    waiting=0.0,
    velocity=21.5,
    confidence=1.0,
)
PREVIEW = Preview(
    category_no=0,
    category="Stalls",
    price=euros(48),
    signals=_SIGNALS,
    decision=decide(RULE, _SIGNALS, Current(price_minor=4800)),
)
SIMULATION_REQUEST = SimulationRequest(
    category="Stalls", rule=RULE, curve=Synthetic(seats=1220, days=60, demand=1.3)
)
RECORDED_REQUEST = SimulationRequest(
    category="Stalls", rule=RULE, curve=Recorded(event_id=EVENT_ID, elasticity=0.8)
)
SIMULATION = Simulation(
    seats=1220,
    days=60.0,
    currency="EUR",
    fixed_minor=4800,
    rule=Outcome(
        revenue_minor=6_613_450,
        sold=1198,
        sell_through=0.981967,
        average_minor=5520,
        final_minor=6350,
        changes=14,
    ),
    fixed=Outcome(
        revenue_minor=5_856_000,
        sold=1220,
        sell_through=1.0,
        average_minor=4800,
        final_minor=4800,
        changes=0,
        sold_out_days_left=4.2,
    ),
    points=[
        SimulationPoint(
            days_left=59.75,
            price_minor=5250,
            sold=61,
            revenue_minor=306_300,
            fixed_sold=64,
            fixed_revenue_minor=307_200,
        )
    ],
    moves=[
        PriceMove(
            days_left=59.9583,
            price_minor=5250,
            reason="3 % sold, 59 days left: places are selling fast",
        )
    ],
)
SET_SIMULATION_REQUEST = SetSimulationRequest(
    rules={"Stalls": RULE}, curve=Synthetic(seats=1220, days=60, demand=1.3)
)
SET_SIMULATION = SetSimulation(
    seats=1220,
    days=60.0,
    currency="EUR",
    rule=Total(revenue_minor=6_613_450, sold=1198, sell_through=0.981967),
    fixed=Total(revenue_minor=5_856_000, sold=1220, sell_through=1.0),
    points=[
        SetPoint(
            days_left=59.75,
            sold=61,
            revenue_minor=306_300,
            fixed_sold=64,
            fixed_revenue_minor=307_200,
        )
    ],
    categories=[CategorySimulation(category="Stalls", follows_rule=True, simulation=SIMULATION)],
)

SHOWN: dict[HTTPRouteHandler, Shown] = {
    read_pricing: Shown(gives={200: {"pricing": PRICING_STATE}}),
    patch_pricing: Shown(
        takes={"show the range": TERMS_PATCH}, gives={200: {"pricing": PRICING_STATE}}
    ),
    create_pricing_rule: Shown(takes={"rule": RULE_DRAFT}, gives={201: {"draft": DRAFT_RULE}}),
    list_pricing_rules: Shown(gives={200: {"rules": RULE_LIST}}),
    read_pricing_rule: Shown(gives={200: {"rule": ACTIVE_RULE}}),
    activate_pricing_rule: Shown(
        takes={"at a time": ACTIVATION}, gives={200: {"active": ACTIVE_RULE}}
    ),
    retire_pricing_rule: Shown(gives={200: {"retired": RETIRED_RULE}}),
    override_price: Shown(
        takes={"price": OVERRIDE}, gives={200: {"category": OVERRIDDEN_CATEGORY}}
    ),
    freeze_price: Shown(takes={"freeze": FREEZE}, gives={200: {"category": FROZEN_CATEGORY}}),
    release_price: Shown(gives={200: {"category": RELEASED_CATEGORY}}),
    preview_pricing: Shown(
        takes={"a rule that is not saved yet": PREVIEW_REQUEST}, gives={200: {"preview": PREVIEW}}
    ),
    simulate_pricing: Shown(
        takes={"made up": SIMULATION_REQUEST, "as recorded": RECORDED_REQUEST},
        gives={200: {"simulation": SIMULATION}},
        others={SVG: {"chart": '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'}},
    ),
    simulate_pricing_set: Shown(
        takes={"made up": SET_SIMULATION_REQUEST},
        gives={200: {"simulation": SET_SIMULATION}},
        others={SVG: {"chart": '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'}},
    ),
}

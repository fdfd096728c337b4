"""Single decisions: what a person would expect of each, and the reasons that buyers read."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from engine.cli.main import cli
from engine.layout import import_layout
from engine.live.public_reasons import for_buyers
from engine.local.demo.events import demo_events
from engine.pricing.chart import in_terminal, summary_lines, text_panels, to_svg
from engine.pricing.decision import Current, Signals, decide
from engine.pricing.market import Synthetic, SyntheticMarket, willing
from engine.pricing.measuring import categories_in, waiting_by_category
from engine.pricing.rule import Expected, Rule, complete, usual_rounding
from engine.pricing.sentences import say_move, time_left
from engine.pricing.simulation import Part, Simulation, simulate, simulate_set
from engine.pricing.velocity import Velocity
from tests.conftest import small_house

DAY_S = 86_400.0
#: Base price 50.00, range 40.00 to 90.00, any amount, steps of a tenth.
RULE = Rule(
    base_minor=5000,
    floor_minor=4000,
    ceiling_minor=9000,
    sold_weight=0.5,
    velocity_weight=0.2,
    demand_weight=0.4,
    round_to_minor=1,
    dead_band=0.02,
    min_interval_s=900,
    reversal_s=7200,
)
PLAN = [Expected(30, 0.2), Expected(10, 0.6), Expected(0, 1.0)]


def seen(**changes: Any) -> Signals:
    usual: dict[str, Any] = {"capacity": 1000, "taken": 500, "left_s": 10 * DAY_S}
    return Signals(**usual | changes)


def target(rule: Rule = RULE, **changes: Any) -> int:
    return decide(rule, seen(**changes), Current(price_minor=5000)).factors.target_minor


# The target


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"taken": 0}, 5000),
        ({"taken": 500}, 6250),
        ({"taken": 1000}, 7500),
        # 500 left in 10 days: 50 a day are needed.
        ({"taken": 500, "velocity": 50, "confidence": 1}, 6250),
        ({"taken": 500, "velocity": 150, "confidence": 1}, 6250 + 500),
        ({"taken": 500, "velocity": 150, "confidence": 0.5}, 6250 + 250),
        ({"taken": 500, "velocity": 0, "confidence": 1}, 6250 - 1000),
        # As many places are wanted as are left: half of the weight.
        ({"taken": 500, "held": 500}, 6250 + 1000),
        ({"taken": 500, "held": 200, "waiting": 250, "watchers": 1000}, 6250 + 1000),
        ({"taken": 1000, "waiting": 1}, 7500 + 2000),
        ({"capacity": 0, "taken": 0}, 5000),
        ({"capacity": 10, "taken": 12}, 7500),
    ],
    ids=str,
)
def test_the_target_follows_the_formula(changes: dict[str, Any], expected: int) -> None:
    assert target(**changes) == min(expected, 9000)


@pytest.mark.parametrize(
    ("days_left", "expected_share"),
    [(60, 0.2), (30, 0.2), (20, 0.4), (10, 0.6), (5, 0.8), (0.001, 0.99996), (-3, 1.0)],
)
def test_the_plan_is_a_straight_line_between_its_points(
    days_left: float, expected_share: float
) -> None:
    rule = msgspec.structs.replace(RULE, expected=PLAN)
    factors = decide(rule, seen(left_s=days_left * DAY_S), Current(price_minor=5000)).factors
    assert factors.expected == pytest.approx(expected_share)
    assert factors.progress == pytest.approx(0.5 - expected_share)


def test_the_target_is_lower_behind_the_plan() -> None:
    rule = msgspec.structs.replace(RULE, expected=PLAN)
    assert target(rule, taken=500) == 5000 * (1 - 0.05)


# From the price in force to the target


@pytest.mark.parametrize(
    ("price", "changed_s", "direction", "expected", "why"),
    [
        (5000, None, 0, 5500, "moved"),
        (5500, 900, 1, 6050, "moved"),
        (5500, 899, 1, 5500, "interval"),
        (6050, 900, 1, 6250, "moved"),
        (6150, None, 0, 6150, "steady"),
        (7000, 900, 0, 6300, "moved"),
        (7000, 900, -1, 6300, "moved"),
        (7000, 7199, 1, 7000, "reversal"),
        (7000, 7200, 1, 6300, "moved"),
        (3000, 1, 1, 4000, "range"),
        (12_000, 1, -1, 9000, "range"),
    ],
)
def test_a_price_moves_at_most_one_step_at_a_time(
    price: int, changed_s: float | None, direction: int, expected: int, why: str
) -> None:
    current = Current(price_minor=price, changed_s=changed_s, direction=direction)
    decision = decide(RULE, seen(), current)
    assert (decision.price_minor, decision.why) == (expected, why)


@pytest.mark.parametrize(
    ("changes", "why"), [({"left_s": 0.0}, "over"), ({"taken": 1000}, "sold-out")]
)
def test_the_price_of_an_ended_sale_stays(changes: dict[str, Any], why: str) -> None:
    decision = decide(RULE, seen(**changes), Current(price_minor=5000))
    assert (decision.price_minor, decision.why) == (5000, why)


# Rounding


@pytest.mark.parametrize(
    ("currency", "expected"),
    [("EUR", 50), ("USD", 50), ("JPY", 100), ("KWD", 250), ("HUF", 10_000), ("XPF", 100)],
)
def test_rounding_defaults_to_what_is_usual_in_the_currency(currency: str, expected: int) -> None:
    assert usual_rounding(currency) == expected
    rule = Rule(base_minor=50_000, floor_minor=40_000, ceiling_minor=90_000)
    assert complete(rule, currency).round_to_minor == expected


@pytest.mark.parametrize(
    ("grid", "ending", "expected"),
    [
        (1, 0, 6250),
        (50, 0, 6250),
        (100, 0, 6300),
        (100, 90, 6290),
        (100, 99, 6299),
        (500, 495, 6495),
    ],
)
def test_prices_end_as_the_rule_says(grid: int, ending: int, expected: int) -> None:
    rule = msgspec.structs.replace(RULE, round_to_minor=grid, ending_minor=ending)
    assert target(rule) == expected


def test_rounding_never_leads_out_of_the_range() -> None:
    rule = msgspec.structs.replace(
        RULE, floor_minor=4060, ceiling_minor=6230, round_to_minor=100, ending_minor=0
    )
    assert target(rule) == 6200
    assert (
        target(msgspec.structs.replace(rule, sold_weight=0, velocity_weight=4), confidence=1)
        == 4100
    )


def test_a_range_narrower_than_the_usual_rounding_has_prices_too() -> None:
    assert (
        complete(Rule(base_minor=12, floor_minor=11, ceiling_minor=13), "EUR").round_to_minor == 1
    )


def test_a_step_smaller_than_the_rounding_unit_is_one_unit() -> None:
    rule = msgspec.structs.replace(RULE, round_to_minor=1000, max_step=0.01)
    assert decide(rule, seen(taken=1000 - 1), Current(price_minor=5000)).price_minor == 6000
    assert decide(rule, seen(taken=0), Current(price_minor=7400)).price_minor == 7000


# Reasons


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (f"3 % sold, {left}: {cause}", public)
        for left in ("6 days left", "36 hours left", "the last hours")
        for cause, public in {
            "more places are left than expected": "a lower price for now",
            "places are selling slowly": "a lower price for now",
            "fewer people want the places that are left": "a lower price for now",
            "back towards the usual price": "back towards the usual price",
        }.items()
    ]
    + [(own, own) for own in ("Few are looking: places are selling slowly", "50 % sold", "")],
)
def test_buyers_read_that_a_price_fell_and_not_that_nobody_wants_it(reason: str, said: str) -> None:
    assert for_buyers(reason) == said


@pytest.mark.parametrize("rises", [True, False])
@pytest.mark.parametrize("main", ["progress", "pace", "demand"])
def test_no_reason_of_a_falling_price_is_public(rises: bool, main: str) -> None:
    """Of every cause that a rule can name: a new one must say what buyers read."""
    because = dict.fromkeys(("range", "progress", "pace", "demand"), 0.0)
    because[main] = 0.3 if rises else -0.3
    reason = say_move(rises=rises, because=because, share=0.4, planned=True, left_s=9e6)
    assert (for_buyers(reason) == reason) is rises
    assert ("% sold" in for_buyers(reason)) is rises


@pytest.mark.parametrize(
    ("rises", "because", "share", "planned", "days", "said"),
    [
        (
            True,
            (0.4, 0.0, 0.0),
            0.82,
            False,
            6.4,
            "82 % sold, 6 days left: the last places cost more",
        ),
        (
            True,
            (0.2, 0.0, 0.1),
            0.4,
            False,
            30,
            "40 % sold, 30 days left: the fewer places are left, the more they cost",
        ),
        (
            True,
            (0.1, 0.0, 0.0),
            0.9,
            True,
            6,
            "90 % sold, 6 days left: more sold than expected by now",
        ),
        (
            False,
            (-0.1, 0.0, 0.0),
            0.3,
            True,
            1.5,
            "30 % sold, 36 hours left: more places are left than expected",
        ),
        (True, (0.1, 0.2, 0.0), 0.5, False, 6, "50 % sold, 6 days left: places are selling fast"),
        (
            False,
            (0.1, -0.2, 0.0),
            0.5,
            False,
            6,
            "50 % sold, 6 days left: places are selling slowly",
        ),
        (
            True,
            (0.1, 0.0, 0.2),
            0.5,
            False,
            6,
            "50 % sold, 6 days left: many people want the places that are left",
        ),
        (
            False,
            (0.1, 0.0, 0.0),
            0.5,
            False,
            6,
            "50 % sold, 6 days left: back towards the usual price",
        ),
        (
            True,
            (-0.1, 0.0, 0.0),
            0.9999,
            True,
            0.04,
            "99 % sold, the last hours: back towards the usual price",
        ),
    ],
)
def test_the_reason_names_the_factor_that_weighs_most(
    rises: bool,
    because: tuple[float, float, float],
    share: float,
    planned: bool,
    days: float,
    said: str,
) -> None:
    parts = dict(zip(("progress", "pace", "demand"), because, strict=True))
    words = say_move(
        rises=rises,
        because={**parts, "range": 0.0},
        share=share,
        planned=planned,
        left_s=days * DAY_S,
    )
    assert words == said


@pytest.mark.parametrize(
    ("left_s", "said"),
    [
        (2 * DAY_S, "2 days left"),
        (2 * DAY_S - 1, "47 hours left"),
        (7200, "2 hours left"),
        (7199, "the last hours"),
        (-5, "the last hours"),
    ],
)
def test_elapsed_time_is_written_in_whole_units(left_s: float, said: str) -> None:
    assert time_left(left_s) == said


# Signals


def test_a_wish_for_several_categories_is_split_among_them() -> None:
    wishes = [(None, None, 6), ([0], None, 4), ([1, 2], None, 3), ([9], None, 5)]
    assert waiting_by_category(wishes, [0, 1, 2], {}) == {0: 6.0, 1: 3.5, 2: 3.5}


def test_a_wish_for_sections_counts_for_their_categories() -> None:
    layout = import_layout(small_house()).layout
    # The stalls have front and back rows; the floor, after all sections, has the category of the back rows.
    floor = len(layout.sections)
    assert categories_in(layout) == {0: {0, 1}, floor: {1}}
    wishes = [
        (None, [0], 6),
        ([0], [0], 4),
        ([0], [floor], 5),
        (None, [0, floor], 3),
        (None, [9], 7),
    ]
    known = waiting_by_category(wishes, [0, 1, 2], {0: {0, 1}, floor: {2}})
    assert known == {0: 3 + 4 + 1, 1: 3 + 1, 2: 1}


def test_impossible_signals_are_refused() -> None:
    for changes in (
        {"taken": -1},
        {"velocity": float("nan")},
        {"waiting": float("inf")},
        {"left_s": float("nan")},
        {"confidence": 1.1},
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # its own
            seen(**changes)


def test_a_short_observation_has_little_confidence() -> None:
    velocity = Velocity().after(10, 3600, DAY_S)
    assert velocity.per_day == pytest.approx(240)
    assert velocity.confidence(DAY_S) == pytest.approx(1 - 0.5 ** (1 / 24))
    later = velocity.after(0, DAY_S, DAY_S)
    assert 0 < later.per_day < 10
    assert velocity.after(-50, 60, DAY_S).per_day == 0
    assert velocity.after(3, -5, DAY_S).places == velocity.places + 3


# Simulations and their charts


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    market = SyntheticMarket(Synthetic(demand=2.0), seats=400, days=1.0, base_minor=5000)
    return simulate(RULE, market, currency="EUR")


def test_a_higher_price_brings_fewer_buyers() -> None:
    assert willing(5000, 5000, 1.5) == 1
    assert willing(10_000, 5000, 1.0) == pytest.approx(0.5)
    assert willing(2500, 5000, 1.0) == pytest.approx(2)
    # A price near 0 counts as 0; and a free place has no price to compare with.
    assert willing(1, 5000, 1.0) == pytest.approx(10)
    assert willing(1, 0, 1.0) == 1
    curve = Synthetic(demand=1.0)
    market = SyntheticMarket(curve, seats=100_000, days=10, base_minor=5000)
    at_base = sum(market.buyers(step, 100, 5000) for step in range(100))
    assert at_base == pytest.approx(100_000, rel=0.02)
    assert sum(market.buyers(step, 100, 7500) for step in range(100)) < 0.7 * at_base


def test_demand_is_highest_at_the_start_and_rises_in_the_last_week() -> None:
    market = SyntheticMarket(Synthetic(), seats=10_000, days=60, base_minor=5000)
    rates = [market.rate(step, 60, 5000) for step in range(60)]
    assert rates[0] > 3 * rates[30]
    assert rates[59] > 2 * rates[30]


def test_the_text_chart_shows_rule_and_fixed_price_with_totals(simulation: Simulation) -> None:
    panels = text_panels(simulation)
    assert [title for title, _ in panels] == ["Price, EUR", "Sold, %", "Revenue, EUR"]
    for _, lines in panels:
        assert any("•" in line for line in lines)
        assert any("·" in line for line in lines)
        assert max(map(len, lines)) <= 80
    assert "50.00 │" in "\n".join(panels[0][1])
    console = Console(width=80, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(in_terminal(simulation))
    text = capture.get()
    assert "\x1b" not in text
    for title, *values in summary_lines(simulation):
        assert title in text
        assert all(value in text for value in values)


def test_the_chart_is_drawn_as_svg(simulation: Simulation) -> None:
    drawing = ElementTree.fromstring(to_svg(simulation))  # noqa: S314  # our own
    name = "{http://www.w3.org/2000/svg}"
    title = drawing.find(f"{name}title")
    assert title is not None
    assert title.text is not None
    assert title.text.startswith("400 places, 1 days")
    # Two curves per panel, each as long as the series.
    curves = [path for path in drawing.iter(f"{name}path") if path.get("fill") == "none"]
    assert len(curves) == 6
    assert {path.get("d", "").count("L") for path in curves} == {len(simulation.points) - 1}


def test_a_rule_set_is_drawn_with_a_line_for_each_category_and_revenue_in_sum() -> None:
    def part(category: str, seats: int, seed: int, rule: Rule | None) -> Part:
        market = SyntheticMarket(Synthetic(seed=seed), seats=seats, days=1.0, base_minor=5000)
        return Part(category=category, rule=rule, market=market, fixed_minor=5000)

    parts = [
        part("Stalls", 300, 1, RULE),
        part("Box & Co", 20, 2, RULE),
        part("Floor", 80, 3, None),
    ]
    found = simulate_set(parts, currency="EUR")
    alone = [one.simulation for one in found.categories]
    assert alone[0] == simulate(RULE, parts[0].market, currency="EUR")
    assert [one.follows_rule for one in found.categories] == [True, True, False]
    assert alone[2].rule == alone[2].fixed
    assert found.seats == 400
    assert found.rule.revenue_minor == sum(one.rule.revenue_minor for one in alone)
    assert found.fixed.sold == sum(one.fixed.sold for one in alone)
    assert found.points[-1].revenue_minor == found.rule.revenue_minor
    drawing = ElementTree.fromstring(to_svg(found))  # noqa: S314  # our own
    name = "{http://www.w3.org/2000/svg}"
    curves = [path for path in drawing.iter(f"{name}path") if path.get("fill") == "none"]
    # Three curves of prices, three of sales; for revenue the sum, and the sum at fixed prices.
    assert len(curves) == 3 + 3 + 2
    assert len({curve.get("stroke") for curve in curves[:3]}) == 3
    said = [text.text for text in drawing.iter(f"{name}text")]
    assert {"Stalls", "Box & Co", "Floor", "fixed price"} <= set(said)
    price, _, revenue = (lines for _, lines in text_panels(found))
    assert all(any(mark in line for line in price) for mark in "•ox")
    assert all(any(mark in line for line in revenue) for mark in "•·")
    assert ("Floor: Price changes", "0", "0") in summary_lines(found)


# The command line


def test_the_command_line_simulates_rules_by_category(tmp_path: Path) -> None:
    file, svg = tmp_path / "rules.json", tmp_path / "out.svg"
    file.write_bytes(msgspec.json.encode({"Stalls": RULE, "Balcony": RULE}))
    choices = ["--seats", "300", "--days", "0.5", "--svg", str(svg)]
    result = CliRunner().invoke(cli, ["pricing", "simulate", str(file), *choices])
    assert result.exit_code == 0, result.output
    for said in ("• Stalls   o Balcony   · fixed price", "of 300", "Balcony: Sold", "of 150"):
        assert said in result.output
    assert "Balcony" in svg.read_text()
    refused = CliRunner().invoke(cli, ["pricing", "simulate", str(file), "--fixed", "5000"])
    assert refused.exit_code != 0
    assert "--fixed" in str(refused.exception)


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    file = tmp_path / "rules.json"
    file.write_bytes(msgspec.json.encode(RULE))
    return file


def test_the_command_line_simulates_without_any_store(rule_file: Path, tmp_path: Path) -> None:
    svg = tmp_path / "out.svg"
    choices = ["--curve", "late", "--seats", "300", "--days", "0.5", "--svg", str(svg)]
    result = CliRunner().invoke(cli, ["pricing", "simulate", str(rule_file), *choices])
    assert result.exit_code == 0, result.output
    assert "Revenue against the fixed price: " in result.output
    assert "of 300" in result.output
    assert "\x1b" not in result.output
    assert svg.read_text().startswith("<svg")
    again = CliRunner().invoke(cli, ["pricing", "simulate", str(rule_file), *choices])
    assert again.output == result.output


def test_the_command_line_refuses_an_invalid_rule(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text('{"base_minor": 1, "floor_minor": 2, "ceiling_minor": 3}')
    result = CliRunner().invoke(cli, ["pricing", "simulate", str(file)])
    assert result.exit_code == 1
    assert "floor_minor <= base_minor" in str(result.exception)
    sound = '{"base_minor": 1, "floor_minor": 1, "ceiling_minor": 1}'
    file.write_text('{"Stalls": ' + sound + ', "Box": {"base_minor": 1}}')
    result = CliRunner().invoke(cli, ["pricing", "simulate", str(file)])
    assert str(result.exception).startswith(f"'Box' in {file} is not a rule: ")


def test_one_demo_event_has_pricing_rules() -> None:
    ruled = [event for event in demo_events() if event.rules]
    assert len(ruled) == 1
    for category, rule in ruled[0].rules.items():
        assert complete(rule, ruled[0].currency).base_minor == ruled[0].prices[category]
    assert set(ruled[0].rules) == set(ruled[0].prices)

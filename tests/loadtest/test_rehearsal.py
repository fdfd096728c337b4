"""The pure parts of a rehearsal: curves, buyers' plans, picked seats, counts, drawings."""

import random
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from engine.base.charts import Line, even, over_time, powers
from engine.catalog.model import Facts
from engine.layout import import_layout
from loadtest.rehearsal.buyers import Memory, Mix, Plan, Receipt, pick, plan
from loadtest.rehearsal.command import main
from loadtest.rehearsal.curves import BUILT_IN, EMF, BadCurve, arrivals_s, counts, read_curve
from loadtest.rehearsal.report import StepTimes, duration, money, quantile, span, upper_ms
from loadtest.rehearsal.verdict import Books, Check, Sold, counted_twice, orphans
from tests.conftest import small_house

# Curves


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("buyers", [1, 7, 1000, 20_000])
def test_arrivals_follow_the_shape_of_the_curve(name: str, buyers: int) -> None:
    curve = BUILT_IN[name]
    found = counts(curve, buyers)
    assert sum(found) == buyers
    assert len(found) == len(curve)
    for count, share in zip(found, curve, strict=True):
        assert abs(count - buyers * share / sum(curve)) < 1


def test_the_recorded_curve_is_reproduced_exactly() -> None:
    assert counts(EMF, 906) == [7, 18, 52, 72, 131, 134, 108, 120, 125, 100, 39]


def test_arrivals_are_in_order_within_the_curve_and_the_same_for_the_same_seed() -> None:
    arrivals = arrivals_s(EMF, 500, 22.0, seed=3)
    assert len(arrivals) == 500
    assert all(earlier <= later for earlier, later in pairwise(arrivals))
    assert arrivals[0] >= 0
    assert arrivals[-1] < 22.0
    # Each of the eleven parts is two seconds long.
    by_part = [sum(int(at / 2) == part for at in arrivals) for part in range(11)]
    assert by_part == counts(EMF, 500)
    assert arrivals == arrivals_s(EMF, 500, 22.0, seed=3)
    assert arrivals != arrivals_s(EMF, 500, 22.0, seed=4)


def test_a_ramp_rises_and_a_step_does_not() -> None:
    ramp, step = counts(BUILT_IN["ramp"], 3600), counts(BUILT_IN["step"], 3600)
    assert ramp[-1] > 50 * ramp[0]
    assert ramp == sorted(ramp)
    assert set(step) == {60}


def test_a_curve_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("second,arrivals\n0,5\n3,7\n\n2,1\n")
    assert read_curve(file) == (5, 0, 1, 7)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0,1\n1,many\n", "line 2"),
        ("0,1\n1\n", "line 2"),
        ("0,1\n1,2,3\n", "line 2"),
        ("0,1\n0,2\n", "second 0 is there twice"),
        ("0,-1\n", "line 1"),
        ("99999999,1\n", "line 1"),
        ("second,arrivals\n", "nobody arrives"),
        ("0,0\n", "nobody arrives"),
    ],
)
def test_a_bad_curve_is_refused_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "curve.csv"
    file.write_text(text)
    with pytest.raises(BadCurve, match=complaint):
        read_curve(file)


# Minds


def _minds(seed: int, mix: Mix | None = None) -> list[Plan]:
    return plan(
        [0.1 * n for n in range(400)],
        mix=mix or Mix(),
        parties={1: 1.0, 2: 3.0, 9: 1.0},
        buyer_limit=6,
        think_s=5.0,
        live_every=4,
        seed=seed,
    )


def test_the_same_seed_brings_the_same_buyers() -> None:
    assert _minds(1) == _minds(1)
    assert _minds(1) != _minds(2)


def test_buyers_come_in_the_given_mix_and_other_choices_stay_the_same() -> None:
    minds, abandoning = _minds(1), _minds(1, Mix(abandon=1.0))
    assert {mind.ending for mind in abandoning} == {"gives-back", "walks-off"}
    for usual, other in zip(minds, abandoning, strict=True):
        assert msgspec.structs.replace(other, ending=usual.ending) == usual
    by_hand = sum(mind.by_hand for mind in minds) / len(minds)
    assert by_hand == pytest.approx(Mix().by_hand, abs=0.08)
    assert {mind.quantity for mind in minds} == {1, 2, 6}, "no party exceeds the limit"
    assert sum(mind.live for mind in minds) == 100


def test_picked_seats_are_free_and_side_by_side_where_possible() -> None:
    row_of = [0] * 5 + [1] * 5
    for seed in range(50):
        seats = pick(b"2200000220", row_of, 3, random.Random(seed))
        assert seats in ([2, 3, 4],), "not over the end of a row"
        assert pick(b"0202020202", row_of, 2, random.Random(seed)) == [0, 2]
        assert pick(b"2222222220", row_of, 2, random.Random(seed)) is None


# Counts


def _books(**changes: object) -> Books:
    books = Books(
        sold_seats=4,
        sold_places=6,
        seats_sold_twice=0,
        seat_items=4,
        tickets=6,
        area_places_sold=2,
        areas_oversold=0,
        booked_minor=100,
        captured_minor=100,
        pending=0,
        bookings={},
        sold=[],
    )
    return msgspec.structs.replace(books, **changes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seats_sold_twice": 1},
        {"seat_items": 5, "sold_places": 7, "tickets": 7},
        {"tickets": 5},
        {"areas_oversold": 1},
        {"area_places_sold": 3},
        {"captured_minor": 99},
        {"pending": 1},
        {"bookings": {"unheard-of": 0}},
        {"sold": [Sold(category="Front", places=1, revenue_minor=5, at_opening_prices_minor=5)]},
    ],
)
def test_each_wrong_count_is_noticed(wrong: dict[str, object]) -> None:
    assert all(check.holds for check in counted_twice(_books(), []))
    assert sum(not check.holds for check in counted_twice(_books(**wrong), [])) == 1


@pytest.mark.parametrize(
    ("quoted_minor", "paid_minor", "booked_minor"), [(90, 100, 100), (100, 90, 100), (100, 100, 90)]
)
def test_a_price_that_moves_between_hold_and_receipt_is_noticed(
    quoted_minor: int, paid_minor: int, booked_minor: int
) -> None:
    def checks(quoted: int, paid: int, booked: int) -> list[Check]:
        receipt = Receipt(booking_id="b", seats=[1], places=1, amount_minor=paid)
        sold = Sold(category="All", places=1, revenue_minor=booked, at_opening_prices_minor=100)
        books = _books(bookings={"b": booked}, sold=[sold])
        return counted_twice(books, [Memory(quoted_minor=quoted, receipt=receipt)])

    assert all(check.holds for check in checks(100, 100, 100))
    (wrong,) = (c for c in checks(quoted_minor, paid_minor, booked_minor) if not c.holds)
    assert wrong.what.startswith("Receipts at another price")
    assert wrong.found == "1 of 1"


def test_orphans_are_the_single_seats_that_the_sale_left() -> None:
    layout = import_layout(small_house(rows=2, seats_per_row=6, floor=1)).layout
    facts = Facts("event", "EUR", layout, "layout", layout.category_numbers())
    #          the row's end counts as taken ↓     ↓ two are not single
    assert orphans(facts, b"000000000000", b"202220200222") == 2
    assert orphans(facts, b"000000000000", b"000000000000") == 0
    # A seat that was single before the sale is not counted.
    assert orphans(facts, b"303330000000", b"303330200222") == 0


# Words and drawings


def test_times_and_money_are_written_for_people() -> None:
    assert [span(s) for s in (8.44, 42.2, 102.0, 120.0)] == ["8.4 s", "42 s", "1 min 42 s", "2 min"]
    assert [duration(ms) for ms in (8.44, 420.0, 3200.0)] == ["8.4 ms", "420 ms", "3.2 s"]
    assert money(123_456_789, "EUR") == "1,234,567.89 EUR"
    assert money(1500, "JPY") == "1,500 JPY"


def test_a_hundredth_of_a_few_requests_is_not_told() -> None:
    few = StepTimes(
        step="hold", requests=99, errors=0, p50_ms=12, p90_ms=40, p99_ms=1200, max_ms=1400
    )
    assert upper_ms(few) == 1400
    assert upper_ms(msgspec.structs.replace(few, requests=100)) == 1200


def test_quantiles_do_not_exceed_the_largest_value() -> None:
    assert quantile([], 0.5) == 0
    assert [quantile([1, 2, 3, 4], share) for share in (0.25, 0.5, 0.99, 1)] == [1, 2, 4, 4]


def test_scales_cover_their_values() -> None:
    for high in (0.3, 1, 7, 99, 100, 24_500):
        scale = even(high)
        assert scale.low == 0
        assert scale.high >= high
        assert 2 <= len(scale.marks) <= 6
    assert powers(12, 1300).marks == [10, 100, 1000, 10_000]
    assert powers(10, 1000).part(100) == pytest.approx(0.5)


def test_a_curve_is_broken_where_nothing_was_measured() -> None:
    line = Line(name="Hold", look="a", values=[1, None, 2, 3])
    plot = over_time([line], width_s=10, scale=even(4), write=str, what='Waiting "long"')
    assert plot.svg.count('class="line a"') == 2
    assert 'aria-label="Waiting &quot;long&quot;"' in plot.svg
    assert [mark.text for mark in plot.columns] == ["0:00", "0:10", "0:20", "0:30", "0:40"]


# Refusals of the command

_EVENT = "01980000-0000-7000-8000-0000000000e1"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no-id"], "not an event's id"),
        ([_EVENT, "--curve", "nowhere.csv"], "cannot read nowhere.csv"),
        ([_EVENT, "--mix", "by_hand=2"], "not a share of 0 to 1"),
        ([_EVENT, "--mix", "bots=0.5"], "by_hand, abandon, declined, extend"),
        ([_EVENT, "--parties", "0=1"], "size=weight"),
        ([_EVENT, "--parties", "2=nan"], "size=weight"),
        ([_EVENT, "--duration-s", "nan"], "not a number"),
        ([_EVENT, "--think-s", "nan"], "not a number"),
        ([_EVENT, "--output", "/proc/page.html"], "cannot write"),
        ([_EVENT, "--parties", "2=0"], "at least one buyer must come"),
        ([_EVENT, "--buyers", "0"], "--buyers"),
        ([_EVENT, "--output", "no/such/folder/page.html"], "cannot write"),
        ([_EVENT, "--keep", "."], "not empty"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert told.count("\n") == 1

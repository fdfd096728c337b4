"""What counts as a fault of a live map and of a whole run; and that Locust can load the folder."""

import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine.audit.auditor import Violation
from engine.base.invariants import Invariant
from engine.layout import import_layout
from loadtest.beforehand import which_event
from loadtest.clients.live_map import LiveMap, StrictMap, WrongFrame, same_position_faults
from loadtest.figures import COMPARED, LIVE, SALE, SEAT, Moment, Sent, charts, into_page
from loadtest.judgement import Audits, Entry, Failure, Verdict
from loadtest.on_sale import house, parse_options
from loadtest.processes import REPO
from seatmap.protocol import (
    DeltaFrame,
    Frame,
    MapState,
    SnapshotFrame,
    encode,
    encode_json,
    message,
)


def snapshot(states: bytes, seq: int = 5, epoch: int = 1) -> SnapshotFrame:
    return SnapshotFrame(epoch, seq, states)


def delta(*seats: tuple[int, int], start: int = 5, end: int = 6, epoch: int = 1) -> DeltaFrame:
    return DeltaFrame(epoch, start, end, 1_795_000_000_000, seats)


def shown(*frames: Frame) -> tuple[LiveMap, list[str]]:
    live = LiveMap()
    return live, [fault for frame in frames for fault in live.take(frame)]


def test_a_good_sequence_has_no_fault_and_is_applied() -> None:
    live, faults = shown(
        snapshot(b"0012"),
        message(1, {"type": "presence", "watching": 2}),
        delta((0, 1), (2, 2)),
        delta((0, 2), (3, 0), start=6, end=9),
    )
    assert faults == []
    assert live.state == MapState(1, 9, b"2020")


def test_a_strict_map_refuses_each_fault_in_either_encoding() -> None:
    strict, lenient = StrictMap(), StrictMap(any_change=True)
    for one in (strict, lenient):
        one.read(encode(snapshot(b"0012")))
        one.read(encode_json(delta((0, 1))).decode())
        assert one.state == MapState(1, 6, b"1012")
    sold_anew = encode(delta((2, 1), start=6, end=7))
    assert lenient.read(sold_anew) == delta((2, 1), start=6, end=7)
    with pytest.raises(WrongFrame, match="did not change"):
        strict.read(sold_anew)
    with pytest.raises(WrongFrame, match="does not continue"):
        lenient.read(encode(delta((0, 2), start=9, end=10)))


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (delta((0, 1), start=4), "a delta does not continue the map"),
        (delta((0, 1), epoch=2), "a delta does not continue the map"),
        (delta((9, 1)), "a delta does not continue the map"),
        (delta((2, 1)), "a delta names a seat that did not change"),
        (delta((0, 1), end=5), "seats change though nothing has happened"),
        (delta(end=4), "a delta goes back"),
        (delta((4, 2)), "a seat goes where one change cannot take it"),
        (snapshot(b"00123", seq=4), "a snapshot is older than the map"),
        (snapshot(b"0012"), "a snapshot has another number of seats"),
    ],
)
def test_each_fault_of_a_frame_is_named(frame: Frame, fault: str) -> None:
    _, faults = shown(snapshot(b"00123"), frame)
    assert faults == [fault]


def test_after_a_gap_deltas_are_ignored_until_a_snapshot_comes() -> None:
    live, faults = shown(
        snapshot(b"0012"), delta(start=7, end=8), delta(start=8, end=9), snapshot(b"2012", seq=9)
    )
    assert faults == ["a delta does not continue the map"]
    assert live.position == (1, 9)
    assert not live.lost


def test_a_resumed_connection_may_repeat_what_was_missed() -> None:
    live, _ = shown(snapshot(b"0012"))
    live.reconnected()
    assert live.take(delta((2, 1))) == []
    assert live.take(delta((2, 1), start=6, end=7)) == ["a delta names a seat that did not change"]


def test_a_connection_that_begins_with_a_message_has_missed_nothing() -> None:
    live, _ = shown(snapshot(b"0012"))
    live.reconnected()
    assert live.take(message(1, {"type": "presence", "watching": 2})) == []
    assert live.take(delta((2, 1))) == ["a delta names a seat that did not change"]


def test_maps_at_the_same_position_must_be_equal() -> None:
    truth = MapState(1, 5, b"0012")
    assert same_position_faults(MapState(1, 5, b"0012"), truth) == []
    assert same_position_faults(MapState(1, 5, b"0112"), truth) == [
        "the map is not the API's: 1 seats differ"
    ]


def test_a_house_without_free_seats_is_not_yet_sold_out() -> None:
    assert shown(snapshot(b"0123"))[0].is_lacking == (False, False)
    assert shown(snapshot(b"1223"))[0].is_lacking == (True, False)
    assert shown(snapshot(b"2223"))[0].is_lacking == (True, True)


def test_holds_are_timed_until_somebody_else_may_have_the_seat() -> None:
    sent = Sent()
    sent.hold("e", [1, 2], 100.0)
    assert sent.age_ms("e", 1, 100.5) == 500.0
    assert sent.age_ms("other", 1, 100.5) is None
    sent.hold("e", [1], 100.25)
    sent.forget("e", [1], 100.25)
    assert sent.age_ms("e", 1, 100.5) == 500.0
    sent.forget("e", [1])
    assert sent.age_ms("e", 1, 100.5) is None
    assert sent.age_ms("e", 2, 200.0) is None


# The verdict


def entry(method: str, name: str, requests: int = 9) -> Entry:
    return Entry(name, method, requests, 0, {5: requests}, {1: requests})


def verdict(*entries: Entry, **changes: Any) -> Verdict:
    good = Verdict(
        seats=40,
        sold=38,
        users=10,
        seconds=5.0,
        entries=[entry(LIVE, COMPARED), entry("POST", "book"), *entries],
        failures=[],
        audits=3,
        violations=[],
        locust_exit_code=0,
    )
    return msgspec.structs.replace(good, **changes)


def test_a_clean_run_passes_and_refusals_are_only_counted() -> None:
    good = verdict(entry("POST", "hold best → 409 seat-unavailable", 1200))
    assert good.exit_code == 0
    assert "verdict: passed" in good.text()
    assert ("answered, 409 seat-unavailable", "1,200") in good.figures()


def test_figures_say_what_they_count() -> None:
    few = Entry("book", "POST", 55, 0, {12: 30, 120: 25}, {})
    many = Entry("map", "GET", 1000, 0, {2: 600, 7: 395, 900: 5}, {})
    told = dict(
        verdict(
            entries=[
                entry(SALE, SEAT, 54),
                few,
                many,
                Entry("no seat free, after 41.2 s", SALE, 1, 0, {}, {}),
                Entry("no seat free, after 39.0 s", SALE, 1, 0, {}, {}),
            ]
        ).figures()
    )
    assert told["seats sold at the end"] == "38 of 40"
    sales = "54, 16 of them of seats that were given back; 54 in the best second"
    assert told["sales of a seat"] == sales
    assert told["no seat free, for the first time"] == "39.0 s after the beginning"
    assert "all sold, for the first time" not in told
    # A hundredth of 55 is no measurement.
    assert told["book"] == "half within 12 ms, all within 120 ms (55 measured)"
    assert told["map"] == "half within 2 ms, 99 % within 7 ms (1,000 measured)"


@pytest.mark.parametrize(
    ("event", "any_event", "said"),
    [
        ("", False, "which event? --event ID names it; --any-event"),
        (" , ", False, "which event?"),
        ("a", True, "exclude each other"),
        ("a", False, None),
        ("", True, None),
    ],
)
def test_a_run_says_where_it_buys(event: str, any_event: bool, said: str | None) -> None:
    wrong = which_event(SimpleNamespace(event=event, any_event=any_event))
    assert wrong is None if said is None else said in str(wrong)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (
            verdict(violations=[Violation(Invariant.ONE_LIVE_SALE, "sold twice", {"seat_no": 7})]),
            "invariant 1: sold twice",
        ),
        (verdict(failures=[Failure("GET", "map", "500 internal", 2)]), "2 × GET map: 500 internal"),
        (verdict(entries=[entry("POST", "book")]), "no watcher compared its map"),
        (verdict(audits=0), "the auditor never looked"),
        (verdict(locust_exit_code=2), "Locust ended with 2"),
    ],
)
def test_each_fault_fails_the_run_and_is_named(bad: Verdict, fault: str) -> None:
    assert bad.exit_code == 1
    assert "FAILED" in bad.text()
    assert fault in bad.text()
    assert fault in bad.html()


def test_the_same_violation_seen_again_counts_once() -> None:
    audits = Audits()
    for _ in range(3):
        audits.add([Violation(Invariant.HOLDS_END, "a hold is overdue", {"hold_id": "a"})])
    audits.add([Violation(Invariant.HOLDS_END, "a hold is overdue", {"hold_id": "b"})])
    assert (audits.rounds, len(audits.found)) == (4, 2)
    counts = {number: count for number, _, count in verdict(violations=audits.found).counts()}
    assert (counts[4], counts[5]) == ("2", "0")


# Pictures, and the folder


def test_charts_stand_at_the_head_of_a_report() -> None:
    moments = [Moment(float(s), 10 * s, 5.0, 2.0, 0.0, 3.0, 9.0, 4.0, 40.0) for s in range(1, 4)]
    locusts = '<html><script>"<body>"</script><body><div id="root"></div></body></html>'
    page = into_page(into_page(locusts, charts(moments)), "the verdict")
    assert page.index("</script>") < page.index("the verdict") < page.index("<svg")
    assert page.index("<svg") < page.index('<div id="root">')
    assert page.count("<polyline") == 8
    with pytest.raises(ValueError, match="not a report"):
        into_page("no page", "")


@pytest.mark.parametrize("seats", [40, 399, 1234])
def test_the_house_has_the_requested_number_of_seats(seats: int) -> None:
    imported = import_layout(house(seats))
    assert imported.warnings == []
    assert imported.layout.seat_count == seats


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seconds", "nan"], "'nan' is not a number of seconds"),
        (["--seconds", "inf"], "'inf' is not a number of seconds"),
        (["--seconds", "0.5"], "at least one second"),
        (["--think", "-1"], "'-1' is not a number of seconds"),
        (["--processes", "-1"], "nothing may be negative"),
        (["--shape", "flood"], "invalid choice: 'flood'"),
        (["--report", str(REPO)], "cannot write"),
    ],
)
def test_options_that_cannot_be_played_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


_UNTIL_ASKED = """
import asyncio
from loadtest.processes import run_to_end

async def work():
    try:
        print("runs", flush=True)
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("has tidied up", flush=True)

try:
    run_to_end(work())
except asyncio.CancelledError:
    print("was interrupted")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_asked_to_end_tidies_up(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _UNTIL_ASKED], cwd=REPO, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        process.send_signal(number)
        assert process.stdout.read() == "has tidied up\nwas interrupted\n"
    assert process.returncode == 0


def test_no_load_test_module_shadows_another_module() -> None:
    """Locust loads each file of the folder under its bare name."""
    names = {path.stem for path in (REPO / "loadtest").rglob("*.py")}
    taken = {name for name in names if name in sys.stdlib_module_names and name[0] != "_"}
    assert taken == set()

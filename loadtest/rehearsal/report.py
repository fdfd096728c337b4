"""The findings of a rehearsal: as JSON, and as sentences."""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from engine.base.model import Money
from loadtest.rehearsal.buyers import STEPS, Mix
from loadtest.rehearsal.crowd import Record
from loadtest.rehearsal.verdict import PriceChange, Sold, Verdict

#: Requests below which one in a hundred is none: the slowest one is shown instead.
ENOUGH = 100
#: Maximum number of points in a chart.
_POINTS_MAX = 120


class Setting(Struct, frozen=True, kw_only=True):
    """The options of the rehearsal."""

    buyers: int
    curve: str
    duration_s: float
    watchers: int
    mix: Mix
    parties: dict[int, float]
    think_s: float
    seed: int
    connections: int


class Subject(Struct, frozen=True, kw_only=True):
    """The event that was copied."""

    event_id: str
    name: str
    venue: str
    currency: str
    seats: int
    places: int
    blocked: int
    buyer_limit: int
    hold_ttl_s: int
    opening_prices: dict[str, int]
    has_rules: bool


class StepTimes(Struct, frozen=True, kw_only=True):
    """One step of a visit; times from its due moment until the whole answer was there."""

    step: str
    requests: int
    errors: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


class Timeline(Struct, frozen=True, kw_only=True):
    """One value per part of ``width_s`` seconds, from the opening. Rates are per second.

    ``left`` and ``sold`` are places at the end of the part. Times are None for parts without requests.
    """

    width_s: float
    arrivals: list[float]
    bookings: list[float]
    left: list[int]
    sold: list[int]
    hold_p50_ms: list[float | None]
    hold_p99_ms: list[float | None]
    book_p99_ms: list[float | None]


class Propagation(Struct, frozen=True, kw_only=True):
    """The delay of seat changes to every open map. ``divergences``: maps wrong at the end."""

    watchers: int
    still_open: int
    p50_ms: int | None
    p99_ms: int | None
    max_ms: int | None
    divergences: int
    out_of_step: int


class Machine(Struct, frozen=True, kw_only=True):
    """The machine and its load. CPU shares are of one core, over the sale."""

    started_at: str
    processor: str
    cores: int
    system: str
    versions: dict[str, str]
    cpu_shares: dict[str, float]
    #: Share of all cores, used by every program on the machine.
    busy_share: float
    #: How long requests waited for a free connection or for the program that plays the buyers.
    left_late_p50_ms: float
    left_late_p99_ms: float


class Report(Struct, frozen=True, kw_only=True):
    """A rehearsal. Seconds are from the opening; money is minor units of the event's currency."""

    subject: Subject
    setting: Setting
    #: First moment at which at most one place in 200 was free to hold; None: there were always more.
    all_taken_s: float | None
    #: When the last place was sold; None: not all were sold.
    sold_out_s: float | None
    ended_s: float
    outcomes: dict[str, int]
    bookings: int
    places_sold: int
    places_left: int
    places_held: int
    holds_placed: int
    #: By code; see ``REFUSALS``.
    holds_refused: dict[str, int]
    orphan_seats: int
    steps: list[StepTimes]
    propagation: Propagation | None
    revenue_minor: int
    sold: list[Sold]
    price_changes: list[PriceChange]
    timeline: Timeline
    verdict: Verdict
    machine: Machine


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of ascending values that this share does not exceed; 0 when there are none."""
    return values[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


def step_times(record: Record) -> list[StepTimes]:
    found = []
    for step in STEPS:
        samples = record.steps.get(step)
        if samples is None:
            continue
        took_ms = sorted(1000 * took for took in samples.took_s)
        found.append(
            StepTimes(
                step=step,
                requests=len(took_ms),
                errors=sum(n for s, n in samples.statuses.items() if s == 0 or s >= 500),
                p50_ms=round(quantile(took_ms, 0.5), 1),
                p90_ms=round(quantile(took_ms, 0.9), 1),
                p99_ms=round(quantile(took_ms, 0.99), 1),
                max_ms=round(took_ms[-1], 1),
            )
        )
    return found


def timeline(
    record: Record,
    arrivals_s: Sequence[float],
    left: Sequence[tuple[float, int]],
    ended_s: float,
) -> Timeline:
    """``left``: samples of (seconds, places free to hold); the first one also counts for the time before it."""
    width_s = float(max(1, math.ceil(ended_s / _POINTS_MAX)))
    parts = max(1, math.ceil(ended_s / width_s))

    def by_part(moments: Iterable[tuple[float, float]]) -> list[list[float]]:
        found: list[list[float]] = [[] for _ in range(parts)]
        for moment, value in moments:
            found[min(parts - 1, int(moment / width_s))].append(value)
        return found

    def times(step: str, share: float) -> list[float | None]:
        samples = record.steps.get(step)
        if samples is None:
            return [None] * parts
        took = by_part(zip(samples.due_s, samples.took_s, strict=True))
        return [round(1000 * quantile(sorted(t), share), 1) if t else None for t in took]

    sold, total = [], 0.0
    booked = by_part((moment, places) for moment, places in record.sold_s)
    for part in booked:
        total += sum(part)
        sold.append(int(total))
    seen, free = [], left[0][1] if left else 0
    for sampled in by_part(left):
        free = int(sampled[-1]) if sampled else free
        seen.append(free)
    came = by_part((moment, 1.0) for moment in arrivals_s)
    return Timeline(
        width_s=width_s,
        arrivals=[len(part) / width_s for part in came],
        bookings=[len(part) / width_s for part in booked],
        left=seen,
        sold=sold,
        hold_p50_ms=times("hold", 0.5),
        hold_p99_ms=times("hold", 0.99),
        book_p99_ms=times("book", 0.99),
    )


# Words


def span(seconds: float) -> str:
    """``1 min 42 s``, ``8.4 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def duration(ms: float) -> str:
    """``8.4 ms``, ``420 ms``, ``3.2 s``, ``1 min 42 s``."""
    if ms < 10:
        return f"{ms:.1f} ms"
    return f"{ms:,.0f} ms" if ms < 1000 else span(ms / 1000)


def upper_ms(step: StepTimes) -> float:
    """Within this time nearly all requests of a step were answered: 99 of 100, or all of a few."""
    return step.p99_ms if step.requests >= ENOUGH else step.max_ms


def percent(share: float) -> str:
    """``42 %``."""
    return f"{100 * share:.0f} %"


def money(amount_minor: int, currency: str) -> str:
    text = str(Money(amount_minor, currency))
    number, _, code = text.partition(" ")
    whole, point, digits = number.partition(".")
    return f"{int(whole):,}{point}{digits} {code}"


def headline(report: Report) -> str:
    """One sentence for the organiser: the end, the share of served buyers, and whether the promise held."""
    return f"{_how_it_ended(report)}; {_for_whom(report)}; {_promise(report)}."


def _how_it_ended(report: Report) -> str:
    for_sale = report.subject.places - report.subject.blocked
    if report.sold_out_s is not None:
        return f"Sold out in {span(report.sold_out_s)}"
    sold = f"{report.places_sold:,} of {for_sale:,}"
    if report.all_taken_s is not None:
        return f"All but a few places were taken within {span(report.all_taken_s)}, and {sold} were sold"
    return f"Not sold out: {sold} places were sold in {span(report.ended_s)}"


def _for_whom(report: Report) -> str:
    served = report.outcomes.get("booked", 0)
    return f"{served:,} of {report.setting.buyers:,} buyers got their seats"


def _promise(report: Report) -> str:
    if report.verdict.holds:
        return "no seat was sold twice"
    return "a promise was broken: see the proof below"


def complaint(report: Report) -> str | None:
    """The broken promises, in a plain sentence; None without any."""
    if report.verdict.holds:
        return None
    broken = [
        f"{check.what.lower()}: {check.found}" for check in report.verdict.checks if not check.holds
    ]
    broken += report.verdict.violations[:1]
    more = len(report.verdict.violations) - 1
    rest = f" (and {more} more of the auditor's)" if more > 0 else ""
    return f"a promise was broken: {'; '.join(broken)}{rest}"


def advice(report: Report) -> list[str]:
    """Advice, only where the figures support it."""
    return [
        line
        for line in (
            _busy(report),
            _late_crowd(report),
            _crowded_out(report),
            _lost_picks(report),
            _orphaned(report),
            _stale_holds(report),
            _still_prices(report),
        )
        if line is not None
    ]


def _times(report: Report, step: str) -> StepTimes | None:
    return next((times for times in report.steps if times.step == step), None)


def _busy(report: Report) -> str | None:
    hold = _times(report, "hold")
    if hold is None or hold.requests < ENOUGH or hold.p99_ms < 1000:
        return None
    slow = f"One hold in a hundred took longer than {duration(hold.p99_ms)}"
    api = report.machine.cpu_shares.get("api", 0)
    ours = sum(report.machine.cpu_shares.values()) / report.machine.cores
    if report.machine.busy_share > 0.85 and ours < 0.7 * report.machine.busy_share:
        return (
            f"{slow}, but other programs took {percent(report.machine.busy_share - ours)} of this machine "
            "meanwhile: rehearse again when they are idle."
        )
    if api > 0.85:
        return (
            f"{slow}, and the one API process was busy {percent(api)} of the time: run several API "
            "processes on a machine with more cores, or let buyers in more slowly."
        )
    if ours > 0.85:
        return (
            f"{slow}, and all {report.machine.cores} cores of this machine were busy (the buyers "
            "are played on it too): rehearse on the machine you will sell on."
        )
    return None


def _late_crowd(report: Report) -> str | None:
    share = report.machine.cpu_shares.get("buyers", 0)
    if share < 0.9:
        return None
    return (
        f"The program that plays the buyers was busy {percent(share)} of the time, so the "
        "times include its own lateness. Take fewer buyers, or a longer --duration-s."
    )


def _crowded_out(report: Report) -> str | None:
    without = report.outcomes.get("refused", 0) + report.outcomes.get("saw-full", 0)
    if report.all_taken_s is None or without < report.setting.buyers / 10:
        return None
    return (
        f"{without:,} buyers wanted seats and left without. Tell them of the waitlist: returned "
        "places go to people in the waitlist first."
    )


def _lost_picks(report: Report) -> str | None:
    lost = report.holds_refused.get("seats-taken", 0)
    asked = report.holds_placed + sum(report.holds_refused.values())
    if asked < 100 or lost < asked / 10:
        return None
    return (
        f"{lost:,} of {asked:,} attempts to hold were for picked seats that another buyer "
        "had taken meanwhile. Lead buyers to the best seats first: those are found and held in one step."
    )


def _orphaned(report: Report) -> str | None:
    if report.orphan_seats < max(5, report.subject.seats / 100):
        return None
    return (
        f"{report.orphan_seats:,} seats were left single between taken ones. Best seats avoid that "
        "if possible; picking seats on the map does not."
    )


def _stale_holds(report: Report) -> str | None:
    if report.subject.hold_ttl_s < 120 or report.places_held < report.subject.places / 50:
        return None
    return (
        f"At the end {report.places_held:,} places were in holds of buyers who had left. A hold "
        f"lasts {span(report.subject.hold_ttl_s)}; a shorter one returns such places sooner."
    )


def _still_prices(report: Report) -> str | None:
    if not report.subject.has_rules or report.price_changes:
        return None
    return (
        "The prices follow rules, and none moved: the sale was over before a rule's first interval. "
        "For an on-sale like this one the opening price is what counts."
    )


__all__ = ["Report", "Setting", "Subject", "Timeline", "advice", "complaint", "headline"]

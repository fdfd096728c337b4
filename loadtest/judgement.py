"""The judgement of an on-sale under load: Locust's figures, the auditor's violations, one verdict. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from msgspec import Struct

from engine.audit.auditor import Violation
from engine.base.invariants import Invariant
from loadtest import figures

#: DESIGN §8, in few words.
INVARIANTS = {
    Invariant.ONE_LIVE_SALE: "a seat has at most one live sale",
    Invariant.MONEY_BALANCES: "captured money = confirmed + refunded + in flight",
    Invariant.OWN_LIVE_HOLD: "no sale on an expired or foreign hold",
    Invariant.HOLDS_END: "every hold ends within its deadline + 2 s",
    Invariant.COUNTED_ONCE: "every seat and place is counted once",
    Invariant.ONE_ANSWER_PER_KEY: "one idempotency key, one effect, one response",
    Invariant.MAPS_ARE_TRUE: "every watcher's map is the truth after some quiet",
    Invariant.WAITLIST_ORDER: "offers follow the waitlist, and every skip has a reason",
    Invariant.OUTBOX_DELIVERED: "every committed outbox row is delivered",
    Invariant.BUYER_LIMITS: "limits per buyer hold",
}
_SHOWN_MAX = 20
#: Measurements below which the slowest one is shown instead of a 99th percentile.
_ENOUGH = 100


class Entry(Struct):
    """One line of Locust's statistics."""

    name: str
    method: str | None
    num_requests: int
    num_failures: int
    response_times: dict[int, int]
    num_reqs_per_sec: dict[int, int] = {}

    def quantile_ms(self, share: float) -> int:
        """The smallest time that this share did not exceed; 0 when there are none."""
        wanted, seen = share * sum(self.response_times.values()), 0
        for ms in sorted(self.response_times):
            seen += self.response_times[ms]
            if seen >= wanted:
                return ms
        return 0


class Failure(Struct, frozen=True):
    """One kind of failure, as Locust counts it."""

    method: str | None
    name: str
    error: str
    occurrences: int


class Summary(Struct):
    """The content of ``--summary-file`` of our Locust users."""

    entries: list[Entry] = []
    failures: list[Failure] = []


class Audits:
    """The auditor's findings over all rounds; the same finding counts once."""

    def __init__(self) -> None:
        self.rounds = 0
        self._found: dict[str, Violation] = {}

    def add(self, violations: Iterable[Violation]) -> None:
        self.rounds += 1
        for violation in violations:
            self._found.setdefault(repr(violation), violation)

    @property
    def found(self) -> list[Violation]:
        return list(self._found.values())


class Verdict(Struct, frozen=True):
    """``seconds`` is how long the run was meant to last, ``sold`` the seats that are sold at its end."""

    seats: int
    sold: int
    users: int
    seconds: float
    entries: list[Entry]
    failures: list[Failure]
    audits: int
    violations: list[Violation]
    locust_exit_code: int

    @property
    def exit_code(self) -> int:
        """1 for any violation, divergence or failed request, and where nothing was checked."""
        return 1 if self.faults else 0

    @property
    def faults(self) -> list[str]:
        faults = [f"invariant {v.invariant}: {v.what} {v.facts}" for v in self.violations]
        faults += [
            f"{failure.occurrences} × {failure.method} {failure.name}: {failure.error}"
            for failure in self.failures
        ]
        if not self.audits:
            faults.append("the auditor never looked")
        if not self.compared:
            faults.append("no watcher compared its map")
        if self.locust_exit_code and not faults:
            faults.append(f"Locust ended with {self.locust_exit_code}")
        return faults

    @property
    def compared(self) -> int:
        return self._requests(figures.LIVE, figures.COMPARED)

    def _requests(self, method: str, name: str) -> int:
        return sum(e.num_requests for e in self.entries if (e.method, e.name) == (method, name))

    def _entry(self, method: str, name: str) -> Entry | None:
        found = (e for e in self.entries if (e.method, e.name) == (method, name))
        return next(found, None)

    def _first_s(self, name: str) -> float | None:
        """When it happened first, in s from the beginning; None if it did not."""
        moments = (
            figures.milestone_s(name, e.name) for e in self.entries if e.method == figures.SALE
        )
        return min((moment for moment in moments if moment is not None), default=None)

    # As text and as a page

    def figures(self) -> list[tuple[str, str]]:
        """The figures of the run, as names and values."""
        requests = sum(e.num_requests for e in self.entries if e.method in _HTTP)
        lines = [
            (
                "people",
                f"{self.users:,} at most, an organiser and a watcher, {self.seconds:,.0f} s",
            ),
            ("requests", f"{requests:,}, {requests / self.seconds:,.0f} per second"),
        ]
        lines.append(("seats sold at the end", f"{self.sold:,} of {self.seats:,}"))
        sales = self._entry(figures.SALE, figures.SEAT)
        if sales is not None:
            lines.append(("sales of a seat", self._sales(sales)))
        lines += [
            (f"{name}, for the first time", f"{moment_s:.1f} s after the beginning")
            for name in (figures.NONE_FREE, figures.SOLD_OUT)
            if (moment_s := self._first_s(name)) is not None
        ]
        refused: Counter[str] = Counter()
        for entry in filter(_is_refusal, self.entries):
            refused[entry.name.partition(" → ")[2]] += entry.num_requests
        lines += [(f"answered, {what}", f"{count:,}") for what, count in refused.most_common()]
        for method, name in _TIMED:
            timed = self._entry(method, name)
            if timed is not None and timed.num_requests:
                lines.append((name, _times(timed)))
        return lines

    def _sales(self, sales: Entry) -> str:
        best = max(sales.num_reqs_per_sec.values(), default=0)
        again = sales.num_requests - self.sold
        resold = f", {again:,} of them of seats that were given back" if again > 0 else ""
        return f"{sales.num_requests:,}{resold}; {best:,} in the best second"

    def counts(self) -> list[tuple[int, str, str]]:
        """By invariant: its number, its text, and its violations."""
        broken = Counter(violation.invariant for violation in self.violations)
        return [
            (
                number,
                what,
                self._watched() if number == Invariant.MAPS_ARE_TRUE else str(broken[number]),
            )
            for number, what in INVARIANTS.items()
        ]

    def _watched(self) -> str:
        wrong = sum(e.num_failures for e in self.entries if e.method == figures.LIVE)
        return f"{wrong} ({self.compared:,} comparisons)"

    def text(self) -> str:
        """For a terminal."""
        lines = [f"  {name:34} {value}" for name, value in self.figures()]
        lines += ["", f"violations, of {self.audits} audits:"]
        lines += [f"  {number:2} {what:52} {count}" for number, what, count in self.counts()]
        lines += ["", *self._conclusion()]
        return "\n".join(lines)

    def html(self) -> str:
        """For the head of the report."""
        rows = "".join(_row(name, value) for name, value in self.figures())
        broken = "".join(_row(f"{n} {what}", count) for n, what, count in self.counts())
        word, *faults = self._conclusion()
        list_of = "".join(f"<li>{escape(fault)}</li>" for fault in faults)
        return (
            f"<h2>{escape(word)}</h2><ul>{list_of}</ul>"
            f'<div style="display:flex;flex-wrap:wrap;gap:32px"><table>{rows}</table>'
            f"<table><caption>Violations, of {self.audits} audits</caption>{broken}</table></div>"
        )

    def _conclusion(self) -> Sequence[str]:
        faults = self.faults
        if not faults:
            return ["verdict: passed"]
        more = [f"… and {len(faults) - _SHOWN_MAX} more"] if len(faults) > _SHOWN_MAX else []
        return [f"verdict: FAILED ({len(faults)} faults)", *faults[:_SHOWN_MAX], *more]


_HTTP = ("GET", "POST", "PATCH", "PUT", "DELETE")
_TIMED = (
    ("POST", "hold best"),
    ("POST", "hold by hand"),
    ("POST", "book"),
    ("GET", "map"),
    (figures.LIVE, figures.BROADCAST),
    (figures.LIVE, figures.SEEN),
)


def _is_refusal(entry: Entry) -> bool:
    return entry.method in _HTTP and " → " in entry.name


def _times(entry: Entry) -> str:
    """Half of the times, and nearly all: a hundredth of fewer than a hundred is none."""
    measured = sum(entry.response_times.values())
    share, words = (0.99, "99 % within") if measured >= _ENOUGH else (1.0, "all within")
    return (
        f"half within {entry.quantile_ms(0.5):,} ms, {words} {entry.quantile_ms(share):,} ms "
        f"({measured:,} measured)"
    )


def _row(name: str, value: Any) -> str:
    return f'<tr><th align="left">{escape(name)}</th><td>{escape(str(value))}</td></tr>'

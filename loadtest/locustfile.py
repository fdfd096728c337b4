"""The people of a Frontrow load test, for ``locust -f loadtest``.

    locust -f loadtest --host http://localhost:8000 --event ID --headless -u 200 -r 20 -t 2m \
        Buyer Watcher

Our own options: ``--event``, ``--any-event``, ``--live-url``, ``--organiser-key``, ``--shape``, ``--think``. Weights are
changed as Locust changes them: ``--config-users '{"user_class_name": "Buyer", "weight": 5}'``.
See docs/load-testing.md.
"""

import logging
import random
import re
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any, ClassVar

import gevent
import msgspec
from flask import Response, request
from gevent.event import Event
from locust import LoadTestShape, constant, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import (
    STATE_MISSING,
    STATE_RUNNING,
    STATE_SPAWNING,
    MasterRunner,
    WorkerRunner,
)

from loadtest import figures
from loadtest.beforehand import complaint, which_event
from loadtest.clients.live_map import FREE
from loadtest.people import QUIET_S, RUN, Person, Watching
from loadtest.shapes import (
    DURATION_DEFAULT_S,
    EARLY_BIRDS,
    SHAPES,
    USERS_DEFAULT,
    read_seconds,
)

_log = logging.getLogger(__name__)
#: How long users may take to finish, when ``--stop-timeout`` does not say.
_STOP_TIMEOUT_S = 40.0
_COMPARE_EVERY_S = 20.0
#: Interval of progress lines in a run without a page, in s.
_LINE_EVERY_S = 10.0
#: How long worker processes of this machine may take to connect.
_COMING_S = 10.0
#: Messages of the master to its workers, and back: end what is under way; it has ended.
_FINISH, _FINISHED = "frontrow-finish", "frontrow-finished"
_MOMENTS: list[figures.Moment] = []


class Visitor(Person):
    """Looks around and buys nothing."""

    weight = 15

    @task(3)
    def looks_at_the_programme(self) -> None:
        self.ask("GET", "/v1/events?limit=20", "list of events")
        self.think()
        self.ask("GET", "/v1/events?q=the&available=true", "list of events, searched")

    @task(5)
    def looks_at_an_event(self) -> None:
        if not self.choose_event():
            return
        self.ask("GET", f"/v1/events/{self.event_id}/layout", "layout")
        self.seats()
        self.think()
        self.ask("GET", f"/v1/events/{self.event_id}/prices", "prices")
        self.seats()


class Watcher(Watching):
    """Keeps a live map open, checks every frame, and compares it with the API's map at the end."""

    weight = 30
    wait_time = constant(0)

    def on_start(self) -> None:
        super().on_start()
        self._compared = True

    @task
    def watches(self) -> None:
        if not self.choose_event():
            self.think()
            return
        self._compared = False
        next_s = RUN.elapsed_s + random.uniform(0.5, 1.5) * _COMPARE_EVERY_S
        while not self.stopping:
            self.cut_in_storms()
            for _ in self.look(0.5):
                pass
            if RUN.elapsed_s > next_s:
                next_s += _COMPARE_EVERY_S
                self.compare(patience_s=0)
        self._compared = self.compare(patience_s=QUIET_S) is not None

    def on_stop(self) -> None:
        super().on_stop()
        if not self._compared:
            fault = "the map never reached the position of the API's"
            figures.report(self.environment, figures.LIVE, figures.COMPARED, 0, fault)


class Buyer(Person):
    """Comes, chooses, and usually pays."""

    weight = 45
    #: The others ask for the best seats.
    by_hand_share = 0.4
    tries_max = 4

    @task(14)
    def buys(self) -> None:
        self._chooses_and_pays("tok_visa")

    @task(2)
    def abandons(self) -> None:
        """Holds, thinks, and goes: half of them give the seats back, the others just leave."""
        if (hold := self._chooses()) is not None and random.random() < 0.5:
            self.think()
            self.release(hold)

    @task(2)
    def is_declined(self) -> None:
        """Is declined, and pays with another card."""
        hold = self._chooses()
        if hold is not None and self.pay(hold, "tok_declined") is None:
            self.think()
            self.pay(hold, "tok_visa")

    @task(1)
    def has_a_slow_bank(self) -> None:
        self._chooses_and_pays("tok_timeout", "book, slow bank")

    @task(2)
    def changes_plans(self) -> None:
        """Buys, and gives the tickets back a while later."""
        booking = self._chooses_and_pays("tok_visa")
        if booking is not None:
            self.think()
            self.give_back(booking)

    @task(1)
    def presses_twice(self) -> None:
        """Sends the same booking twice, as a page that has lost the answer does."""
        self._chooses_and_pays("tok_visa", twice=True)

    def _chooses_and_pays(
        self, card: str, name: str = "book", *, twice: bool = False
    ) -> dict[str, Any] | None:
        if (hold := self._chooses()) is None:
            return None
        self.think()
        if (booking := self.pay(hold, card, name, twice=twice)) is not None:
            path = f"/v1/bookings/{booking['booking_id']}/tickets"
            places = len(booking["seats"]) + sum(area["quantity"] for area in booking["areas"])
            self.ask("GET", path, "tickets", check=lambda page: _check_tickets(page, places))
        return booking

    def _chooses(self) -> dict[str, Any] | None:
        """A new person opens the event, and tries until there is a hold or nothing left."""
        self.become_guest()
        if not self.authorization or not self.choose_event():
            return None
        by_hand = random.random() < self.by_hand_share
        for _ in range(self.tries_max):
            seats = self.seats()
            if not seats:
                return None
            wish = _picked(seats) if by_hand else {"best": {"quantity": random.randint(1, 4)}}
            if wish is None:
                return None
            self.think()
            hold = self.hold(wish, "hold by hand" if by_hand else "hold best")
            if hold is not None:
                return hold
        return None


def _check_tickets(page: dict[str, Any], places: int) -> str | None:
    return None if len(page["items"]) == places else "there are not as many tickets as places"


def _picked(seats: dict[str, Any]) -> dict[str, Any] | None:
    """One to four free seats beside each other, somewhere; else places of an area; else nothing."""
    states, quantity = seats["states"], random.randint(1, 4)
    if (first := states.find("0", random.randrange(len(states) or 1))) >= 0:
        run = len(states[first : first + quantity]) - len(
            states[first : first + quantity].lstrip("0")
        )
        return {"seats": list(range(first, first + run))}
    if (first := states.find("0")) >= 0:
        return {"seats": [first]}
    for area_no, area in seats["areas"].items():
        if area["available"]:
            return {"areas": {area_no: min(quantity, area["available"])}}
    return None


class WaitlistBuyer(Person):
    """Joins the waitlist for sold-out places, watches the rank, and accepts the offer or not."""

    weight = 8
    #: What becomes of an offer.
    answers: ClassVar = {"accepts": 7, "declines": 2, "lets it lapse": 1}
    looks_max = 60

    @task
    def waits(self) -> None:
        self.become_guest()
        if not self.authorization or not self.choose_event():
            return
        wanted = {"quantity": random.randint(1, 3), "together": random.random() < 0.5}
        joined = self.ask(
            "POST", f"/v1/events/{self.event_id}/waitlist", "join the waitlist", body=wanted
        )
        if not joined.ok:
            self.think()
            return
        entry = joined.body
        for _ in range(self.looks_max):
            self.think()
            answer = self.ask(
                "GET", f"/v1/waitlist/{entry['entry_id']}", "rank", check=_check_entry
            )
            entry = answer.body if answer.ok else entry
            if entry["status"] != "waiting":
                break
        if entry["status"] == "offered":
            self._answers(entry["offer"])
        elif entry["status"] == "waiting":
            self.ask("DELETE", f"/v1/waitlist/{entry['entry_id']}", "leave the waitlist")

    def _answers(self, offer: dict[str, Any]) -> None:
        kinds, weights = zip(*self.answers.items(), strict=True)
        what = random.choices(kinds, weights)[0]
        path = f"/v1/offers/{offer['offer_id']}"
        if what == "declines":
            self.ask("POST", f"{path}/decline", "decline an offer")
        elif what == "accepts":
            answer = self.ask(
                "POST", f"{path}/accept", "accept an offer", check=lambda h: _check_kept(offer, h)
            )
            if answer.ok:
                self.think()
                self.pay(answer.body, "tok_visa")


def _check_entry(entry: dict[str, Any]) -> str | None:
    if entry["rank"] is not None and not 1 <= entry["rank"] <= entry["waiting"]:
        return "a rank is not within the waitlist"
    if entry["status"] == "offered" and entry["offer"] is None:
        return "an offer was announced that does not exist"
    return None


def _check_kept(offer: dict[str, Any], hold: dict[str, Any]) -> str | None:
    same = (offer["seats"], offer["areas"], offer["total"])
    held = (hold["seats"], hold["areas"], hold["total"])
    return None if same == held else "the hold differs from the offer"


class Sniper(Watching):
    """A bot: watches for holds that end and takes the seats at once, again and again, without paying."""

    weight = 2
    seats_max = 4
    rounds = 30

    @task
    def snipes(self) -> None:
        self.become_guest()
        if not self.authorization or not self.choose_event():
            return
        seats = self.seats()
        if seats and (wish := _picked(seats)) is not None:
            self.hold(wish, "snipe")
        for _ in range(self.rounds):
            self.cut_in_storms()
            for delta in self.look(1.0):
                freed = [seat_no for seat_no, state in delta.seats if state == FREE]
                if freed:
                    self.hold({"seats": freed[: self.seats_max]}, "snipe")
            if self.stopping:
                raise StopUser


class Organiser(Person):
    """Edits, prices, blocks and reads the waitlist, while all others buy. Needs ``--organiser-key``."""

    fixed_count = 1

    def on_start(self) -> None:
        super().on_start()
        self._blocked: list[int] = []
        self.authorization = f"Bearer {self.options.organiser_key}"

    def on_stop(self) -> None:
        """Unblock all seats."""
        if self._blocked:
            self._unblocks()

    @task(2)
    def edits(self) -> None:
        if not self.choose_event():
            return
        path = f"/v1/events/{self.event_id}"
        page = self.ask("GET", path, "event page")
        if not page.ok:
            return
        text, etag = page.body["description"], page.etag
        for new in (f"{text} Edition {random.randrange(1000)}.", text):
            answer = self.ask(
                "PATCH",
                path,
                "edit an event",
                body={"description": new},
                headers={"If-Match": etag},
            )
            if not answer.ok:
                return
            etag = answer.etag

    @task(2)
    def prices(self) -> None:
        """Override a price that has no override, and release it: the earlier price counts again."""
        if not self.choose_event():
            return
        desk = f"/v1/events/{self.event_id}/pricing"
        pricing = self.ask("GET", desk, "desk, prices")
        if not pricing.ok:
            return
        free = [c for c in pricing.body["categories"] if c["mode"] in ("fixed", "rule")]
        if not free:
            return
        category = random.choice(free)
        path = f"{desk}/categories/{category['category_no']}"
        body = {
            "amount_minor": category["price"]["amount"] + 100,
            "reason": "A load test tries an override.",
        }
        if self.ask("POST", f"{path}/override", "override a price", body=body).ok:
            try:
                self.think()
            finally:
                self.ask("POST", f"{path}/release", "release a price")

    @task(2)
    def blocks(self) -> None:
        """Blocks seats for a moment."""
        if self._blocked:
            self._unblocks()
        elif self.choose_event() and (seats := self.seats()):
            free = [n for n, state in enumerate(seats["states"]) if state == "0"]
            if not free:
                return
            wanted = random.sample(free, min(5, len(free)))
            answer = self.ask(
                "POST",
                f"/v1/events/{self.event_id}/block",
                "block seats",
                body={"seats": wanted, "reason": "A camera stands there."},
            )
            self._blocked = answer.body["seats"] if answer.ok else []

    def _unblocks(self) -> None:
        path = f"/v1/events/{self.event_id}/unblock"
        self.ask("POST", path, "unblock seats", body={"seats": self._blocked})
        self._blocked = []

    @task(3)
    def looks_at_the_desk(self) -> None:
        if not self.choose_event():
            return
        desk = f"/v1/events/{self.event_id}/waitlist"
        self.ask("GET", desk, "desk")
        for part in ("entries?status=waiting", "offers", "skips", "export"):
            self.ask("GET", f"{desk}/{part}", f"desk, {part.partition('?')[0]}")
            self.think()


# Options, shapes, figures


class Play(LoadTestShape):
    """Plays one shape. Locust itself must not pick it up: ``--shape`` chooses."""

    abstract = True
    use_common_options = True

    def __init__(self, shape: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Locust's, without types
        self._name, self._shape = shape, SHAPES[shape]

    def reset_time(self) -> None:
        """See LoadTestShape: the run begins. The shape may have been chosen in Locust's page."""
        super().reset_time()  # type: ignore[no-untyped-call]  # the same
        assert self.runner is not None
        options = self.runner.environment.parsed_options
        assert options is not None
        options.shape = self._name

    def tick(self) -> tuple[int, float, list[Any]] | None:
        """See LoadTestShape; None ends the run."""
        assert self.runner is not None
        environment = self.runner.environment
        options = environment.parsed_options
        assert options is not None
        duration_s = float(options.run_time or DURATION_DEFAULT_S)
        elapsed_s = self.get_run_time()  # type: ignore[no-untyped-call]  # the same
        if elapsed_s >= duration_s:
            return None
        stage = self._shape(elapsed_s, int(options.num_users or USERS_DEFAULT), duration_s)
        early = [who for who in environment.user_classes if who.__name__ in EARLY_BIRDS]
        return (
            stage.users,
            stage.per_second,
            early if stage.early and early else environment.user_classes,
        )


def _live_url(text: str) -> str:
    if text and not re.match(r"wss?://[^/]", text):
        raise ArgumentTypeError(f"{text!r} is not the address of a gateway, as ws://localhost:8001")
    return text


def _add_options(parser: Any) -> None:
    parser.add_argument(
        "--event", default="", help="event ids, comma separated; their places are really sold"
    )
    parser.add_argument(
        "--any-event",
        action="store_true",
        include_in_web_ui=False,
        help="buy at any listed event, instead of --event",
    )
    parser.add_argument(
        "--live-url",
        type=_live_url,
        default="",
        help="ws://…, if not the address on the event's page",
    )
    parser.add_argument(
        "--organiser-key",
        default="",
        env_var="FRONTROW_ORGANISER_KEY",
        # The users are chosen when Locust starts.
        include_in_web_ui=False,
        help="for the Organiser, who does not take part without it",
    )
    parser.add_argument(
        "--shape",
        default="none",
        choices=["none", *SHAPES],
        help="the number of users over time; none: -u and -r define it",
    )
    parser.add_argument(
        "--summary-file",
        default="",
        include_in_web_ui=False,
        help="JSON of all statistics and failures, written at the end",
    )
    parser.add_argument(
        "--think",
        type=read_seconds,
        default=2.0,
        help="how long people hesitate on average, in seconds",
    )


def _begin(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    assert options is not None
    # Otherwise the report would have the name of the first file that Locust found in the folder.
    environment.locustfile = "loadtest"
    if not environment.stop_timeout:
        environment.stop_timeout = _STOP_TIMEOUT_S
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message(_FINISH, _finish, concurrent=True)
        return
    wrong = which_event(options)
    if wrong is None and (options.headless or options.autostart):
        wrong = complaint(options)
    if wrong is not None:
        _refuse(environment, wrong)
    _choose_people(environment)
    # The event loop last read the clock before the imports, and `-t` counts from there.
    gevent.get_hub().loop.update_now()
    shapes = {shape: Play(shape) for shape in SHAPES}
    environment.available_shape_classes = (environment.available_shape_classes or {}) | shapes
    if options.shape != "none":
        options.num_users = options.num_users or USERS_DEFAULT
        options.run_time = options.run_time or DURATION_DEFAULT_S
        _play(environment, options.shape)
    if environment.web_ui is not None:
        _extend_web_page(environment)
    gevent.spawn(_keep_moments, environment)


def _refuse(environment: Environment, wrong: str) -> None:
    print(f"locust: error: {wrong}", file=sys.stderr)
    options = environment.parsed_options
    assert options is not None
    if options.csv_prefix:
        # Locust has opened them already.
        prefix = Path(options.csv_prefix)
        for file in prefix.parent.glob(f"{prefix.name}_*.csv"):
            if not file.stat().st_size:
                file.unlink()
    master = environment.runner
    if isinstance(master, MasterRunner):
        # Processes of --processes do not end with us unless asked to, and they are just connecting.
        expected = options.expect_workers if options.processes else 0
        with gevent.Timeout(_COMING_S, exception=False):
            while len(master.clients.ready) < expected:
                gevent.sleep(0.05)
        master.quit()
    sys.exit(2)


def _choose_people(environment: Environment) -> None:
    """Without a key there is no Organiser. Workers know all classes: the master decides which ones come."""
    options, people = environment.parsed_options, environment.user_classes
    assert options is not None
    if not options.organiser_key and Organiser in people:
        _log.info("no --organiser-key: there is no organiser in this run")
        people.remove(Organiser)
        (environment.available_user_classes or {}).pop(Organiser.__name__, None)
        if not people:
            _refuse(environment, "the Organiser needs --organiser-key")


def _play(environment: Environment, shape: str) -> None:
    chosen = (environment.available_shape_classes or {}).get(shape)
    if chosen is not None:
        chosen.runner = environment.runner
    environment.shape_class = chosen


def _finish(environment: Environment, **_: Any) -> None:
    worker = environment.runner
    assert isinstance(worker, WorkerRunner)
    worker.stop()
    worker._send_stats()  # the same that it sends every three seconds
    worker.send_message(_FINISHED)


def _finish_workers(environment: Environment, **_: Any) -> None:
    """A quitting master gives its workers half a second. The last checks of their users take
    longer, and count."""
    master = environment.runner
    if not isinstance(master, MasterRunner):
        return
    finished: set[str] = set()
    one_more = Event()

    def note(msg: Any, **_: Any) -> None:
        finished.add(msg.node_id)
        one_more.set()

    master.register_message(_FINISHED, note)
    master.send_message(_FINISH)
    with gevent.Timeout((environment.stop_timeout or 0) + _STOP_TIMEOUT_S, exception=False):
        # A dead worker sends nothing, so check at intervals which workers are connected.
        while {c.id for c in master.clients.all if c.state != STATE_MISSING} - finished:
            one_more.wait(1.0)
            one_more.clear()


def _start(**_: Any) -> None:
    RUN.begin()
    _MOMENTS.clear()


def _keep_moments(environment: Environment) -> None:
    options = environment.parsed_options
    # With Locust's tables, or its page, our lines are not needed.
    has_lines = options is not None and options.headless and options.only_summary
    run_time = options.run_time if options is not None else None
    line_at_s = _LINE_EVERY_S
    while environment.runner is not None:
        if environment.runner.state in (STATE_SPAWNING, STATE_RUNNING):
            _MOMENTS.append(figures.moment(environment, RUN.elapsed_s))
            if has_lines and RUN.elapsed_s >= line_at_s:
                line_at_s += _LINE_EVERY_S
                length_s = float(run_time or DURATION_DEFAULT_S)
                print(figures.line(environment, _MOMENTS[-1], length_s), flush=True)
        gevent.sleep(1.0)


def _finish_report(environment: Environment, **_: Any) -> None:
    """Locust has written its report by now; ours is put at its head."""
    options = environment.parsed_options
    if options is None or isinstance(environment.runner, WorkerRunner):
        return
    path = Path(options.html_file) if options.html_file else None
    if path is not None and path.exists():
        page = path.read_text(encoding="utf-8")
        path.write_text(figures.into_page(page, figures.charts(_MOMENTS)), encoding="utf-8")
    if options.summary_file:
        assert environment.runner is not None
        errors = [error.serialize() for error in environment.stats.errors.values()]
        # An exception that stopped a user: an answer of an unexpected form.
        stops = [
            {"method": "", "name": "user", "error": each["msg"], "occurrences": each["count"]}
            for each in environment.runner.exceptions.values()
        ]
        summary = {
            "entries": [entry.serialize() for entry in environment.stats.entries.values()],
            "failures": errors + stops,
        }
        file = Path(options.summary_file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(summary))


def _extend_web_page(environment: Environment) -> None:
    """``/frontrow`` shows the charts during the run; the report to download has them, too. The shape chosen in
    the form is played."""
    web, options = environment.web_ui, environment.parsed_options
    assert web is not None
    assert web.app is not None
    assert options is not None

    def page() -> str:
        return figures.whole_page(_MOMENTS)

    def choose_shape() -> None:
        runner = environment.runner
        is_idle = runner is not None and runner.state not in (STATE_SPAWNING, STATE_RUNNING)
        # The class picker has a list of shapes itself.
        if request.path.endswith("/swarm") and is_idle and not web.userclass_picker_is_active:
            _play(environment, request.form.get("shape", options.shape))

    def into_report(response: Response) -> Response:
        if request.path.endswith("/stats/report") and response.status_code == 200:
            whole = response.get_data(as_text=True)
            response.set_data(figures.into_page(whole, figures.charts(_MOMENTS)))
        return response

    web.app.add_url_rule("/frontrow", view_func=page)
    web.app.before_request(choose_shape)
    web.app.after_request(into_report)


events.init_command_line_parser.add_listener(_add_options)
events.init.add_listener(_begin)
events.test_start.add_listener(_start)
events.test_stopping.add_listener(_finish_workers)
events.quitting.add_listener(_finish_report)

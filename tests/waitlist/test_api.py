"""The waitlist over HTTP: joining, offers, and the organiser's side."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from engine.base.cells import safe_cell
from engine.base.model import new_id
from tests.conftest import House, MakeHouse, small_house
from tests.support.http import ORGANISER, Buyer, Json, named, new_buyer, problem_of, seats_of

pytestmark = pytest.mark.contract

FRONT = {"quantity": 1, "categories": ["Front"]}
ADDRESS = {"buyer": {"email": "ada@example.com", "name": "Ada Lovelace"}}


@dataclass(frozen=True)
class Gone:
    """An event with four front seats, all held by ``owner``; the floor is free."""

    event_id: str
    owner: Buyer
    hold_ids: list[str]

    @property
    def path(self) -> str:
        return f"/v1/events/{self.event_id}/waitlist"

    async def join(self, person: Buyer, body: Json | None = None, **headers: str) -> httpx.Response:
        return await person.http.post(
            self.path, json=FRONT if body is None else body, headers=person.auth | named(headers)
        )

    async def stand(self, person: Buyer, **wanted: Any) -> Json:
        """Join, which must succeed. Returns the entry."""
        response = await self.join(person, FRONT | wanted)
        assert response.status_code == 201, response.text
        entry: Json = response.json()
        return entry

    async def free(self, seat_no: int) -> None:
        response = await self.owner.delete(f"/v1/holds/{self.hold_ids[seat_no]}")
        assert response.status_code == 204, response.text

    async def organiser(self, method: str, part: str = "", **request: Any) -> httpx.Response:
        headers = ORGANISER | named(request.pop("headers", {}))
        return await self.owner.http.request(method, self.path + part, headers=headers, **request)

    async def all(self, part: str, limit: int, **params: str) -> list[Json]:
        """Every item of an organiser's list, page by page."""
        items: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            query: Any = {"limit": limit, **params, **cursor}
            response = await self.organiser("GET", part, params=query)
            assert response.status_code == 200, response.text
            page = response.json()
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}


async def until(person: Buyer, entry: Json, status: str) -> Json:
    """The entry once it has this status."""
    async with asyncio.timeout(60):
        while True:
            response = await person.get(f"/v1/waitlist/{entry['entry_id']}")
            found: Json = response.json()
            if found["status"] == status:
                return found
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def gone(make_house: MakeHouse, http: httpx.AsyncClient) -> AsyncIterator[Gone]:
    house = await make_house(layout=small_house(rows=1, seats_per_row=4))
    owner = await new_buyer(http)
    held = [await owner.hold(house.event_id, seat_no) for seat_no in range(4)]
    yield Gone(house.event_id, owner, [response.json()["hold_id"] for response in held])


# Joining


async def test_joining_is_refused_while_matching_seats_are_on_sale(
    house: House, ada: Buyer
) -> None:
    path = f"/v1/events/{house.event_id}/waitlist"
    response = await ada.http.post(path, json=FRONT | {"quantity": 3}, headers=ada.auth)
    problem = problem_of(response, 409, "still-on-sale")
    assert problem["url"].endswith(f"/events/{house.event_id}")
    assert len(problem["seats"]) == 3
    assert (await ada.hold(house.event_id, *problem["seats"])).status_code == 201
    standing = {"quantity": 3, "sections": ["Floor"]}
    response = await ada.http.post(path, json=standing, headers=ada.auth)
    assert problem_of(response, 409, "still-on-sale")["areas"] == [0]
    assert (await ada.get("/v1/waitlist")).json()["items"] == []


async def test_joining_gives_an_entry_with_its_rank(gone: Gone, ada: Buyer, bob: Buyer) -> None:
    wanted = {"quantity": 2, "together": False, "categories": ["Front"], "sections": ["Stalls"]}
    response = await gone.join(ada, wanted | {"max_price": 5000, "contact": ADDRESS})
    assert response.status_code == 201, response.text
    entry = response.json()
    assert response.headers["location"] == f"/v1/waitlist/{entry['entry_id']}"
    assert response.headers["etag"] == f'"{entry["version"]}"'
    assert (entry["status"], entry["rank"], entry["waiting"]) == ("waiting", 1, 1)
    price = {"amount": 5000, "currency": "EUR"}
    assert entry["wanted"] == wanted | {"max_price": price}
    assert entry["contact"] == ADDRESS | {"language": "en"}
    assert entry["offer"] is None

    again = await gone.join(ada, wanted | {"max_price": price, "contact": ADDRESS})
    assert (again.status_code, again.json()["entry_id"]) == (200, entry["entry_id"])
    other = problem_of(await gone.join(ada), 409, "already-waiting")
    assert other["entry_id"] == entry["entry_id"]

    second = await gone.stand(bob)
    assert (second["rank"], second["waiting"]) == (2, 2)
    read = await ada.get(f"/v1/waitlist/{entry['entry_id']}")
    assert read.headers["etag"] == response.headers["etag"]
    assert read.json() == entry | {"waiting": 2, "estimate": read.json()["estimate"]}


async def test_a_key_joins_the_waitlist_once(gone: Gone, ada: Buyer, key: str) -> None:
    first = await gone.join(ada, idempotency_key=key)
    again = await gone.join(ada, idempotency_key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    for name in ("etag", "location"):
        assert again.headers[name] == first.headers[name]
    other = await gone.join(ada, FRONT | {"quantity": 2}, idempotency_key=key)
    problem_of(other, 422, "idempotency-key-reused")


async def test_simultaneous_joins_of_one_person_make_one_entry(gone: Gone, ada: Buyer) -> None:
    answers = await asyncio.gather(*(gone.join(ada) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.json()["entry_id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"quantity": 0}, 400, "invalid-request"),
        ({"quantity": 101}, 400, "invalid-request"),
        ({"quantity": "2"}, 400, "invalid-request"),
        ({"quantity": None}, 400, "invalid-request"),
        ({"quantity": 11}, 409, "limit-reached"),
        ({"together": 1}, 400, "invalid-request"),
        ({"categories": ["Balcony"]}, 400, "no-such-category"),
        ({"categories": ["front"]}, 400, "no-such-category"),
        ({"categories": "Front"}, 400, "invalid-request"),
        ({"sections": ["Balcony"]}, 400, "no-such-section"),
        ({"sections": ["\x00"]}, 400, "no-such-section"),
        ({"sections": ["x" * 201]}, 400, "invalid-request"),
        ({"max_price": -1}, 400, "invalid-request"),
        ({"max_price": 2**63}, 400, "invalid-request"),
        ({"max_price": 10**40}, 400, "invalid-request"),
        ({"max_price": 1.5}, 400, "invalid-request"),
        ({"max_price": {"amount": -1, "currency": "EUR"}}, 400, "invalid-request"),
        ({"max_price": {"amount": 2**63, "currency": "EUR"}}, 400, "invalid-request"),
        ({"max_price": {"amount": 5000, "currency": "USD"}}, 400, "invalid-request"),
        ({"contact": {"buyer": {"email": "ada", "name": "Ada"}}}, 400, "invalid-request"),
        ({"contact": {"buyer": {"email": "a@-b.example", "name": "A"}}}, 400, "invalid-request"),
        ({"contact": {"buyer": {"email": "a@b.example", "name": "\x00"}}}, 400, "invalid-request"),
        ({"contact": {"language": "English"}}, 400, "invalid-request"),
        ({"contact": None}, 400, "invalid-request"),
        ({"tier": "vip"}, 400, "invalid-request"),
    ],
    ids=str,
)
async def test_an_invalid_wish_is_refused(
    gone: Gone, ada: Buyer, change: Json, status: int, code: str
) -> None:
    problem_of(await gone.join(ada, FRONT | change), status, code)
    assert (await ada.get("/v1/waitlist")).json()["items"] == []
    entry = await gone.stand(ada)
    path = f"/v1/waitlist/{entry['entry_id']}"
    if "tier" not in change and change != {"quantity": None}:
        patched = await ada.http.patch(path, json=change, headers=ada.auth | {"If-Match": '"1"'})
        problem_of(patched, status, code)
    assert (await ada.get(path)).json()["version"] == 1


async def test_equivalent_wishes_are_the_same_entry(gone: Gone, ada: Buyer) -> None:
    wanted = {"quantity": 1, "categories": ["Back", "Front", "Front"], "max_price": 100}
    entry = (await gone.join(ada, wanted)).json()
    same = {"quantity": 1, "categories": ["Front", "Back"], "max_price": 100}
    again = await gone.join(ada, same)
    assert (again.status_code, again.json()["entry_id"]) == (200, entry["entry_id"])


async def test_an_entry_is_changed_under_its_etag(gone: Gone, ada: Buyer, bob: Buyer) -> None:
    entry = await gone.stand(ada)
    await gone.stand(bob)
    path = f"/v1/waitlist/{entry['entry_id']}"

    async def patch(body: Json, **headers: str) -> httpx.Response:
        return await ada.http.patch(path, json=body, headers=ada.auth | named(headers))

    problem_of(await patch({"quantity": 2}), 428, "precondition-required")
    changed = await patch({"quantity": 2, "max_price": 6000, "contact": ADDRESS}, if_match='"1"')
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"2"'
    assert changed.json()["wanted"]["quantity"] == 2
    assert changed.json()["wanted"]["categories"] == ["Front"]
    assert changed.json()["contact"]["buyer"] == ADDRESS["buyer"]
    assert changed.json()["rank"] == 1
    problem = problem_of(await patch({"quantity": 3}, if_match='"1"'), 412, "precondition-failed")
    assert problem["current_version"] == 2
    anywhere: Json = {"categories": [], "max_price": None}
    problem_of(await patch(anywhere, if_match='"2"'), 409, "still-on-sale")
    free = await patch({"max_price": None}, if_match='"2"')
    assert free.json()["wanted"]["max_price"] is None
    assert free.json()["wanted"]["quantity"] == 2


async def test_a_person_can_leave_and_join_again_at_the_end(
    gone: Gone, ada: Buyer, bob: Buyer
) -> None:
    entry = await gone.stand(ada)
    behind = await gone.stand(bob)
    path = f"/v1/waitlist/{entry['entry_id']}"
    for _ in range(2):
        assert (await ada.delete(path)).status_code == 204
    left = (await ada.get(path)).json()
    assert (left["status"], left["rank"]) == ("left", None)
    assert (await bob.get(f"/v1/waitlist/{behind['entry_id']}")).json()["rank"] == 1
    problem = await ada.http.patch(
        path, json={"quantity": 2}, headers=ada.auth | {"If-Match": f'"{left["version"]}"'}
    )
    problem_of(problem, 409, "entry-ended")
    again = await gone.stand(ada)
    assert again["entry_id"] != entry["entry_id"]
    assert again["rank"] == 2


async def test_a_persons_entries_are_listed_latest_first(
    gone: Gone, make_house: MakeHouse, ada: Buyer, bob: Buyer
) -> None:
    made = []
    for _ in range(3):
        made.append((await gone.stand(ada))["entry_id"])
        await ada.delete(f"/v1/waitlist/{made[-1]}")
    house = await make_house(layout=small_house(rows=1, seats_per_row=1))
    await bob.hold(house.event_id, 0)
    elsewhere = Gone(house.event_id, bob, [])
    made.append((await elsewhere.stand(ada))["entry_id"])
    await gone.stand(bob)
    found: list[Json] = []
    page: Json = {"next_cursor": None}
    while not found or page["next_cursor"]:
        cursor = {"cursor": page["next_cursor"]} if found else {}
        page = (await ada.get("/v1/waitlist", limit=2, **cursor)).json()
        found += page["items"]
    assert [entry["entry_id"] for entry in found] == made[::-1]
    here = (await ada.get("/v1/waitlist", event_id=house.event_id)).json()
    assert [entry["entry_id"] for entry in here["items"]] == [made[-1]]
    assert (await ada.get("/v1/waitlist", event_id=new_id())).json()["items"] == []


async def test_another_persons_entry_is_404(gone: Gone, ada: Buyer, bob: Buyer) -> None:
    path = f"/v1/waitlist/{(await gone.stand(ada))['entry_id']}"
    problem_of(await bob.get(path), 404, "entry-not-found")
    problem_of(await bob.delete(path), 404, "entry-not-found")
    stranger = bob.auth | {"If-Match": '"1"'}
    problem_of(
        await bob.http.patch(path, json={"quantity": 2}, headers=stranger), 404, "entry-not-found"
    )
    assert (await ada.get(path)).json()["status"] == "waiting"
    for method in ("GET", "DELETE", "PATCH"):
        problem_of(await bob.http.request(method, path, json={}), 401, "not-authenticated")


async def test_unknown_entries_and_offers_are_404(gone: Gone, ada: Buyer) -> None:
    nobody = new_id()
    problem_of(await ada.get(f"/v1/waitlist/{nobody}"), 404, "entry-not-found")
    problem_of(await ada.delete(f"/v1/waitlist/{nobody}"), 404, "entry-not-found")
    for command in ("accept", "decline"):
        problem_of(await ada.post(f"/v1/offers/{nobody}/{command}"), 404, "offer-not-found")
    problem_of(await ada.get(f"/v1/offers/{nobody}"), 404, "offer-not-found")
    problem_of(
        await ada.http.post(f"/v1/events/{nobody}/waitlist", json=FRONT, headers=ada.auth),
        404,
        "event-not-found",
    )
    for cursor in ("nonsense", "IjEi", "bnVsbA"):
        problem_of(await ada.get("/v1/waitlist", cursor=cursor), 400, "invalid-request")
    because = {"reason": "x"}
    withdrawn = await ada.http.post(
        f"/v1/offers/{nobody}/withdraw", json=because, headers=ORGANISER
    )
    problem_of(withdrawn, 404, "offer-not-found")
    promoted = await gone.organiser("POST", f"/entries/{nobody}/promote", json=because)
    problem_of(promoted, 404, "entry-not-found")


# Offers


async def test_an_offer_is_accepted_and_booked(gone: Gone, ada: Buyer, bob: Buyer) -> None:
    entry = await gone.stand(ada, max_price=5000)
    await gone.free(2)
    offered = await until(ada, entry, "offered")
    offer = offered["offer"]
    assert offered["rank"] is None
    assert offer["status"] == "open"
    assert [seat["seat_no"] for seat in offer["seats"]] == [2]
    assert offer["total"] == {"amount": 5000, "currency": "EUR"}
    path = f"/v1/offers/{offer['offer_id']}"
    assert (await ada.get(path)).json() == offer
    # Kept: nobody can buy it past the waitlist.
    problem_of(await bob.hold(gone.event_id, 2), 409, "seat-unavailable")
    assert (await seats_of(bob.http, gone.event_id))["states"] == "1111"
    problem_of(await bob.get(path), 404, "offer-not-found")
    for command in ("accept", "decline"):
        problem_of(await bob.post(f"{path}/{command}"), 404, "offer-not-found")
    problem_of(await ada.book(offer["offer_id"]), 409, "offer-not-accepted")

    accepted = await ada.post(path + "/accept")
    assert accepted.status_code == 200, accepted.text
    hold = accepted.json()
    assert (hold["hold_id"], hold["status"]) == (offer["offer_id"], "held")
    assert hold["seats"] == offer["seats"]
    assert hold["total"] == offer["total"]
    assert (await ada.post(path + "/accept")).json() == hold
    assert (await ada.get(f"/v1/holds/{hold['hold_id']}")).json() == hold
    assert (await ada.get(path)).json()["status"] == "used"
    assert (await until(ada, entry, "accepted"))["offer"]["status"] == "used"
    ended = problem_of(await ada.post(path + "/decline"), 410, "offer-ended")
    assert ended["offer_status"] == "used"
    booked = await ada.book(hold["hold_id"])
    assert booked.status_code == 201, booked.text
    assert booked.json()["total"] == offer["total"]


async def test_a_key_accepts_an_offer_once(gone: Gone, ada: Buyer, key: str) -> None:
    entry = await gone.stand(ada)
    await gone.free(0)
    offer_id = (await until(ada, entry, "offered"))["offer"]["offer_id"]
    path = f"/v1/offers/{offer_id}"
    first = await ada.post(path + "/accept", idempotency_key=key)
    assert first.status_code == 200, first.text
    await ada.delete(f"/v1/holds/{offer_id}")
    again = await ada.post(path + "/accept", idempotency_key=key)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    problem_of(
        await ada.post(path + "/decline", idempotency_key=key), 422, "idempotency-key-reused"
    )


async def test_declined_seats_go_to_the_next_entry(gone: Gone, ada: Buyer, bob: Buyer) -> None:
    first, second = await gone.stand(ada), await gone.stand(bob)
    await gone.free(1)
    offer = (await until(ada, first, "offered"))["offer"]
    path = f"/v1/offers/{offer['offer_id']}"
    declined = await ada.post(path + "/decline")
    assert (declined.status_code, declined.json()["status"]) == (200, "declined")
    assert declined.json()["ended_at"] is not None
    assert (await ada.post(path + "/decline")).json() == declined.json()
    ended = problem_of(await ada.post(path + "/accept"), 410, "offer-ended")
    assert ended["offer_status"] == "declined"
    assert (await until(ada, first, "declined"))["rank"] is None
    theirs = (await until(bob, second, "offered"))["offer"]
    assert theirs["seats"] == offer["seats"]
    # Leaving with an open offer declines it; nobody else waits, so the seat is on sale.
    assert (await bob.delete(f"/v1/waitlist/{second['entry_id']}")).status_code == 204
    assert (await bob.get(f"/v1/offers/{theirs['offer_id']}")).json()["status"] == "declined"
    async with asyncio.timeout(60):
        while (await seats_of(bob.http, gone.event_id))["states"][1] != "0":
            await asyncio.sleep(0.02)


async def test_an_unanswered_offer_lapses_and_goes_to_the_next_entry(
    gone: Gone, ada: Buyer, bob: Buyer
) -> None:
    version = (await gone.organiser("GET")).headers["etag"]
    terms = await gone.organiser("PATCH", json={"offer_window_s": 2}, headers={"if_match": version})
    assert terms.status_code == 200, terms.text
    first, second = await gone.stand(ada), await gone.stand(bob)
    await gone.free(3)
    # Read once the offers have ended, because a busy machine may read late.
    offer = (await until(ada, first, "lapsed"))["offer"]
    assert offer["status"] == "expired"
    for command in ("accept", "decline"):
        response = await ada.post(f"/v1/offers/{offer['offer_id']}/{command}")
        assert problem_of(response, 410, "offer-ended")["offer_status"] == "expired"
    theirs = (await until(bob, second, "lapsed"))["offer"]
    assert [seat["seat_no"] for seat in theirs["seats"]] == [3]


# The organiser's side


async def test_only_the_organiser_may_manage_the_waitlist(gone: Gone, ada: Buyer) -> None:
    entry = await gone.stand(ada)
    because = {"reason": "x"}
    requests: list[tuple[str, str, Json | None]] = [
        ("GET", "", None),
        ("PATCH", "", {"closed": True}),
        *(("GET", part, None) for part in ("/entries", "/offers", "/skips", "/export")),
        ("POST", f"/entries/{entry['entry_id']}/promote", because),
        ("POST", "/dismiss", because),
    ]
    for method, part, body in requests:
        for headers, status, code in (
            (ada.auth, 403, "not-allowed"),
            ({}, 401, "not-authenticated"),
        ):
            response = await ada.http.request(method, gone.path + part, json=body, headers=headers)
            problem_of(response, status, code)
    response = await ada.http.post(
        f"/v1/offers/{new_id()}/withdraw", json=because, headers=ada.auth
    )
    problem_of(response, 403, "not-allowed")
    assert (await ada.get(f"/v1/waitlist/{entry['entry_id']}")).json()["version"] == 1


async def test_the_organiser_reads_the_summary_and_changes_the_terms(
    gone: Gone, ada: Buyer, bob: Buyer
) -> None:
    empty = await gone.organiser("GET")
    assert (empty.status_code, empty.headers["etag"]) == (200, '"1"')
    assert (empty.json()["waiting"], empty.json()["offer_window_s"]) == (0, 900)
    await gone.stand(ada, quantity=3)
    full = await gone.organiser("GET")
    assert full.headers["etag"] == empty.headers["etag"]
    assert (full.json()["waiting"], full.json()["places_wanted"]) == (1, 3)
    assert full.json()["by_status"]["waiting"] == 1

    problem_of(await gone.organiser("PATCH", json={}), 428, "precondition-required")
    closed = await gone.organiser("PATCH", json={"closed": True}, headers={"if_match": '"1"'})
    assert (closed.status_code, closed.headers["etag"]) == (200, '"2"')
    assert closed.json()["closed"] is True
    stale = await gone.organiser("PATCH", json={"closed": False}, headers={"if_match": '"1"'})
    assert problem_of(stale, 412, "precondition-failed")["current_version"] == 2
    problem_of(await gone.join(bob), 409, "waitlist-closed")
    # A waiting person stays in the waitlist; joining again returns the entry.
    assert (await gone.join(ada, FRONT | {"quantity": 3})).status_code == 200
    opened = await gone.organiser("PATCH", json={"closed": False}, headers={"if_match": '"2"'})
    assert opened.json()["closed"] is False
    await gone.stand(bob)


@pytest.mark.parametrize(
    "body",
    [
        {"offer_window_s": 0},
        {"offer_window_s": 10**9},
        {"offer_window_s": None},
        {"closed": "yes"},
        {"closed": None},
        {"weight": 1},
        [],
    ],
    ids=str,
)
async def test_invalid_terms_are_refused(gone: Gone, body: Any) -> None:
    response = await gone.organiser("PATCH", json=body, headers={"if_match": '"1"'})
    problem_of(response, 400, "invalid-request")
    assert (await gone.organiser("GET")).headers["etag"] == '"1"'


async def test_entries_are_listed_in_order_and_one_is_promoted(
    gone: Gone, http: httpx.AsyncClient
) -> None:
    people = [await new_buyer(http) for _ in range(5)]
    entries = [(await gone.stand(person, contact=ADDRESS))["entry_id"] for person in people]
    for limit in (1, 2, 5):
        listed = await gone.all("/entries", limit, status="waiting")
        assert [(entry["entry_id"], entry["rank"]) for entry in listed] == [
            (entry_id, rank) for rank, entry_id in enumerate(entries, 1)
        ]
    assert listed[0]["email"] == "ada@example.com"
    await people[1].delete(f"/v1/waitlist/{entries[1]}")
    assert [e["entry_id"] for e in await gone.all("/entries", 2)] == entries[::-1]
    assert [e["entry_id"] for e in await gone.all("/entries", 2, status="left")] == [entries[1]]

    path = f"/entries/{entries[3]}/promote"
    moved = await gone.organiser("POST", path, json={"reason": "A seat broke."})
    assert moved.status_code == 200, moved.text
    assert (moved.json()["rank"], moved.json()["promoted"]) == (1, "A seat broke.")
    own = (await people[3].get(f"/v1/waitlist/{entries[3]}")).json()
    assert (own["rank"], own["version"]) == (1, moved.json()["version"])
    assert (await people[0].get(f"/v1/waitlist/{entries[0]}")).json()["rank"] == 2
    await gone.free(0)
    await until(people[3], own, "offered")
    refused = await gone.organiser("POST", path, json={"reason": "Again."})
    problem_of(refused, 409, "entry-not-waiting")
    for reason in ("", "x" * 501, "nul\x00", None, 7):
        refused = await gone.organiser("POST", path, json={"reason": reason})
        problem_of(refused, 400, "invalid-request")
    refused = await gone.organiser("POST", path)
    problem_of(refused, 400, "invalid-request")


@pytest.mark.parametrize("part", ["/entries", "/entries?status=waiting", "/offers", "/skips"])
@pytest.mark.parametrize(
    "cursor", ["nonsense", "WzEsMl0", "WzAsOTIyMzM3MjAzNjg1NDc3NTgwOF0", "IjEi"]
)
async def test_an_invalid_cursor_is_refused_or_finds_nothing(
    gone: Gone, part: str, cursor: str
) -> None:
    path, _, query = part.partition("?")
    params = dict([query.split("=")]) if query else {}
    response = await gone.organiser("GET", path, params=params | {"cursor": cursor})
    if response.status_code != 200:
        problem_of(response, 400, "invalid-request")
    else:
        # A cursor of another list may be a valid position in this one too.
        assert response.json()["items"] == []


async def test_an_unknown_status_is_refused(gone: Gone) -> None:
    response = await gone.organiser("GET", "/entries", params={"status": "hoping"})
    problem_of(response, 400, "invalid-request")


async def test_offers_and_skips_are_listed_for_the_organiser(
    gone: Gone, ada: Buyer, bob: Buyer, http: httpx.AsyncClient
) -> None:
    """A party of three is ahead; two seats are returned one by one and go to the entries behind it."""
    party = await gone.stand(ada, quantity=3)
    others = [bob, await new_buyer(http)]
    entries = [await gone.stand(person) for person in others]
    made = []
    for seat_no, person, entry in zip((0, 2), others, entries, strict=True):
        await gone.free(seat_no)
        made.append((await until(person, entry, "offered"))["offer"])
    for limit in (1, 2, 5):
        assert await gone.all("/offers", limit) == made[::-1]
        skips = await gone.all("/skips", limit)
        assert [skip["entry_id"] for skip in skips] == [party["entry_id"]] * 2
    assert skips[0]["round_no"] > skips[1]["round_no"]
    assert skips[0]["wanted"]["quantity"] == 3
    assert skips[0]["passed"] == 1
    assert skips[0]["reason"]
    assert skips[0]["detail"]
    (waiting,) = await gone.all("/entries", 5, status="waiting")
    assert (waiting["entry_id"], waiting["skipped"]) == (party["entry_id"], 2)
    summary = (await gone.organiser("GET")).json()
    assert summary["offers"]["open"] == summary["by_status"]["offered"] == 2


async def test_a_withdrawn_offer_returns_the_entry_to_its_position(gone: Gone, ada: Buyer) -> None:
    entry = await gone.stand(ada)
    await gone.free(0)
    offer = (await until(ada, entry, "offered"))["offer"]
    path = f"/v1/offers/{offer['offer_id']}/withdraw"
    because = {"reason": "A camera stands there."}
    # So that the seat is not offered again at once: a paused event has no rounds.
    paused = await ada.http.post(f"/v1/events/{gone.event_id}/pause", headers=ORGANISER)
    assert paused.status_code == 200
    withdrawn = await ada.http.post(path, json=because, headers=ORGANISER)
    assert withdrawn.status_code == 200, withdrawn.text
    assert (withdrawn.json()["status"], withdrawn.json()["reason"]) == (
        "withdrawn",
        because["reason"],
    )
    own = (await ada.get(f"/v1/waitlist/{entry['entry_id']}")).json()
    assert (own["status"], own["rank"]) == ("waiting", 1)
    refused = problem_of(
        await ada.post(f"/v1/offers/{offer['offer_id']}/accept"), 410, "offer-ended"
    )
    assert refused["offer_status"] == "withdrawn"
    await ada.http.post(f"/v1/events/{gone.event_id}/resume", headers=ORGANISER)
    again = (await until(ada, entry, "offered"))["offer"]
    assert again["offer_id"] != offer["offer_id"]
    await ada.post(f"/v1/offers/{again['offer_id']}/accept")
    late = await ada.http.post(
        f"/v1/offers/{again['offer_id']}/withdraw", json=because, headers=ORGANISER
    )
    problem_of(late, 410, "offer-ended")


async def test_dismissing_the_waitlist_ends_its_offers_too(
    gone: Gone, ada: Buyer, http: httpx.AsyncClient
) -> None:
    people = [ada, *[await new_buyer(http) for _ in range(4)]]
    entries = [await gone.stand(person) for person in people]
    for seat_no in range(2):
        await gone.free(seat_no)
    for person, entry in zip(people[:2], entries[:2], strict=True):
        await until(person, entry, "offered")
    because = {"reason": "The seats go to the school's choir."}
    ended = await gone.organiser("POST", "/dismiss", json=because)
    assert ended.status_code == 200, ended.text
    assert (ended.json()["closed"], ended.json()["waiting"]) == (True, 0)
    assert ended.json()["by_status"]["dismissed"] == 5
    assert ended.json()["offers"]["open"] == 0
    for person, entry in zip(people, entries, strict=True):
        found = (await person.get(f"/v1/waitlist/{entry['entry_id']}")).json()
        assert (found["status"], found["rank"]) == ("dismissed", None)
    again = await gone.organiser("POST", "/dismiss", json=because)
    assert (again.status_code, again.json()) == (200, ended.json())
    four = FRONT | {"quantity": 4}
    problem_of(await gone.join(await new_buyer(http), four), 409, "waitlist-closed")
    # The kept seats are on sale.
    async with asyncio.timeout(60):
        while (await seats_of(http, gone.event_id))["states"] != "0011":
            await asyncio.sleep(0.02)


async def table_of(gone: Gone) -> tuple[httpx.Response, list[dict[str, str]]]:
    response = await gone.organiser("GET", "/export")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    assert f'filename="waitlist-{gone.event_id}.csv"' in response.headers["content-disposition"]
    assert response.headers["content-disposition"].startswith("attachment;")
    assert int(response.headers["content-length"]) == len(response.content)
    text = response.content.decode()
    assert text.count("\r\n") == text.count("\n")
    return response, list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_waitlist_is_listed_for_the_organiser(
    gone: Gone, ada: Buyer, bob: Buyer, http: httpx.AsyncClient
) -> None:
    _, nobody = await table_of(gone)
    assert nobody == []
    name = '=HYPERLINK("http://example.com","Ünsal, ""Ada""")'
    first = await gone.stand(bob)
    second = await gone.stand(
        ada,
        quantity=2,
        max_price=4200,
        contact={"buyer": {"email": "-1+1@example.com", "name": name}},
    )
    await bob.delete(f"/v1/waitlist/{first['entry_id']}")
    _, rows = await table_of(gone)
    assert [row["entry_id"] for row in rows] == [second["entry_id"], first["entry_id"]]
    assert rows[0] == {
        "rank": "1",
        "status": "waiting",
        "name": "'" + name,
        "email": "'-1+1@example.com",
        "tier": "regular",
        "weight": "0",
        "join_no": rows[0]["join_no"],
        "promoted": "",
        "quantity": "2",
        "together": "yes",
        "categories": "Front",
        "sections": "",
        "max_amount_minor": "4200",
        "currency": "EUR",
        "skipped": "0",
        "joined_at": rows[0]["joined_at"],
        "entry_id": second["entry_id"],
        "person_id": rows[0]["person_id"],
    }
    assert (rows[1]["rank"], rows[1]["status"], rows[1]["email"]) == ("", "left", "")
    missing = await http.get(f"/v1/events/{new_id()}/waitlist/export", headers=ORGANISER)
    problem_of(missing, 404, "event-not-found")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Ada", "Ada"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+49 361", "'+49 361"),
        ("-Ada", "'-Ada"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1+1", "'＝1+1"),
        ("Ada;=1+1", "Ada;'=1+1"),
        ("Ada-Lovelace = x@y", "Ada-Lovelace = x@y"),
    ],
    ids=repr,
)
def test_no_exported_cell_is_a_formula(text: str, written: str) -> None:
    assert safe_cell(text) == written

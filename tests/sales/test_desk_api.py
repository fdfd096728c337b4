"""The organiser's desk over HTTP: find what was sold, correct, cancel, list who comes."""

import csv
import io

import httpx
import pytest

from tests.conftest import House
from tests.support.http import ORGANISER, Buyer, Json, problem_of

pytestmark = pytest.mark.contract


async def bought(buyer: Buyer, house: House, *seats: int, floor: int = 0, **who: str) -> Json:
    held = (await buyer.hold(house.event_id, *seats, floor=floor)).json()
    whom = {"email": "ada@example.com", "name": "Ada Lovelace"} | who
    response = await buyer.book(held["hold_id"], buyer=whom)
    assert response.status_code == 201, response.text
    booking: Json = response.json()
    return booking


async def found(http: httpx.AsyncClient, house: House, **params: str) -> list[str]:
    response = await http.get(
        f"/v1/events/{house.event_id}/bookings", params=params, headers=ORGANISER
    )
    assert response.status_code == 200, response.text
    return [booking["booking_id"] for booking in response.json()["items"]]


@pytest.fixture
def path(house: House) -> str:
    return f"/v1/events/{house.event_id}"


async def test_staff_find_a_booking_by_what_people_tell_them(
    http: httpx.AsyncClient, house: House, ada: Buyer, bob: Buyer
) -> None:
    his = await bought(bob, house, 3, name="Søren O’Brien_50%", email="Soren@example.org")
    hers = await bought(ada, house, 17, 18, floor=1, name="Zoë Müller", email="zoe@bücher.example")
    both = [hers["booking_id"], his["booking_id"]]
    assert await found(http, house) == both
    reference = hers["reference"]
    spoken = f" {reference[:5].lower()}-{reference[5:]} ".replace("0", "o").replace("1", "l")
    expected = {
        "zoe": both[:1],
        "ZOË MULLER": both[:1],
        "Mu\u0308ller": both[:1],
        "müller zo": both[:1],
        "o'brien": both[1:],
        "soren": both[1:],
        "50%": both[1:],
        "_": both[1:],
        "%": both[1:],
        "soren@EXAMPLE.org": both[1:],
        "zoe@xn--bcher-kva.example": both[:1],
        "@bücher": both[:1],
        "en@example.org": both[1:],
        "soren@example.or": both[1:],
        spoken: both[:1],
        reference[2:7]: both[:1],
        "soren muller": [],
        "brien.50": [],
        "": both,
        "  ": both,
    }
    assert {q: await found(http, house, q=q) for q in expected} == expected


async def test_bookings_are_found_by_seat_state_and_page(
    http: httpx.AsyncClient, house: House, path: str, ada: Buyer, bob: Buyer
) -> None:
    first = (await bought(bob, house, 17))["booking_id"]
    cancelled = await http.post(f"/v1/bookings/{first}/cancel", headers=ORGANISER)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["refunded"] == cancelled.json()["total"]
    second = (await bought(ada, house, 17, 18))["booking_id"]
    third = (await bought(ada, house, 5))["booking_id"]
    assert await found(http, house, seat="17") == [second, first]
    assert await found(http, house, seat="R2 8") == [second, first]
    assert await found(http, house, seat="stalls, ROW R2, seat 8", status="confirmed") == [second]
    assert await found(http, house, seat="17", q="ada@example.com") == [second, first]
    assert await found(http, house, seat="17", q="lovelace", status="cancelled") == [first]
    assert await found(http, house, status="cancelled") == [first]
    for seat in ("R99 8", "99999", "", "²"):
        refused = await http.get(f"{path}/bookings", params={"seat": seat}, headers=ORGANISER)
        problem_of(refused, 400, "invalid-request")

    searches: list[dict[str, str]] = [{}, {"q": "ada@example.com"}, {"q": "lovelace"}]
    for params in searches:
        seen, cursor = [], None
        while True:
            page = (
                await http.get(
                    f"{path}/bookings",
                    params={**params, "limit": "1", **({"cursor": cursor} if cursor else {})},
                    headers=ORGANISER,
                )
            ).json()
            seen += [booking["booking_id"] for booking in page["items"]]
            if not (cursor := page["next_cursor"]):
                break
        assert seen == [third, second, first]


async def test_one_booking_is_read_by_id_and_reference_within_its_event(
    http: httpx.AsyncClient, house: House, path: str, ada: Buyer
) -> None:
    booking = await bought(ada, house, 3)
    for name in (booking["booking_id"], booking["reference"], booking["reference"].lower()):
        read = await http.get(f"{path}/bookings/{name}", headers=ORGANISER)
        assert read.json() == booking
        assert read.headers["etag"] == f'"{booking["version"]}"'
    by_id = f"/v1/bookings/{booking['booking_id']}"
    assert (await http.get(by_id, headers=ORGANISER)).json() == booking
    tickets = await http.get(f"{by_id}/tickets", headers=ORGANISER)
    assert [ticket["seat_no"] for ticket in tickets.json()["items"]] == [3]
    elsewhere = path.replace(house.event_id, booking["booking_id"])
    for other in (
        f"{path}/bookings/0123456789",
        f"{path}/bookings/nonsense",
        f"{elsewhere}/bookings/{booking['booking_id']}",
    ):
        problem_of(await http.get(other, headers=ORGANISER), 404, "booking-not-found")
    problem_of(await http.get(f"{elsewhere}/bookings", headers=ORGANISER), 404, "event-not-found")
    problem_of(await http.get(f"{elsewhere}/attendees", headers=ORGANISER), 404, "event-not-found")


async def test_attendees_are_one_row_for_each_place(
    http: httpx.AsyncClient, house: House, path: str, ada: Buyer, bob: Buyer
) -> None:
    hers = await bought(ada, house, 17, floor=2, name='=HYPERLINK("x")', email="ada@example.com")
    his = await bought(bob, house, 3, name="Bob", email="bob@example.com")
    items, cursor = [], None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await http.get(f"{path}/attendees", params=params, headers=ORGANISER)).json()
        items += page["items"]
        if not (cursor := page["next_cursor"]):
            break
    assert [(i["reference"], i["seat"], i["area"], i["place_no"]) for i in items] == [
        (hers["reference"], "Stalls, row R2, seat 8", None, 1),
        (hers["reference"], None, "Floor", 1),
        (hers["reference"], None, "Floor", 2),
        (his["reference"], "Stalls, row R1, seat 4", None, 1),
    ]
    assert items[0] | {"ordered_at": None} == {
        "booking_id": hers["booking_id"],
        "reference": hers["reference"],
        "status": "confirmed",
        "name": '=HYPERLINK("x")',
        "email": "ada@example.com",
        "seat": "Stalls, row R2, seat 8",
        "seat_no": 17,
        "area": None,
        "area_no": None,
        "category": "Front",
        "price": {"amount": 5000, "currency": "EUR"},
        "ordered_at": None,
        "item_no": items[0]["item_no"],
        "place_no": 1,
    }

    table = await http.get(f"{path}/attendees", headers=ORGANISER | {"Accept": "text/csv"})
    assert table.status_code == 200
    kind = table.headers["content-type"].lower()
    assert kind.startswith("text/csv")
    assert kind.count("charset") == 1
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [row["seat"] or row["area"] for row in rows] == [i["seat"] or i["area"] for i in items]
    assert rows[0]["name"] == '\'=HYPERLINK("x")'
    assert (rows[1]["price_minor"], rows[1]["currency"]) == ("3000", "EUR")


async def test_a_cancelled_booking_attends_only_where_it_is_asked_for(
    http: httpx.AsyncClient, house: House, path: str, ada: Buyer
) -> None:
    booking = await bought(ada, house, 3)
    await http.post(f"/v1/bookings/{booking['booking_id']}/cancel", headers=ORGANISER)

    async def states(**params: str) -> list[str]:
        response = await http.get(f"{path}/attendees", params=params, headers=ORGANISER)
        return [item["status"] for item in response.json()["items"]]

    assert await states() == []
    assert await states(status="all") == await states(status="cancelled") == ["cancelled"]
    accept = ORGANISER | {"Accept": "application/json;q=0.5, text/csv"}
    table = (await http.get(f"{path}/attendees?status=all", headers=accept)).text
    assert table.count("\r\n") == 2
    either = ORGANISER | {"Accept": "text/*;q=0.1, */*"}
    assert (await http.get(f"{path}/attendees", headers=either)).json()["items"] == []


async def test_a_corrected_address_gets_the_tickets(
    http: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    booking = await bought(ada, house, 3, email="ada@exmaple.com")
    path = f"/v1/bookings/{booking['booking_id']}"
    fresh = ORGANISER | {"If-Match": f'"{booking["version"]}"'}
    body = {"buyer": {"email": "ada@example.com"}}
    problem_of(await http.patch(path, json=body, headers=ORGANISER), 428, "precondition-required")
    corrected = await http.patch(path, json=body, headers=fresh)
    assert corrected.status_code == 200, corrected.text
    assert corrected.json()["buyer"] == {"email": "ada@example.com", "name": "Ada Lovelace"}
    assert corrected.headers["etag"] == f'"{booking["version"] + 1}"'
    problem_of(await http.patch(path, json=body, headers=fresh), 412, "precondition-failed")
    newest = ORGANISER | {"If-Match": corrected.headers["etag"]}
    for wrong in ({"email": "ada@-example.com"}, {"email": "ada"}, {"name": ""}, {}):
        refused = await http.patch(path, json={"buyer": wrong}, headers=newest)
        problem_of(refused, 400, "invalid-request")

    resent = await http.post(f"{path}/resend", headers=ORGANISER)
    assert resent.status_code == 202, resent.text
    assert resent.json()["email"] == "ada@example.com"
    mail = (await http.get(f"/v1/mails/{resent.json()['mail_id']}", headers=ORGANISER)).json()
    assert (mail["kind"], mail["email"]) == ("booking-confirmed", "ada@example.com")


async def test_only_a_confirmed_booking_is_mailed_and_only_a_cancelled_one_is_refunded(
    http: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    path = f"/v1/bookings/{(await bought(ada, house, 3))['booking_id']}"
    problem_of(await http.post(f"{path}/refunds", headers=ORGANISER), 409, "no-refund-due")
    stale = ORGANISER | {"If-Match": '"1"'}
    problem_of(await http.post(f"{path}/cancel", headers=stale), 412, "precondition-failed")
    await http.post(f"{path}/cancel", headers=ORGANISER)
    problem_of(await http.post(f"{path}/resend", headers=ORGANISER), 409, "booking-not-confirmed")
    refunded = await http.post(f"{path}/refunds", headers=ORGANISER)
    assert refunded.json()["refunded"] == {"amount": 5000, "currency": "EUR"}


async def test_buyers_and_strangers_see_none_of_it(
    http: httpx.AsyncClient, house: House, path: str, ada: Buyer, bob: Buyer
) -> None:
    booking = await bought(ada, house, 3)
    own = f"/v1/bookings/{booking['booking_id']}"
    for method, where in (
        ("GET", f"{path}/bookings"),
        ("GET", f"{path}/bookings/{booking['reference']}"),
        ("GET", f"{path}/attendees"),
        ("POST", f"{own}/resend"),
        ("POST", f"{own}/refunds"),
        ("PATCH", own),
    ):
        for headers in ({}, {"Authorization": "Basic Zm9vOmJhcg=="}):
            refused = await http.request(
                method, where, headers=headers, json=None if method == "GET" else {}
            )
            said = problem_of(refused, 401, "not-authenticated")["detail"]
            assert "organiser's key" in said
            assert "'Authorization: Bearer <key>'" in said
            assert "guest" not in said
        of_buyer = await http.request(
            method, where, headers=ada.auth, json=None if method == "GET" else {}
        )
        problem_of(of_buyer, 403, "not-allowed")
    problem_of(await bob.get(own), 404, "booking-not-found")
    problem_of(await bob.post(f"{own}/cancel"), 404, "booking-not-found")
    wrong = {"Authorization": "Bearer not-the-key-but-long-enough-to-be-one"}
    problem_of(await http.get(own, headers=wrong), 401, "not-authenticated")
    problem_of(await http.post(f"{own}/cancel", headers=wrong), 401, "not-authenticated")


async def test_staff_repeat_a_cancellation_with_the_same_key(
    http: httpx.AsyncClient, house: House, ada: Buyer, key: str
) -> None:
    path = f"/v1/bookings/{(await bought(ada, house, 3))['booking_id']}/cancel"
    headers = ORGANISER | {"Idempotency-Key": key}
    first = await http.post(path, headers=headers)
    again = await http.post(path, headers=headers)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_the_document_says_how_the_key_is_sent(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/schema/openapi.json")).json()["paths"]
    for path, method in (("/v1/events/{event_id}/bookings", "get"), ("/v1/venues", "post")):
        said = paths[path][method]["responses"]["401"]["content"]["application/problem+json"]
        assert "organiser's key" in said["examples"]["not-authenticated"]["value"]["detail"]

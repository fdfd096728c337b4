"""Publishing spans three stores; a crash may follow each step, and publishing can be repeated."""

import asyncio

import httpx
import pytest

from tests.conftest import ORGANISER_KEY, make_event, small_house
from tests.support.buyers import Patron
from tests.support.proxy import Catch
from tests.support.site import Site
from tests.support.truth import check

pytestmark = pytest.mark.adversity

_ORGANISER = {"Authorization": f"Bearer {ORGANISER_KEY}"}


async def _caught(site: Site, step: str) -> Catch:
    store, _, needle = step.partition(": ")
    if needle == "load":
        return await site.catch("api", needle)
    return site.link("api", store).catch(needle)


@pytest.mark.parametrize(
    "step",
    [
        "mongo: publishing",
        "postgres: COPY",
        "postgres: COMMIT",
        "redis: load",
        "mongo: on_sale",
    ],
)
async def test_publishing_resumes_after_any_step(
    site: Site, http: httpx.AsyncClient, step: str
) -> None:
    layout = small_house(rows=2, seats_per_row=25)
    event_id = await make_event(site.runtime, layout=layout, publish=False)
    path = f"/v1/events/{event_id}/publish"
    catch = await _caught(site, step)
    publishing = asyncio.create_task(http.post(path, headers=_ORGANISER))
    (await catch.wait()).drop()
    refused = await publishing
    assert refused.status_code == 503, refused.text
    again = await http.post(path, headers=_ORGANISER)
    assert (again.status_code, again.json()["status"]) == (200, "on_sale"), again.text
    patron = await Patron.come(http, event_id)
    await patron.booked(await patron.held(0, 49))
    await check(site, event_id)

"""The browser's decoder and the server's see the same maps in the same bytes."""

from pathlib import Path

import pytest
from playwright.async_api import Route

from tests.support.pages import OpenPage
from tests.support.protocol_vectors import random_histories, refused_frames

pytestmark = pytest.mark.browser

WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"

_REPLAY = """async ([histories, refused]) => {
  const { decode, applySnapshot, applyDelta } = await import("/protocol.js");
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const maps = [];
  let messages = 0;
  for (const { steps } of histories) {
    let state = null;
    for (const step of steps) {
      const frame = await decode(bytes(step.frame));
      const before = state && state.seats.slice();
      if (frame.kind === "message") messages += frame.body.type === JSON.parse(step.json).type;
      if (frame.kind === "snapshot") ({ state } = applySnapshot(state, frame));
      if (frame.kind === "delta") {
        const old = state;
        const answer = applyDelta(old, frame);
        if (answer.gap) throw new Error("a gap where there is none");
        if (!applyDelta({ ...old, seq: old.seq + 1 }, frame).gap) throw new Error("a gap missed");
        if (!applyDelta({ ...old, epoch: old.epoch + 1 }, frame).gap) throw new Error("an epoch missed");
        if (before.some((s, i) => s !== old.seats[i])) throw new Error("the old state was written to");
        const differing = [...before.keys()].filter((i) => before[i] !== answer.state.seats[i]);
        if (differing.join() !== answer.changed.join()) throw new Error("wrong list of changes");
        ({ state } = answer);
      }
      maps.push({ epoch: state.epoch, seq: state.seq, states: state.seats.join("") });
    }
  }
  const accepted = [];
  for (const [i, text] of refused.entries()) {
    await decode(bytes(text)).then(() => accepted.push(i), (error) => {
      if (error.constructor.name !== "ProtocolError") accepted.push(String(error));
    });
  }
  return { maps, messages, accepted };
}"""


async def test_random_histories_end_in_the_same_maps(open_page: OpenPage) -> None:
    async def serve(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name:
            await route.fulfill(path=WEB / name)
        else:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

    page = await open_page()
    await page.route("http://decoder.test/**", serve)
    await page.goto("http://decoder.test/")
    histories = random_histories(seed=20_260, count=40)
    seen = await page.evaluate(_REPLAY, [histories, refused_frames()])

    steps = [step for history in histories for step in history["steps"]]
    assert seen["maps"] == [step["state"] for step in steps]
    assert seen["messages"] == sum('"kind":"message"' in step["json"] for step in steps) > 0
    assert seen["accepted"] == []

"""The page for people who cannot see it, do not use a mouse, or need contrast to read it.

The same inspection checks every step of the journey and the list of events.
"""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from engine.base.actor import ORGANISER
from tests.conftest import MakeHouse, Stack
from tests.support.pages import Come, OpenPage, SellOut, Visit, Visitor, settled

pytestmark = pytest.mark.browser

#: Roles of controls. Each control must have a name.
_INTERACTIVE = {
    "button",
    "checkbox",
    "combobox",
    "disclosuretriangle",
    "link",
    "listbox",
    "menuitem",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
}
_NAMED = _INTERACTIVE | {"image", "img", "toolbar", "form", "search", "dialog"}

_HELPERS = """
const everything = (root) => [...root.querySelectorAll("*")].flatMap((e) =>
  [e, ...(e.shadowRoot ? everything(e.shadowRoot) : [])]);
const up = (e) => e.assignedSlot ?? e.parentElement ?? e.getRootNode().host ?? null;
const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();
const parse = (color) => {
  if (!known.has(color)) {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    known.set(color, [r, g, b, a / 255]);
  }
  return known.get(color);
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const opacity = (e) => { let o = 1; for (; e; e = up(e)) o *= Number(getComputedStyle(e).opacity); return o; };
const ground = (e) => {
  const layers = [];
  for (; e; e = up(e)) {
    const color = parse(getComputedStyle(e).backgroundColor);
    layers.push(color);
    if (color[3] === 1) break;
  }
  const page = getComputedStyle(document.documentElement).colorScheme.includes("dark") &&
    matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  return layers.reduceRight((below, layer) => over(layer, below), page);
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [high, low] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (high + 0.05) / (low + 0.05);
};
const seen = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) &&
  getComputedStyle(e).clipPath === "none" && e.getClientRects().length > 0;
const named = (e) => `${e.localName}${e.id ? "#" + e.id : ""}${e.classList.length ? "." + [...e.classList].join(".") : ""}`;
"""

_INSPECT = (
    "() => {"
    + _HELPERS
    + """
  const wrong = [];
  const roots = [document, ...everything(document).flatMap((e) => e.shadowRoot ?? [])];
  for (const root of roots) {
    const ids = [...root.querySelectorAll("[id]")].map((e) => e.id);
    for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) wrong.push(`id ${id} twice in one root`);
    for (const e of root.querySelectorAll("[aria-labelledby], [aria-describedby], [for]"))
      for (const name of ["aria-labelledby", "aria-describedby", "for"])
        for (const id of e.getAttribute(name)?.split(" ") ?? [])
          if (!root.getElementById(id)) wrong.push(`${named(e)} points at #${id}, which is not there`);
  }
  if (!document.documentElement.lang) wrong.push("the page has no lang");
  if (!document.title.trim()) wrong.push("the page has no title");

  let level = 0;
  const headings = everything(document).filter((e) => /^h[1-6]$/.test(e.localName) && e.checkVisibility());
  for (const e of headings) {
    const own = Number(e.localName[1]);
    if (own > level + 1) wrong.push(`${named(e)} “${e.textContent}” follows a heading of level ${level}`);
    level = own;
  }
  if (headings.filter((e) => e.localName === "h1").length !== 1) wrong.push("not exactly one h1");

  let texts = 0;
  for (const e of everything(document)) {
    if (e.tabIndex > 0) wrong.push(`${named(e)} jumps the queue of Tab`);
    const own = [...e.childNodes].filter((n) => n.nodeType === 3 && n.data.trim());
    const typed = e.localName === "input" && e.value && e.type !== "checkbox";
    if ((own.length === 0 && !typed) || !seen(e) || ["style", "script", "option", "noscript"].includes(e.localName)) continue;
    if (e.closest(":disabled, [aria-disabled=true]") && !e.closest("[aria-pressed]")) continue;
    texts++;
    const style = getComputedStyle(e);
    const below = ground(e);
    const [r, g, b, a] = parse(style.color);
    const shown = over([r, g, b, a * opacity(e)], below);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(shown, below);
    if (ratio < (large ? 3 : 4.5)) wrong.push(`${named(e)} “${e.textContent.trim().slice(0, 30)}”: contrast ${ratio.toFixed(2)}`);
  }
  if (texts < 5) wrong.push(`only ${texts} texts were looked at`);
  return wrong;
}"""
)

_FOCUSED = (
    "() => {"
    + _HELPERS
    + """
  let e = document.activeElement;
  while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  if (e === document.body) return null;
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(e);
  const { top, left, bottom, right } = e.getBoundingClientRect();
  const label = e.ariaLabel || e.labels?.[0]?.firstChild?.textContent || e.textContent || e.id;
  return {
    name: label.trim().replace(/\\s+/g, " ").slice(0, 60),
    what: named(e),
    outline: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 ? contrast(parse(outlineColor), ground(up(e))) : 0,
    shown: top < innerHeight && bottom > 0 && left < innerWidth && right > 0 && bottom > top,
    y: top + scrollY, x: left,
  };
}"""
)


async def inspect(page: Page) -> list[str]:
    """Faults of the page as it stands."""
    wrong: list[str] = await page.evaluate(_INSPECT)
    session = await page.context.new_cdp_session(page)
    try:
        tree = await session.send("Accessibility.getFullAXTree")
    finally:
        await session.detach()
    nodes = [node for node in tree["nodes"] if not node["ignored"]]
    acted_on = 0
    for node in nodes:
        role = node["role"]["value"].lower()
        focusable = any(
            p["name"] == "focusable" and p["value"]["value"] for p in node["properties"]
        )
        acted_on += role in _INTERACTIVE
        if (focusable or role in _NAMED) and not node.get("name", {}).get("value", "").strip():
            wrong.append(f"a {role} has no name")
    assert acted_on > 1, "the accessibility tree was not inspected"
    return wrong


async def inspect_both_themes(page: Page) -> dict[str, list[str]]:
    found = {}
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        found[scheme] = await inspect(page)
    return found


_FINE: dict[str, list[str]] = {"light": [], "dark": []}


async def test_the_list_of_events_is_accessible(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse
) -> None:
    await make_house()
    page = await open_page()
    await page.goto(stack.api_url)
    await page.wait_for_selector(".event h2 a")
    assert await inspect_both_themes(page) == _FINE


async def test_every_step_of_the_journey_is_accessible(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    await house.hold(buyer, 0, 1)
    ada = await visit(house.event_id)
    page = ada.page
    found = {"at first": await inspect_both_themes(page)}

    await page.click("#list summary")
    await page.click("#finder summary")
    await page.locator("#categories li button").first.click()
    await page.click("#area-0-more")
    await page.locator(".seat-buttons button", has_text="4").click()
    found["choosing"] = await inspect_both_themes(page)
    # Taken by another buyer: the button says so and is not just disabled.
    await page.locator(".seat-buttons button").first.press("Enter")
    await page.wait_for_selector("#notice.info")
    found["told why not"] = await inspect_both_themes(page)
    await house.hold(buyer, 3)
    await page.wait_for_selector("#notice.bad")
    found["a seat lost"] = await inspect_both_themes(page)

    await page.click("#hold")
    await page.wait_for_selector("#step-held:not([hidden])")
    await page.click("#pay-button")
    await page.wait_for_selector("#name-error:not([hidden])")
    found["held, form not filled in"] = await inspect_both_themes(page)
    await ada.pay("tok_declined")
    await page.wait_for_selector("#notice.bad")
    found["declined"] = await inspect_both_themes(page)
    await ada.pay("tok_3ds")
    await page.wait_for_selector("#pending-link:not([hidden])")
    found["the bank asks"] = await inspect_both_themes(page)
    await page.click("#pending-link")
    await page.click("button[value=true]")
    await page.wait_for_selector(".ticket")
    found["tickets"] = await inspect_both_themes(page)
    assert found == dict.fromkeys(found, _FINE)


async def test_every_step_of_the_waitlist_is_accessible(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    await crowd.house.runtime.events.publishing.reprice(
        crowd.event_id, {"Front": 6000}, reason="82 % sold, 6 days left", actor=ORGANISER
    )
    page = await come(crowd.event_id)
    await page.wait_for_selector("#invite:not([hidden])")
    await page.get_by_role("button", name="Price history of Front").click()
    await page.wait_for_selector(".chart")
    found = {"sold out, a price's history": await inspect_both_themes(page)}
    await page.click("#invite-go")
    await page.get_by_role("checkbox", name="Front").check()
    await page.fill("#wait-email", "ada")
    await page.click("#wait-send")
    await page.wait_for_selector("#wait-email-error:not([hidden])")
    found["the form, not filled in"] = await inspect_both_themes(page)
    await page.fill("#wait-email", "")
    await page.click("#wait-send")
    await page.wait_for_selector("#line:not([hidden])")
    await page.click("#line summary")
    found["in line"] = await inspect_both_themes(page)
    await page.click("#line-leave")
    found["asked whether to leave"] = await inspect_both_themes(page)
    await page.keyboard.press("Escape")
    await crowd.give_back(4)
    await page.wait_for_selector("#offer:not([hidden])")
    found["offered"] = await inspect_both_themes(page)
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.wait_for_selector("#offer-pin")
    found["offered, on a phone"] = await inspect_both_themes(page)
    await page.click("#decline")
    await page.locator("dialog[open]").get_by_role("button", name="Decline").click()
    await page.wait_for_selector("#notice.info")
    found["declined"] = await inspect_both_themes(page)
    assert found == dict.fromkeys(found, _FINE)


async def test_a_map_that_did_not_load_is_accessible(stack: Stack, open_page: OpenPage) -> None:
    page = await open_page()
    await page.goto(f"{stack.api_url}/events/01920000-0000-7000-8000-00000000dead")
    await page.wait_for_selector("#message h2")
    wrong = await page.evaluate(_INSPECT)
    assert [w for w in wrong if "texts were looked at" not in w] == []


async def _tab_through(page: Page) -> list[dict[str, Any]]:
    """Every stop of the Tab key from the top of the page until the focus leaves it."""
    stops: list[dict[str, Any]] = []
    for _ in range(80):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(_FOCUSED)
        if stop is None or (stops and stop == stops[0]):
            return stops
        stops.append(stop)
    pytest.fail(f"the keyboard never gets out: {[s['what'] for s in stops[-10:]]}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_keyboard_focus_is_visible_at_every_stop(
    visit: Visit, make_house: MakeHouse, scheme: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id, color_scheme=scheme)
    page = ada.page
    await page.click("#list summary")
    await page.click("#finder summary")
    await page.click("#area-0-more")
    await page.evaluate("document.getElementById('map').shadowRoot.activeElement.blur()")
    await page.reload()
    await settled(page)
    await expect(page.locator("#choose-count")).to_have_text("1 place")
    stops = await _tab_through(page)
    assert [s for s in stops if not s["shown"]] == []
    assert [s for s in stops if s["outline"] < 3] == []
    names = [s["name"] for s in stops]
    assert len(names) > 8
    # The link that skips the map comes before it, the panel after it.
    whats = [s["what"] for s in stops]
    skip = next(i for i, what in enumerate(whats) if what.startswith("button#skip"))
    canvas = next(i for i, what in enumerate(whats) if what.startswith("canvas"))
    hold = next(i for i, what in enumerate(whats) if what.startswith("button#hold"))
    assert skip < canvas < hold


async def _tab_to(page: Page, pattern: str) -> None:
    """Press Tab until the focused control has this name."""
    for _ in range(60):
        stop = await page.evaluate(_FOCUSED)
        if stop is not None and re.search(pattern, stop["name"]):
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not get to {pattern}")


async def _pay_by_keyboard(ada: Visitor) -> list[str]:
    page = ada.page
    await expect(page.locator("#title-held")).to_be_focused()
    await _tab_to(page, "Name on the tickets")
    await page.keyboard.type("Ada")
    await page.keyboard.press("Tab")
    await page.keyboard.type("ada@example.com")
    await page.keyboard.press("Enter")
    labels = await ada.ticket_labels()
    await expect(page.locator("#title-done")).to_be_focused()
    return labels


async def test_the_keyboard_alone_books_from_the_list(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    keys = ada.page.keyboard
    await _tab_to(ada.page, "Skip the map")
    await keys.press("Enter")
    await _tab_to(ada.page, "list instead")
    await keys.press("Enter")
    await _tab_to(ada.page, "Find a seat")
    await keys.type("r4 2")
    await keys.press("Enter")
    await keys.press("Space")
    await keys.press("ArrowRight")
    await keys.press("Space")
    await expect(ada.page.locator("#spoken")).to_have_text("Stalls, row R4, seat 3 chosen, €30.")
    await _tab_to(ada.page, "Hold these places")
    await keys.press("Enter")
    assert await _pay_by_keyboard(ada) == ["Stalls, row R4, seat 2", "Stalls, row R4, seat 3"]


async def test_the_keyboard_alone_books_the_best_seats(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await _tab_to(ada.page, "One seat more")
    await ada.page.keyboard.press("Enter")
    await _tab_to(ada.page, "Find the best 3")
    await ada.page.keyboard.press("Enter")
    assert len(await _pay_by_keyboard(ada)) == 3


async def test_the_inspection_finds_each_fault(open_page: OpenPage) -> None:
    page = await open_page()
    await page.set_content(
        """<title>x</title><style>p { color: #999; background: #fff }</style>
        <h1>One</h1><h3>Three</h3><p id="a">Pale words</p><p id="a">More</p><p>And more</p>
        <label for="gone">Name</label><button></button><a href="#">x</a><a href="#">y</a><a href="#">z</a>
        <div tabindex="3">first</div>"""
    )
    wrong = " · ".join(await inspect(page))
    for words in (
        "id a twice",
        "#gone",
        "no lang",
        "level 1",
        "contrast 2.8",
        "jumps",
        "button has no name",
    ):
        assert words in wrong

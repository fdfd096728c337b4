"""Measuring a page's width: what is wider than the window, and which words are cut off.

``too_wide(page)`` measures the page at every width of ``WIDTHS``. A page at 200 % zoom in a window of 1280 or
640 pixels has 640 or 320 CSS pixels: these are among them.
"""

from typing import Any

from playwright.async_api import Page

#: CSS pixels.
WIDTHS = (320, 360, 390, 640, 760, 820, 1280)
HEIGHT = 740

_MEASURE = """async () => {
  // Two frames: one for the layout, one for what observers do about it.
  for (let i = 0; i < 2; i++) await new Promise((done) => requestAnimationFrame(done));
  const everything = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? everything(e.shadowRoot) : [])]);
  const up = (e) => e.assignedSlot ?? e.parentElement ?? e.getRootNode().host ?? null;
  const named = (e) => `${e.localName}${e.id ? "#" + e.id : ""}${e.classList.length ? "." + [...e.classList].join(".") : ""}`;
  const width = document.documentElement.clientWidth;
  const found = [];
  const pageWidth = document.documentElement.scrollWidth;
  if (pageWidth > width) found.push(`the page is ${pageWidth} wide`);
  const unseen = (e) => { for (; e; e = up(e)) if (getComputedStyle(e).clipPath !== "none") return true; return false; };
  const scrolls = (e) => { for (e = up(e); e; e = up(e)) if (["auto", "scroll"].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth && e !== document.documentElement && e !== document.body) return true; return false; };
  for (const e of everything(document.body)) {
    if (!e.checkVisibility({ checkVisibilityCSS: true }) || e.closest("svg, option, noscript") || unseen(e)) continue;
    const style = getComputedStyle(e);
    if (style.position === "fixed" || style.display === "contents") continue;
    const { left, right } = e.getBoundingClientRect();
    const words = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(" ").trim();
    if (right > left && (right > width + 1 || left < -1) && !scrolls(e)) found.push(`${named(e)} reaches from ${Math.round(left)} to ${Math.round(right)}`);
    // Bars that tell the time are cut by design.
    if (e.textContent.trim() === "") continue;
    // A closed list of choices shortens its words by itself, and opens to show all of them.
    if (e.localName === "select" || e.localName === "input" || e.localName === "output") continue;
    if (style.overflowX !== "visible" && style.overflowX !== "auto" && e.scrollWidth > e.clientWidth + 1) found.push(`${named(e)} hides what is wider than it: “${e.textContent.trim().slice(0, 40)}”`);
    if (style.overflowY === "hidden" && e.scrollHeight > e.clientHeight + 1 && e !== document.body) found.push(`${named(e)} hides what is higher than it: “${e.textContent.trim().slice(0, 40)}”`);
    if (words === "") continue;
    // Words may stick out of a box that does not hide them.
    const range = document.createRange();
    range.selectNodeContents(e);
    const box = range.getBoundingClientRect();
    const outer = e.getBoundingClientRect();
    if (style.display !== "inline" && box.width > 0 && (box.right > outer.right + 1.5 || box.left < outer.left - 1.5)) found.push(`“${words.slice(0, 40)}” sticks out of ${named(e)}`);
  }
  return found;
}"""


async def too_wide(page: Page) -> list[str]:
    """What is cut off or wider than the window, at which width of it; empty where all is well."""
    before: Any = page.viewport_size
    found: list[str] = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        wrong: list[str] = await page.evaluate(_MEASURE)
        found += [f"at {width} px {each}" for each in wrong]
    await page.set_viewport_size(before)
    return found

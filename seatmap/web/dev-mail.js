// Keeps the list of /dev/mail fresh, without a reload and without losing the reader's place.

const REFRESH_MS = 2000;
const list = document.getElementById("list");

// The key came in the address, and is in a cookie now: it should not stay visible.
if (location.search) history.replaceState(null, "", location.pathname);

async function refresh() {
  if (!list || document.hidden) return;
  try {
    const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("list");
    // An unchanged list is not replaced: a click that is about to happen still hits its mail.
    if (fresh && fresh.innerHTML !== list.innerHTML) list.innerHTML = fresh.innerHTML;
  } catch {
    // The server does not answer at the moment; the next round asks again.
  }
}

if (list) {
  setInterval(refresh, REFRESH_MS);
  document.addEventListener("visibilitychange", refresh);
}

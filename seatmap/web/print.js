// @ts-check
/** The print button of pages that need no other script: it is there only where this runs. */
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-print]"))) {
  button.hidden = false;
  button.onclick = () => print();
}

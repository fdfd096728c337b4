// @ts-check
/** The print button of pages that need no other script: it is shown only where this script runs. */
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-print]"))) {
  button.hidden = false;
  button.onclick = () => print();
}

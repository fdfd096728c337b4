// @ts-check
/** Functions to build and find DOM. Text is always text, never markup. */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | ((event: any) => void)>} [attributes]
 *   `class`, `aria-…` and so on as attributes; functions named `onclick`… as listeners
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/** Looks up ids below `root`; a missing id is a programming error. @param {Document | DocumentFragment} root */
export function finder(root) {
  /** @type {<T extends Element = HTMLElement>(id: string) => T} */
  const find = (id) => {
    const element = root.getElementById(id);
    if (element === null) throw new Error(`no element #${id}`);
    return /** @type {any} */ (element);
  };
  return find;
}

export const byId = finder(document);

/** The elements marked `data-as` below `host`, by that name. @param {Element} host @returns {any} */
export function parts(host) {
  return Object.fromEntries([...host.querySelectorAll("[data-as]")].map((part) => [part.getAttribute("data-as"), part]));
}

/** @param {string} svg an image's markup @returns {string} address for an <img>, where scripts cannot run */
export function svgAddress(svg) {
  const standalone = svg.includes("xmlns=") ? svg : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return `data:image/svg+xml,${encodeURIComponent(standalone)}`;
}

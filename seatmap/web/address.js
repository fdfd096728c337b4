// @ts-check
/** Which e-mail addresses the forms accept: most of the server's rule (engine/base/mail_addresses.py), whose answer decides. */
const ATOM = /^[^\s@,:;<>()[\]"\\]+$/;
const LABEL = /^(?!-)[^\s@,:;<>()[\]"\\_]+(?<!-)$/;

/** @param {string} text */
export function isAddress(text) {
  const at = text.lastIndexOf("@");
  const labels = text.slice(at + 1).split(".");
  return at > 0 && text.slice(0, at).split(".").every((atom) => ATOM.test(atom)) && labels.length > 1 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels[labels.length - 1]);
}

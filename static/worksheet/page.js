// What the server wrote on the page about it: which batch, whose session, which zone.

const root = /** @type {HTMLElement} */ (document.getElementById("worksheet"));

/** @type {{number: string, person: string, fullName: string, zone: string, live: string, api: string, identity: string}} */
export const page = {
  number: root.dataset.number || "",
  person: root.dataset.person || "",
  fullName: root.dataset.fullName || "",
  zone: root.dataset.zone || "UTC",
  live: root.dataset.live || "",
  api: `/api/v1/batches/${encodeURIComponent(root.dataset.number || "")}/`,
  identity: root.dataset.identity || "",
};
export const sheet = root;

/** An element with its text and children: `h("p", {class: "small"}, "text")`. Nothing is ever parsed as markup.
 * @param {string} name @param {Record<string, string>} attributes @param {...(Node|string)} children */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The sign and the word of a state, as the server writes them. @param {string} tone @param {string} sign @param {string} word */
export function state(tone, sign, word) {
  return h("span", { class: `state state-${tone}` }, h("span", { "aria-hidden": "true" }, sign), ` ${word}`);
}

/** The place of a field (`step.field`) or of a timer (`step`) on the page. @param {string} name */
export const slotOf = (name) => /** @type {HTMLElement|null} */ (sheet.querySelector(`[data-slot="${CSS.escape(name)}"]`));

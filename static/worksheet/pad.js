// A numeric pad for gloved hands, with the units that a value may have. A keyboard works beside it.
import { record } from "./entries.js";
import { h, sheet } from "./page.js";

const KEPT = "oxinate-pad";
const KEYS = [["7", "8", "9", "⌫", "×10ˣ"], ["4", "5", "6", "±", "."], ["1", "2", "3", "0", "Save"]];
const NAMES = /** @type {Record<string, string>} */ ({ "⌫": "Delete the last digit", "×10ˣ": "Power of ten", "±": "Change the sign", ".": "Decimal point", Save: "Save and go on" });
const SIGNED = ["temperature", "number"];

/** @type {HTMLInputElement|null} */
let field = null;
const echo = h("output", { class: "pad-echo", "aria-live": "polite" });
const shut = h("button", { type: "button", "aria-label": "Close the number pad" }, "✕");
const units = h("div", { class: "pad-units", role: "group", "aria-label": "Unit" });
const pad = h("section", { id: "pad", class: "pad", "aria-label": "Number pad", hidden: "" }, h("div", { class: "pad-side" }, h("div", { class: "pad-head" }, echo, shut), units), h("div", { class: "pad-keys" }));

/** @param {HTMLInputElement} input @returns {HTMLSelectElement|null} */
const unitOf = (input) => /** @type {HTMLSelectElement|null} */ (input.form?.querySelector("select[name=unit]") || null);

function show() {
  if (!field) return;
  const select = unitOf(field);
  const unit = select?.selectedOptions[0]?.textContent || field.closest(".inside")?.querySelector(".unit")?.textContent || "";
  const power = field.value.replace(/e([+-]?\d*)$/i, (_, n) => ` × 10${[...n].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)] || (c === "-" ? "⁻" : "")).join("")}`);
  echo.textContent = field.value ? `= ${power} ${unit}`.trim() : `in ${unit || "plain numbers"}`;
  for (const chip of units.children) chip.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (chip).dataset.unit === select?.value));
}

/** @param {string} key */
function press(key) {
  if (!field) return;
  if (key === "Save") return field.form && record(field.form);
  const value = field.value;
  if (key === "⌫") field.value = value.slice(0, -1);
  else if (key === "±") field.value = /e/i.test(value) ? value.replace(/e(-?)/i, (_, minus) => (minus ? "e" : "e-")) : value.startsWith("-") ? value.slice(1) : `-${value}`;
  else if (key === "×10ˣ") field.value = /e/i.test(value) || !value ? value : `${value}e`;
  else field.value = value + key;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  show();
}

/** @param {HTMLInputElement} input */
function open(input) {
  field = input;
  const kind = input.form?.dataset.type || "";
  const select = unitOf(input);
  units.replaceChildren(...[...(select?.options || [])].map((option) => {
    const chip = h("button", { type: "button", "data-unit": option.value }, option.textContent || "");
    chip.addEventListener("click", () => {
      if (select) { select.value = option.value; select.dispatchEvent(new Event("change", { bubbles: true })); }
      show();
    });
    return chip;
  }));
  const sign = /** @type {HTMLButtonElement} */ (pad.querySelector('[data-key="±"]'));
  const power = /** @type {HTMLButtonElement} */ (pad.querySelector('[data-key="×10ˣ"]'));
  power.disabled = !["cells", "number", "counts", "concentration"].includes(kind);
  sign.disabled = !SIGNED.includes(kind) && power.disabled;
  pad.hidden = false;
  document.documentElement.dataset.pad = "open";
  input.inputMode = "none";
  show();
  requestAnimationFrame(() => inSight(input));
}

/** The field with its label and its limit stands above the pad, and what was recorded before where there is room.
 * @param {HTMLInputElement} input */
function inSight(input) {
  const slot = input.closest(".slot");
  const room = innerHeight - pad.offsetHeight - parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
  (slot && slot.clientHeight <= room ? slot : input.closest(".field") || input).scrollIntoView({ block: "nearest" });
}

function close() {
  if (field) field.inputMode = "decimal";
  field = null;
  pad.hidden = true;
  delete document.documentElement.dataset.pad;
}

export function begin() {
  const keys = /** @type {HTMLElement} */ (pad.querySelector(".pad-keys"));
  for (const key of KEYS.flat()) {
    const button = h("button", { type: "button", "data-key": key, "aria-label": NAMES[key] || key, ...(key === "Save" ? { class: "main" } : {}) }, key);
    button.addEventListener("click", () => press(key));
    keys.append(button);
  }
  shut.addEventListener("click", close);
  pad.addEventListener("pointerdown", (event) => event.preventDefault());  // the field keeps the cursor
  sheet.after(pad);
  const toggle = /** @type {HTMLButtonElement} */ (document.getElementById("pad-toggle"));
  let on = (localStorage.getItem(KEPT) ?? String(matchMedia("(pointer: coarse)").matches)) === "true";
  const tell = () => toggle.setAttribute("aria-pressed", String(on));
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    on = !on;
    localStorage.setItem(KEPT, String(on));
    tell();
    if (!on) return close();
    const fields = /** @type {HTMLInputElement[]} */ ([...sheet.querySelectorAll("form.first[data-quantity] [name=value]")]);
    fields.find((input) => input.offsetParent)?.focus();
  });
  tell();
  document.addEventListener("focusin", ({ target }) => {
    const input = /** @type {HTMLInputElement} */ (target);
    if (pad.contains(input)) return;
    if (on && input.matches("form[data-quantity] [name=value]")) open(input);
    else if (field) close();
  });
  document.addEventListener("click", ({ target }) => {  // closed, the field that has the cursor opens it again
    const input = /** @type {HTMLInputElement} */ (target);
    if (on && !field && input.matches("form[data-quantity] [name=value]")) open(input);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && field) close(); });
  document.addEventListener("input", ({ target }) => { if (target === field) show(); });
  const first = /** @type {HTMLInputElement} */ (document.activeElement);
  if (on && first?.matches("form[data-quantity] [name=value]")) open(first);
}

// The instrument chosen for a kind of reading is remembered at this workstation: chosen or scanned once, then offered.
import { sheet } from "./page.js";

const KEPT = "oxinate-instrument:";

const HOW = ["setting", "geometry"];  // of the instrument, remembered with it

/** @param {HTMLSelectElement} select */
const keyOf = (select) => KEPT + (select.dataset.kind || "");

function offer() {
  const selects = /** @type {NodeListOf<HTMLSelectElement>} */ (sheet.querySelectorAll("form.entry.first select[name=equipment]"));
  for (const select of selects) {
    const kept = localStorage.getItem(keyOf(select));
    if (!select.value && kept && [...select.options].some((option) => option.value === kept)) select.value = kept;
    for (const name of HOW) {
      const input = /** @type {HTMLInputElement|null|undefined} */ (select.form?.elements.namedItem(name));
      if (input && !input.value && select.value) input.value = localStorage.getItem(`${KEPT}${select.value}:${name}`) || "";
    }
  }
}

export function begin() {
  offer();
  sheet.addEventListener("swapped", offer);
  sheet.addEventListener("change", ({ target }) => {
    const select = /** @type {HTMLSelectElement} */ (target);
    const beside = select.form?.elements.namedItem("equipment");
    if (HOW.includes(select.name) && beside instanceof HTMLSelectElement && beside.value) {
      localStorage.setItem(`${KEPT}${beside.value}:${select.name}`, select.value);
    }
    if (select.name !== "equipment" || !select.value) return;
    localStorage.setItem(keyOf(select), select.value);
    for (const name of HOW) {
      const input = /** @type {HTMLInputElement|null|undefined} */ (select.form?.elements.namedItem(name));
      if (input) input.value = "";  // the other instrument's dial says nothing about this one
    }
    offer();
  });
}

// The instrument chosen for a kind of reading is remembered at this workstation: chosen or scanned once, then offered.
import { sheet } from "./page.js";

const KEPT = "oxinate-instrument:";

/** @param {HTMLSelectElement} select */
const keyOf = (select) => KEPT + (select.dataset.kind || "");

function offer() {
  const selects = /** @type {NodeListOf<HTMLSelectElement>} */ (sheet.querySelectorAll("form.entry.first select[name=equipment]"));
  for (const select of selects) {
    const kept = localStorage.getItem(keyOf(select));
    if (!select.value && kept && [...select.options].some((option) => option.value === kept)) select.value = kept;
  }
}

export function begin() {
  offer();
  sheet.addEventListener("swapped", offer);
  sheet.addEventListener("change", ({ target }) => {
    const select = /** @type {HTMLSelectElement} */ (target);
    if (select.name !== "equipment" || !select.value) return;
    localStorage.setItem(keyOf(select), select.value);
    offer();
  });
}

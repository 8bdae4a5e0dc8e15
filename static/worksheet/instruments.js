// The instrument chosen for a kind of reading is remembered at this workstation: chosen or scanned once, then offered.
// What was chosen for this batch goes before what was chosen last: two calibrators are not mixed by a default.
import { page, sheet } from "./page.js";

const KEPT = "oxinate-instrument:";

const HOW = ["setting", "geometry"];  // of the instrument, remembered with it

/** @param {HTMLSelectElement} select */
const keyOf = (select) => KEPT + (select.dataset.kind || "");
/** @param {HTMLSelectElement} select */
const keptFor = (select) => sessionStorage.getItem(`${keyOf(select)}:${page.number}`) || localStorage.getItem(keyOf(select));
/** The fields that wait for a reading. */
const open = () => /** @type {HTMLSelectElement[]} */ ([...sheet.querySelectorAll("form.entry.first select[name=equipment]")]);

/** The other instrument's dial says nothing about this one. @param {HTMLSelectElement} select */
function forgetHow(select) {
  for (const name of HOW) {
    const input = /** @type {HTMLInputElement|null|undefined} */ (select.form?.elements.namedItem(name));
    if (input) input.value = "";
  }
}

function offer() {
  for (const select of open()) {
    const kept = keptFor(select);
    if (!select.value && kept && [...select.options].some((option) => option.value === kept)) {
      select.value = kept;
      select.dataset.offered = "";
    }
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
    sessionStorage.setItem(`${keyOf(select)}:${page.number}`, select.value);
    delete select.dataset.offered;
    for (const other of open()) {
      if (other === select || !("offered" in other.dataset) || keyOf(other) !== keyOf(select)) continue;
      other.value = "";  // it follows
      forgetHow(other);
    }
    forgetHow(select);
    offer();
  });
}

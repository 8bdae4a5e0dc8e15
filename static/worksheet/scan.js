// A scan finds its field, whatever has the focus: a wedge types faster than a person and ends with Enter; a camera reads.
// What does not fit is said, refused and recorded. Another identity stops the step at once.
import * as camera from "./camera.js";
import { record } from "./entries.js";
import { iso, now } from "./instants.js";
import { h, page, sheet } from "./page.js";
import * as queue from "./queue.js";
import { sound } from "./sound.js";
import { isotopes } from "./words.js";

const FASTEST_TYPIST_MS = 45, SLOWEST_SCANNER_MS = 1000, SHORTEST = 4;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/;
const says = /** @type {HTMLElement} */ (document.getElementById("scan-says"));
const idle = [...(says?.childNodes || [])];

/** @param {"good"|"bad"} outcome @param {string} words @param {string} code */
function tell(outcome, words, code) {
  says.dataset.scan = outcome;
  says.replaceChildren(h("b", { "aria-hidden": "true" }, outcome === "good" ? "✓" : "✕"), h("span", {}, isotopes(words, code)));
  sound(outcome);
}

/** The step the work is in, and its fields that are still empty. @returns {HTMLFormElement[]} the expected one first */
function openFields() {
  const focused = document.activeElement?.closest("form.entry.first");
  const step = focused?.closest(".step") || sheet.querySelector(".step-current") || sheet.querySelector(".step:has(form.entry.first)");
  const forms = /** @type {HTMLFormElement[]} */ ([...(step?.querySelectorAll("form.entry.first") || [])]);
  const open = forms.filter((form) => !form.closest("[data-waits]"));
  return open.sort((a, b) => Number(b === focused) - Number(a === focused));
}

/** @param {HTMLFormElement} form @param {string} name @returns {any} */
const input = (form, name) => form.elements.namedItem(name);
/** @param {HTMLFormElement} form */
const lotsOf = (form) => [...form.querySelectorAll("datalist option")].map((option) => /** @type {HTMLOptionElement} */ (option).value);
/** @param {HTMLFormElement} form */
const instrumentsOf = (form) => [...(input(form, "equipment")?.options || [])].map((option) => option.value).filter(Boolean);

/** Whether this field takes the code; then it has it. @param {HTMLFormElement} form @param {string} code */
function taken(form, code) {
  const kind = form.dataset.type;
  if ((kind === "identity" && code === page.identity) || (kind === "lot" && lotsOf(form).includes(code))) {
    input(form, "value").value = code;
    record(form);
    tell("good", `${code}: ${form.dataset.label}`, code);
    return true;
  }
  if (instrumentsOf(form).includes(code)) {
    const select = input(form, "equipment");
    select.value = code;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    input(form, "value").focus();
    tell("good", `${code} for ${form.dataset.label}`, code);
    return true;
  }
  return false;
}

/** @param {HTMLFormElement|undefined} form */
function expectedOf(form) {
  if (!form) return "no scan is expected here";
  const wanted = { identity: "the identity of this batch", lot: "a lot" }[form.dataset.type || ""];
  return `expected is ${wanted || (input(form, "equipment") ? "an instrument" : "no scan")} for ${form.dataset.label}`;
}

/** @param {string} code */
export async function scanned(code) {
  const forms = openFields();
  if (forms[0]?.closest("[data-stopped]")) return tell("bad", `“${code}”: this step is stopped.`, code);
  if (forms.some((form) => taken(form, code))) return;
  const expected = forms.find((form) => ["identity", "lot"].includes(form.dataset.type || "") || input(form, "equipment")) || forms[0];
  tell("bad", `“${code}” was scanned; ${expectedOf(expected)}. Refused.`, code);
  const step = expected ? input(expected, "step").value : "";
  const ours = forms.some((form) => instrumentsOf(form).includes(code));
  await queue.keep({
    path: "scans/", slot: "", label: expected ? `Scan for ${expected.dataset.label}` : "Scan", shown: code,
    body: { code, step, field: expected ? input(expected, "field").value : "", at: iso(now()) },
    stops: expected?.dataset.type === "identity" && !ours ? step : "",
  });
}

/** What was refused is no longer news once an entry was taken after it, unless it stopped the step. */
function settled() {
  if (says.dataset.scan !== "bad" || sheet.querySelector("[data-stopped]")) return;
  delete says.dataset.scan;
  says.replaceChildren(...idle);
}

/** The server knows more than the page: a lot beyond its list, or cells of somebody else. @param {any} item @param {any} answer */
function answered(item, answer) {
  if (item.path === "entries/") return settled();
  if (item.path !== "scans/") return;
  if (!answer.matched) {
    tell("bad", answer.says || "Refused.", item.shown);
    if (answer.container) says.append(" ", h("a", { href: `/containers/${answer.container}/` }, `Open ${answer.scanned}`));
    return;
  }
  const form = openFields().find((open) => input(open, "field").value === answer.field && input(open, "step").value === answer.step);
  if (!form || form.dataset.type === undefined || input(form, "equipment")) return;
  input(form, "value").value = answer.value || answer.scanned;
  record(form);
  tell("good", `${answer.scanned}: ${form.dataset.label}`, answer.scanned);
}

/** What a wedge types, key by key. */
const wedge = { text: "", at: 0, input: /** @type {HTMLInputElement|null} */ (null), before: "" };

/** @param {KeyboardEvent} event */
function keyed(event) {
  const target = /** @type {HTMLInputElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("form.sign, textarea, .giving-up, dialog, [name=reason]")) return;
  const prefix = sheet.dataset.scanPrefix || "";
  if (event.key === "Enter") {
    const code = wedge.text;
    wedge.text = "";
    const announced = prefix && code.startsWith(prefix);
    const fast = event.timeStamp - wedge.at <= FASTEST_TYPIST_MS;
    if (!(announced || (!prefix && fast)) || code.length < SHORTEST) return;
    const reading = target.closest?.("form[data-quantity]") && NUMBER.test(code);  // a balance that types its weight
    if (reading && !announced) return;
    event.preventDefault();
    event.stopPropagation();
    if (wedge.input) {
      wedge.input.value = wedge.before;
      wedge.input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    void scanned(announced ? code.slice(prefix.length) : code);
    return;
  }
  if (event.key.length !== 1) return;
  const gap = event.timeStamp - wedge.at;
  const announced = prefix && gap <= SLOWEST_SCANNER_MS && (prefix.startsWith(wedge.text) || wedge.text.startsWith(prefix));
  const goesOn = wedge.text && (gap <= FASTEST_TYPIST_MS || announced);
  if (!goesOn) {
    wedge.text = "";
    wedge.input = target.matches?.("input") ? target : null;
    wedge.before = wedge.input?.value || "";
  }
  wedge.text += event.key;
  wedge.at = event.timeStamp;
}

/** Where a container is scanned into a form that is signed, Enter goes on and signs nothing. @param {KeyboardEvent} event */
function goesOn(event) {
  const target = /** @type {HTMLInputElement} */ (event.target);
  if (event.key !== "Enter" || !target.matches?.("[data-scan]")) return;
  event.preventDefault();
  const inputs = /** @type {HTMLInputElement[]} */ ([...(target.form?.querySelectorAll("input:not([type=hidden])") || [])]);
  inputs[inputs.indexOf(target) + 1]?.focus();
}

export function begin() {
  addEventListener("keydown", goesOn, true);
  addEventListener("keydown", keyed, true);
  queue.hear(answered);
  camera.begin(/** @type {HTMLButtonElement} */ (document.getElementById("camera")), {
    read: (code) => void scanned(code),
    failed: (words) => tell("bad", words, ""),
  });
}

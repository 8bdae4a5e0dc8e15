// Entries and timers of the worksheet go through the queue: written down here the instant they are made, then sent.
import { instantOf, iso, now } from "./instants.js";
import { page, sheet } from "./page.js";
import * as queue from "./queue.js";
import * as working from "./working.js";

const COMMA = /^[+-]?[\d\s.]*\d,\d[\d\s.,]*([eE][+-]?\d+)?$/;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+|\d{1,3}([ \u00a0\u2009\u202f]\d{3})+(\.\d+)?)([eE][+-]?\d{1,3})?$/;

/** @param {HTMLFormElement} form @param {string} name @returns {any} */
const input = (form, name) => form.elements.namedItem(name);

/** A sentence beside an input, in the place of its hint. @param {HTMLFormElement} form @param {string} name @param {string} sentence */
export function refuse(form, name, sentence) {
  const target = input(form, name) || input(form, "value");
  const place = target?.id && document.getElementById(`${target.id}-says`) || form.querySelector(".hint, .error");
  if (!place) return;
  place.className = "error";
  place.setAttribute("role", "alert");
  place.textContent = sentence;
  target?.setAttribute?.("aria-invalid", "true");  // the two answers of a check are a list of buttons
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
}

/** The value of a form is what is typed next: it has the cursor, and its text is selected. @param {HTMLFormElement} form */
export function choose(form) {
  const value = input(form, "value");
  if (!value?.matches?.("input:not([type=hidden])")) return;
  value.focus({ preventScroll: true });
  value.select();
  (form.closest(".slot") || form).scrollIntoView({ block: "nearest" });
}

/** What a number may not be is said before it waits: nobody is there to ask when it is refused an hour later. */
/** @param {HTMLFormElement} form @param {string} value */
function faultOf(form, value) {
  if (!value) return "Enter the value.";
  if (!("quantity" in form.dataset)) return "";
  const typed = value.replace("\u2212", "-");
  if (COMMA.test(typed)) return `“${value}” is ambiguous, a comma can separate decimals or thousands. Write a decimal point.`;
  return NUMBER.test(typed) ? "" : `“${value}” is not a number.`;
}

/** Everything else that a form says of a reading: its unit, instrument, setting, geometry, whatever there is. */
/** @param {HTMLFormElement} form */
function rest(form) {
  const told = ["csrfmiddlewaretoken", "step", "field", "seen", "value", "at", "event", "early_reason", "username", "password", "otp", "key"];
  const given = /** @type {Record<string, string>} */ ({});
  for (const [name, value] of new FormData(form)) {
    if (!told.includes(name) && typeof value === "string" && value.trim()) given[name] = value.trim();
  }
  return given;
}

/** The instant an entry is about: now, or the one that was typed. @param {HTMLFormElement} form @param {number} made */
function momentOf(form, made) {
  const at = input(form, "at");
  if ("paper" in form.dataset) return instantOf(at.value);  // what stands there counts, filled in or typed
  return at?.value && at.value !== at.defaultValue ? instantOf(at.value) : made;
}

/** @param {HTMLFormElement} form @param {string} value @param {HTMLElement|null} button */
async function keepEntry(form, value, button) {
  const made = now();
  const seen = input(form, "seen")?.value;
  const body = { value, ...rest(form) };
  const at = input(form, "at");
  if (!seen || (at?.value && at.value !== at.defaultValue)) Object.assign(body, { at: iso(momentOf(form, made)) });
  if (!seen) Object.assign(body, { step: input(form, "step").value, field: input(form, "field").value });
  if (seen && !body.reason && !body.reason_code) return refuse(form, "reason", "Say why.");
  const unit = form.querySelector(".inside > .unit")?.textContent || "";
  const said = form.dataset.type === "check" ? (value === "true" ? "✓ Yes" : "✕ No") : `${value} ${unit}`.trim();
  sessionStorage.removeItem(`draft:${form.getAttribute("action")}:${form.dataset.entry}`);
  working.start(form, button);
  form.dataset.sent = "";
  const kept = queue.keep({
    path: seen ? `entries/${seen}/correct/` : "entries/", body, made,
    slot: form.dataset.entry || "", label: form.dataset.label || "", shown: said,
    stops: form.dataset.type === "identity" && page.identity && value !== page.identity ? (form.dataset.entry || "").split(".")[0] : "",
  });
  // At once: while it is being kept, a colleague's value may put another form in the place of this one.
  form.dispatchEvent(new CustomEvent("kept", { bubbles: true, detail: { correcting: Boolean(seen) } }));
  await kept;
}

/** @param {HTMLFormElement} form @param {HTMLElement|null} button */
async function keepTimer(form, button) {
  const made = now();
  const early = input(form, "early_reason");
  const event = input(form, "event").value;
  const soon = Date.parse(form.dataset.tooSoonUntil || "") > momentOf(form, made);
  if (event === "stop" && soon && early && !early.value.trim() && !rest(form).reason) {
    return refuse(form, "early_reason", "Say why the timer is stopped before its minimum; it opens a deviation.");
  }
  const given = rest(form);
  const reason = [early?.value.trim(), given.reason].filter(Boolean).join(" ");
  const body = { ...given, ...(reason ? { reason } : {}), step: input(form, "step").value, event, at: iso(momentOf(form, made)) };
  working.start(form, button);
  await queue.keep({
    path: "timers/", body, made, slot: body.step, label: form.dataset.label || "Timer",
    shown: event === "start" ? "Timer started" : "Timer stopped",
  });
}

/** Whether the work in this place has stopped until somebody has looked into it. @param {Element} form */
const stopped = (form) => form.closest(".step")?.hasAttribute("data-stopped");

/** Record what stands in a form, as its button would.
 * @param {HTMLFormElement} form @param {string} [value] @param {HTMLElement|null} [button] the one that was pressed */
export function record(form, value, button = null) {
  if (stopped(form) || working.isWorking(form)) return;
  if ("paper" in form.dataset && !input(form, "at").value) return refuse(form, "at", "Give the time that stands on the paper.");
  try {
    if ("timer" in form.dataset) return void keepTimer(form, button);
    const typed = (value ?? String(input(form, "value").value)).trim();
    const notMet = form.dataset.type === "check" && typed !== "true";
    const fault = notMet ? "A check is recorded when it is met. While it is not, the step waits." : faultOf(form, typed);
    if (fault) {
      refuse(form, "value", fault);
      return choose(form);
    }
    void keepEntry(form, typed, button);
  } catch (fault) {
    refuse(form, "at", /** @type {Error} */ (fault).message);
  }
}

/** @param {SubmitEvent} event */
function taken(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!("entry" in form.dataset || "timer" in form.dataset)) return;
  event.preventDefault();
  event.stopPropagation();
  const button = /** @type {HTMLButtonElement|null} */ (event.submitter);
  record(form, form.dataset.type === "check" ? button?.value || "true" : undefined, button);
}

/** After a first value the work goes on at the next empty field, wherever that is. A button is never chosen for anybody:
 * the Enter that ended one entry would confirm the next. @param {Element} form */
function goOn(form) {
  const open = /** @type {HTMLFormElement[]} */ ([...sheet.querySelectorAll("form.entry.first, form[data-timer]")]);
  const after = open.filter((next) => form.compareDocumentPosition(next) & Node.DOCUMENT_POSITION_FOLLOWING);
  const next = after.find((candidate) => !candidate.closest("[data-waits]"));
  const target = /** @type {HTMLElement|null|undefined} */ (
    next?.querySelector("[name=value]:not([type=hidden], button), fieldset[tabindex]") ?? next);
  if (!next || !target) return;
  if (target === next) next.tabIndex = -1;
  for (let node = /** @type {Element|null} */ (next); node; node = node.parentElement) {
    if (node.matches("details.step-fold")) /** @type {HTMLDetailsElement} */ (node).open = true;
  }
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest" });
}

export function begin() {
  window.addEventListener("submit", /** @type {EventListener} */ (taken), true);
  sheet.addEventListener("kept", (event) => {
    if (!(/** @type {CustomEvent} */ (event).detail.correcting)) goOn(/** @type {Element} */ (event.target));
  });
}

// Beside each field stands what became of its entry: waiting, refused with the reason, or met by a colleague's.
import { clockTime, iso, now, span } from "./instants.js";
import { h, page, sheet, slotOf, state } from "./page.js";
import * as queue from "./queue.js";
import { isotopes } from "./words.js";
import { worksIn } from "./working.js";
import { choose, refuse } from "./entries.js";

/** @typedef {import("./store.js").Item} Item */

/** The refused entries whose field had the cursor again: once each. @type {Set<string>} */
const returned = new Set();

/** A small form that asks why a refused entry is given up. @param {Item} item */
function givingUp(item) {
  const field = h("input", { name: "why", required: "", maxlength: "500", "aria-label": `Why ${item.label} ${item.shown} is given up` });
  const form = h("form", { class: "row giving-up" }, field, h("button", { type: "submit" }, "Give it up"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const why = /** @type {HTMLInputElement} */ (field).value.trim();
    if (!why) return;
    /** @type {HTMLElement|null} */ (document.activeElement)?.blur();  // nobody types here any more: it is painted again
    void queue.discard(item, why);
  });
  return h("details", { class: "more" }, h("summary", {}, "Give it up, and say why"), form);
}

/** @param {Item} item */
function again(item) {
  const button = h("button", { type: "button" }, "Try again");
  button.addEventListener("click", () => {
    button.setAttribute("aria-busy", "true");
    void queue.tryAgain(item);
  });
  return button;
}

/** @param {Item} item */
function signOf(item) {
  if (item.status === "waiting") {
    if (queue.held().includes(item)) return state("warn", "○", "Waits for the entry before it");
    if (queue.way === "failing") return state("warn", "○", "Tried again in a moment");
    if (queue.way === "open" && now() - item.made < 2500) return state("wait", "○", "Saving");
    return state("warn", "○", queue.way === "signed-out" ? "Waiting for you to sign in" : "Waiting for the network");
  }
  if (item.status === "aside") return state("fail", "✕", "Not saved");
  return item.status === "conflict" ? state("fail", "!", "Conflict") : state("fail", "✕", "Refused");
}

/** One entry that is not on the server. @param {Item} item @param {boolean} elsewhere whether it must say where it belongs
 * @param {boolean} [said] whether its sentence stands at the field already */
export function lineOf(item, elsewhere, said = false) {
  const line = h("div", { class: `queued queued-${item.status}`, "data-item": item.key });
  const waited = now() - item.made >= 60000 ? `, waits since ${span(now() - item.made)}` : "";
  line.append(h("p", { class: "row" },
    h("span", { class: "label" }, isotopes(elsewhere ? `${item.batch}: ${item.label}` : item.label)),
    h("b", { class: "figure" }, item.shown), signOf(item),
    h("span", { class: "small soft" }, `made at ${clockTime(item.made)}${waited}`)));
  if (item.says && !said) line.append(h("p", { class: "error" }, isotopes(item.says, item.shown)));
  if (item.status === "conflict") {
    line.append(h("p", { class: "small" }, "Both are shown here. If yours is right, correct the value that is recorded; else give yours up."));
  }
  const settled = item.status === "waiting" || item.person !== page.person;
  if (!settled && item.status === "aside") line.append(h("p", { class: "row" }, again(item)));
  if (!settled && item.path !== "discards/") line.append(givingUp(item));
  return line;
}

/** Whether somebody has begun on something else, which is not taken from them. */
function isElsewhere() {
  const active = /** @type {HTMLInputElement|null} */ (document.activeElement);
  if (!active?.matches("input, textarea, select") || active.closest("#pad")) return false;
  return !active.matches("form.entry.first [name=value]") || active.value !== active.defaultValue;
}

/** What a form held when it was refused stands in it again, with the sentence beside it, and the work goes back to it.
 * @param {Item} item @param {HTMLElement} slot @returns {boolean} whether the sentence stands there */
function mendable(item, slot) {
  const form = /** @type {HTMLFormElement|null} */ (slot.querySelector("form.entry.first"));
  const body = JSON.parse(item.body);
  if (!form || form.dataset.type === "check") return false;
  if (form.dataset.mends === item.key) return true;
  form.dataset.mends = item.key;
  for (const [name, value] of Object.entries(body)) {
    const target = /** @type {any} */ (form.elements.namedItem(name));
    if (target && !["at", "step", "field"].includes(name) && !target.value) target.value = value;
  }
  refuse(form, "value", item.says || "");
  if (!returned.has(item.key) && !isElsewhere()) choose(form);
  returned.add(item.key);
  return true;
}

/** Of two values for one field mine is the right one: it goes into the correction, which asks why. @param {Item} item @param {HTMLElement} slot */
function correcting(item, slot) {
  const form = /** @type {HTMLFormElement|null} */ (slot.querySelector("form.correcting"));
  const value = /** @type {HTMLInputElement|null|undefined} */ (form?.elements.namedItem("value"));
  if (!form || !value || item.path !== "entries/") return;
  const button = h("button", { type: "button" }, `Correct it to ${item.shown}`);
  button.addEventListener("click", () => {
    /** @type {HTMLDetailsElement} */ (form.closest("details")).open = true;
    value.value = JSON.parse(item.body).value;
    /** @type {HTMLElement|null} */ (form.querySelector("[name=reason_code]"))?.focus();
  });
  slot.querySelector(`[data-item="${item.key}"]`)?.append(h("p", { class: "row" }, button));
}

/** A timer whose start waits runs from the instant it was started, and can be stopped. @param {HTMLElement} timer @param {Item} item */
function timed(timer, item) {
  const { event } = JSON.parse(item.body);
  if (event === "stop") return timer.setAttribute("data-waits", "stop");
  timer.dataset.started ||= iso(item.made);
  const form = timer.querySelector("form");
  const wanted = /** @type {HTMLInputElement|null|undefined} */ (form?.querySelector("input[name=event]"));
  if (!form || !wanted || wanted.value === "stop") return;
  wanted.value = "stop";
  timer.querySelector("[data-not-started]")?.replaceWith(h("span", { class: "running", "data-runs-from": iso(item.made), role: "timer" }, "running"));
  const min = Number(timer.dataset.min || 0);
  form.querySelector("[data-early]")?.removeAttribute("hidden");
  form.dataset.tooSoonUntil = iso(item.made + min * 60000);
}

/** Another identity was scanned here and the server does not know it yet: nothing more is recorded in the step. */
function stop() {
  for (const old of sheet.querySelectorAll("[data-stopped=here]")) old.removeAttribute("data-stopped");
  for (const old of sheet.querySelectorAll(".stopped-here")) old.remove();
  for (const item of queue.mine()) {
    const step = ["waiting", "aside"].includes(item.status) && item.stops ? document.getElementById(item.stops) : null;
    if (!step || step.hasAttribute("data-stopped")) continue;
    step.setAttribute("data-stopped", "here");
    step.querySelector(".step-body")?.prepend(h("div", { class: "notice notice-fail stopped-here", role: "alert" },
      h("b", {}, "This step is stopped."), ` “${item.shown}” is another identity than that of this batch. Find out whose cells these are.`));
  }
}

function paint() {
  stop();
  const typing = /** @type {HTMLElement|null|undefined} */ (document.activeElement?.closest(".giving-up")?.closest(".queued"));
  if (typing && queue.mine().some((item) => item.key === typing.dataset.item)) return;
  const opened = [...sheet.querySelectorAll("[data-slot] > .queued:has(details[open])")].map((line) => /** @type {HTMLElement} */ (line).dataset.item);
  for (const old of sheet.querySelectorAll("[data-slot] > .queued")) old.remove();
  for (const slot of sheet.querySelectorAll("[data-waits]")) slot.removeAttribute("data-waits");
  for (const item of queue.mine()) {
    const slot = item.slot ? slotOf(item.slot) : null;
    if (!slot) continue;
    const unsaved = item.status === "waiting" || item.status === "aside";
    const quiet = item.status === "waiting" && worksIn(slot);
    if (unsaved && item.path !== "timers/") slot.setAttribute("data-waits", item.path);
    if (quiet) continue;
    if (unsaved && item.path === "timers/") timed(slot, item);
    const line = lineOf(item, false, item.status === "refused" && mendable(item, slot));
    for (const details of line.querySelectorAll("details")) details.open = opened.includes(item.key);
    slot.append(line);
    if (item.status === "conflict") correcting(item, slot);
  }
}

export function begin() {
  queue.watch(paint);
  sheet.addEventListener("swapped", paint);
  sheet.addEventListener("settled", paint);
  setInterval(() => { if (queue.mine().length) paint(); }, 5000);
}

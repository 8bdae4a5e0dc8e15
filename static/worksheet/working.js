// A button that was pressed says that it works until the answer is on the page, in its own place: nothing moves
// meanwhile, and its form takes nothing more. What takes longer is said in words beside the field.
import { sheet } from "./page.js";
import * as queue from "./queue.js";

const PATIENCE_MS = 2500;
/** Until when each form may work quietly. @type {Map<HTMLFormElement, number>} */
const until = new Map();

/** @param {HTMLFormElement} form */
export const isWorking = (form) => until.has(form);

/** The form in this place that works. @param {Element} slot @returns {boolean} */
export const worksIn = (slot) => [...until.keys()].some((form) => slot.contains(form));

/** @param {HTMLFormElement} form */
function extend(form) {
  until.set(form, performance.now() + PATIENCE_MS);
  setTimeout(settle, PATIENCE_MS + 50);
}

/** @param {HTMLFormElement} form @param {HTMLElement|null} button what was pressed */
export function start(form, button) {
  if (queue.way !== "open") return;
  const pressed = button || form.querySelector("button.main[type=submit], button[type=submit]");
  pressed?.setAttribute("aria-busy", "true");
  form.dataset.working = "";
  extend(form);
}

/** Whether the server answered with something else than yes, or nobody can ask it. @param {HTMLFormElement} form */
function isAnswered(form) {
  const slot = form.dataset.entry || form.closest("[data-slot]")?.getAttribute("data-slot");
  return queue.way !== "open" || queue.mine().some((item) => item.slot === slot && item.status !== "waiting");
}

/** The forms whose answer is there, or that worked long enough. */
export function settle() {
  let ended = false;
  for (const [form, moment] of until) {
    if (form.isConnected && performance.now() < moment && !isAnswered(form)) continue;
    until.delete(form);
    delete form.dataset.working;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    ended = true;
  }
  if (ended) sheet.dispatchEvent(new CustomEvent("settled"));
}

export function begin() {
  queue.watch(settle);
  sheet.addEventListener("swapped", settle);
  // The server has it; the page as the server has it comes next.
  queue.hear((item) => {
    for (const form of until.keys()) if (item.slot && form.closest(`[data-slot="${CSS.escape(item.slot)}"]`)) extend(form);
  });
}

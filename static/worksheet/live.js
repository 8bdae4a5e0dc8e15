// What colleagues record appears here within seconds, and nothing moves under a finger while it does.
import { refuse } from "./entries.js";
import { heard } from "./instants.js";
import { page, sheet } from "./page.js";
import * as queue from "./queue.js";

const EVERY_MS = 3000;
let revision = sheet.dataset.revision || "";
let pressed = false;
let looking = false;
let lookAgain = false;
/** What the server last sent of each part, to leave alone what has not changed. @type {Map<string, string>} */
const sent = new Map();

/** @param {Element} part */
const plain = (part) => part.outerHTML.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1");
/** @param {Element} node */
const named = (node) => /** @type {HTMLElement} */ (node).dataset.live || /** @type {HTMLElement} */ (node).dataset.liveIn || "";

/** Somebody is choosing, signing or saying why in this part: it stays as it is until they are done. @param {Element} part */
function busy(part) {
  const active = document.activeElement;
  if (active && part.contains(active) && active.matches("select, .giving-up *, video")) return true;
  const signing = /** @type {HTMLInputElement[]} */ ([...part.querySelectorAll("form.sign input:not([type=hidden]), form.sign textarea")]);
  return signing.some((input) => input === active || input.value !== input.defaultValue || input.checked !== input.defaultChecked);
}

/** What was typed into a part and not sent, by the form it stands in. @param {Element} part */
function typedIn(part) {
  const inputs = /** @type {HTMLInputElement[]} */ ([...part.querySelectorAll("form input:not([type=hidden]), form textarea, form select")]);
  return inputs.map((input) => ({
    at: input.id, value: input.value, active: input === document.activeElement,
    fault: input.getAttribute("aria-invalid") === "true" ? document.getElementById(`${input.id}-says`)?.textContent || "" : "",
    typed: input.matches("select") ? true : input.value !== input.defaultValue,
    range: input.matches("input[type=text], input:not([type]), textarea") ? [input.selectionStart, input.selectionEnd] : null,
  })).filter((kept) => kept.at && (kept.typed || kept.active));
}

/** Which folded place this is, whatever else is on the page. @param {HTMLDetailsElement} details */
const placeOf = (details) => details.dataset.place ||
  `${details.closest("[data-slot]")?.id || ""} ${details.className} ${details.matches(".step-fold") ? "" : details.querySelector("summary")?.textContent}`;

/** Whether what stands in this form is on the server: it was sent, and the page that comes has it. @param {Element|null} form @param {Element} fresh */
function isSaved(form, fresh) {
  if (!(form instanceof HTMLFormElement) || !("sent" in form.dataset)) return false;
  const next = fresh.querySelector(`form[data-entry="${CSS.escape(form.dataset.entry || "")}"] [name=seen]`);
  const seen = /** @type {HTMLInputElement|null} */ (form.elements.namedItem("seen"));
  return /** @type {HTMLInputElement|null} */ (next)?.value !== seen?.value
    && !queue.mine().some((item) => item.slot === form.dataset.entry && item.status !== "waiting");
}

/** @param {Element} old @param {Element} fresh */
function swap(old, fresh) {
  const saved = new Set([...old.querySelectorAll("form[data-sent]")].filter((form) => isSaved(form, fresh)));
  const typed = typedIn(old).filter((kept) => !saved.has(/** @type {HTMLInputElement} */ (document.getElementById(kept.at)).form || old));
  const opened = new Set([...old.querySelectorAll("details")]
    .filter((details) => details.open && ![...saved].some((form) => details.matches(".more") && (details.contains(form) || form.contains(details))))
    .map(placeOf));
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const before = active?.getBoundingClientRect().top;
  old.replaceWith(fresh);
  for (const each of fresh.querySelectorAll("details")) each.open ||= opened.has(placeOf(each));
  for (const form of old.querySelectorAll("form[data-sent]")) {  // painted again before it was answered
    const again = saved.has(form) ? null : fresh.querySelector(`form[data-entry="${CSS.escape(/** @type {HTMLElement} */ (form).dataset.entry || "")}"]`);
    again?.setAttribute("data-sent", "");
  }
  for (const kept of typed) {
    const input = /** @type {HTMLInputElement|null} */ (document.getElementById(kept.at));
    if (!input || !fresh.contains(input)) continue;
    if (kept.typed) input.value = kept.value;
    if (kept.fault && kept.typed && input.form) refuse(input.form, input.name, kept.fault);
    if (!kept.active) continue;
    for (let node = input.parentElement; node; node = node.parentElement) if (node.matches("details.step-fold")) /** @type {HTMLDetailsElement} */ (node).open = true;
    input.focus({ preventScroll: true });
    if (kept.range) input.setSelectionRange(kept.range[0], kept.range[1]);
    if (before !== undefined) window.scrollBy(0, input.getBoundingClientRect().top - before);
  }
}

/** Make the parts of `old` like those of `fresh`. @param {Element} old @param {Element} fresh @returns {boolean} whether all could be */
function merge(old, fresh) {
  let all = true;
  let place = /** @type {Element|null} */ (null);
  const wanted = [...fresh.children];
  for (const child of [...old.children]) {
    if (named(child) && !wanted.some((next) => named(next) === named(child))) child.remove();
  }
  for (const next of wanted) {
    const name = named(next);
    const here = [...old.children].find((child) => named(child) === name);
    if (!here) {
      if (place) place.after(next); else old.prepend(next);
      place = next;
      continue;
    }
    place = here;
    if (/** @type {HTMLElement} */ (next).dataset.liveIn) {
      all = merge(here, next) && all;
    } else if (sent.get(name) !== plain(next)) {
      if (busy(here)) { all = false; continue; }
      sent.set(name, plain(next));
      swap(here, next);
      place = next;
    }
  }
  return all;
}

/** @param {string} html */
function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-live-in=worksheet]");
  const old = sheet.querySelector("[data-live-in=worksheet]");
  const done = Boolean(fresh && old) && merge(/** @type {Element} */ (old), /** @type {Element} */ (fresh));
  sheet.dispatchEvent(new CustomEvent("swapped"));
  return done;
}

export async function look() {
  if (looking || document.hidden) return;
  looking = true;
  try {
    const answer = await fetch(page.live, {
      credentials: "same-origin", redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(15000),
      headers: { "X-Oxinate-Looks-Again": "1", "If-None-Match": revision },
    });
    if (answer.type === "opaqueredirect") return queue.found("signed-out");
    if (!answer.ok && answer.status !== 304) return queue.found("unreachable");
    heard(answer.headers.get("Oxinate-Now"));
    if (answer.headers.get("Oxinate-Person") !== page.person) return queue.found("other-person");
    if (["unreachable", "signed-out", "other-person"].includes(queue.way)) {
      queue.found("open");
      void queue.send();
    }
    if (answer.status === 304) return;
    const html = await answer.text();
    while (pressed) await new Promise((resolve) => { addEventListener("pointerup", resolve, { once: true }); addEventListener("pointercancel", resolve, { once: true }); });
    if (show(html)) revision = answer.headers.get("ETag") || "";
  } catch (fault) {
    if (!(fault instanceof TypeError || fault instanceof DOMException)) throw fault;
    queue.found("unreachable");
  } finally {
    looking = false;
    if (lookAgain) void look();
    lookAgain = false;
  }
}

export function begin() {
  addEventListener("pointerdown", () => { pressed = true; });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { pressed = false; });
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", () => void look());
  let unsent = queue.waiting().length;
  queue.watch(() => {
    const left = queue.waiting().length;
    if (left < unsent) {  // something of ours went up: show it as the server has it
      lookAgain = looking;  // a look that began before it did shows the page of before
      void look();
    }
    unsent = left;
  });
}

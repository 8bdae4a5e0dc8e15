// The line above the steps says in words whether everything is on the server. Its space is always there.
import { clockTime, now } from "./instants.js";
import { h, page, sheet, slotOf } from "./page.js";
import { lineOf } from "./painting.js";
import * as queue from "./queue.js";

const says = /** @type {HTMLElement} */ (document.getElementById("line-says"));
const scans = /** @type {HTMLElement} */ (document.getElementById("scan-says"));
const tools = /** @type {HTMLElement} */ (document.querySelector(".line-tools"));
const more = /** @type {HTMLElement} */ (document.getElementById("line-more"));

/** @param {number} n */
const entries = (n) => `${n} ${n === 1 ? "entry" : "entries"}`;
/** @param {number} n */
const byThemselves = (n) => (n === 1 ? "it goes up by itself" : "they go up by themselves");

/** The state of the line: tone, sign and sentence. @returns {[string, string, string]} */
function sentence() {
  const held = queue.held().length;
  const n = queue.waiting().length - held + queue.making;
  const refused = queue.items.filter((item) => item.person === page.person && item.status !== "waiting").length + held;
  const others = queue.items.filter((item) => item.person !== page.person).length;
  if (queue.way === "signed-out") return ["fail", "!", n ? `Your session has ended. ${entries(n)} kept here, not yet saved.` : "Your session has ended."];
  if (queue.way === "other-person") return ["fail", "!", `Somebody else is signed in in this browser. ${entries(n)} of yours kept here.`];
  if (queue.way === "unreachable") return ["warn", "○", n ? `No connection.${asOf()} ${entries(n)} kept here; ${byThemselves(n)}.` : `No connection.${asOf()} What you record is kept here until it is back.`];
  if (queue.way === "busy") return ["warn", "○", `The server is busy. ${entries(n)} kept here; ${byThemselves(n)}.`];
  if (queue.way === "failing") return ["warn", "○", `The server could not take an entry yet. ${entries(n)} kept here; ${byThemselves(n)}.`];
  if (n) return ["wait", "○", `Saving ${entries(n)}.`];
  if (refused) return ["fail", "✕", `${entries(refused)} not saved: see below.`];
  if (others) return ["wait", "○", `Everything is saved. ${entries(others)} of somebody else kept here: see below.`];
  return ["pass", "✓", "Everything is saved."];
}

/** Of when this page is, where it comes out of the browser's store. */
function asOf() {
  const kept = document.documentElement.dataset.kept;
  return kept ? ` This page is as it was at ${clockTime(Number(kept))}.` : "";
}

/** The end of a sentence that says where to look goes there. @param {string} words @returns {(Node|string)[]} */
function linked(words) {
  if (!words.endsWith("see below.")) return [words];
  const link = h("a", { href: "#line-more" }, "see below");
  link.addEventListener("click", (event) => { event.preventDefault(); show(sheet.querySelector(".queued:not(.queued-waiting)") || more); });
  return [words.slice(0, -"see below.".length), link, "."];
}

/** @param {Element} place */
function show(place) {
  for (let node = /** @type {Element|null} */ (place); node; node = node.parentElement) if (node.tagName === "DETAILS") /** @type {HTMLDetailsElement} */ (node).open = true;
  place.scrollIntoView({ block: "center" });
}

/** @param {string} before */
function signIn(before) {
  const next = encodeURIComponent(location.pathname + location.search);
  return h("a", { class: "button main way-back", href: `/sign-in/?next=${next}` }, before);
}

let shown = "";
function paint() {
  if (!queue.known && !queue.making) return;  // what the server wrote stands until it is known whether something waits
  const kept = document.documentElement.dataset.kept;
  if (kept && queue.way === "open") return location.reload();  // a page out of the browser's store gives way to the real one
  const [tone, sign, words] = sentence();
  if (shown !== words) {
    shown = words;
    sheet.dataset.line = tone;
    says.replaceChildren(h("span", { class: `line-sign state-${tone}`, "aria-hidden": "true" }, sign), h("span", { class: "line-words" }, ...linked(words)));
    says.toggleAttribute("data-long", words.length > 30);
    tools.querySelector(".way-back")?.remove();
    if (queue.way === "signed-out") tools.append(signIn("Sign in again"));
    if (queue.way === "other-person") tools.append(signIn("Reload the page"));
  }
  const section = /** @type {HTMLElement} */ (says.parentElement);
  scans.hidden = !sheet.querySelector("form.entry");
  if (queue.items.length || tone !== "pass" || !scans.hidden) section.hidden = false;
  const typing = document.activeElement?.closest(".giving-up");
  if (typing) return;
  const elsewhere = queue.items.filter((item) => !onItsWay(item)
    && (item.batch !== page.number || item.person !== page.person || !item.slot || !slotOf(item.slot)));
  const opened = [...more.querySelectorAll(".queued:has(details[open])")].map((line) => /** @type {HTMLElement} */ (line).dataset.item);
  more.hidden = elsewhere.length === 0;
  more.replaceChildren(...elsewhere.map((item) => {
    const line = lineOf(item, true);
    for (const details of line.querySelectorAll("details")) details.open = opened.includes(item.key);
    if (item.person !== page.person) line.append(h("p", { class: "small" }, `Recorded by ${item.person}; it goes up when ${item.person} signs in on this computer again.`));
    return line;
  }));
}

/** What will be on the server in a moment is not worth a line. @param {import("./store.js").Item} item */
const onItsWay = (item) => item.status === "waiting" && queue.way === "open" && now() - item.made < 2500;

export function begin() {
  queue.watch(paint);
  setInterval(() => { if (queue.items.length) paint(); }, 5000);
  sheet.addEventListener("swapped", paint);
  paint();
}

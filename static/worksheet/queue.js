// Sends what waits, one after the other, in the order it was made. Whatever happens on the way, it is recorded once.
import { iso, now } from "./instants.js";
import { page } from "./page.js";
import * as store from "./store.js";

/** @typedef {import("./store.js").Item} Item */
/** What stands between an entry and the server: nothing, the network, or a session. */
/** @typedef {"open"|"unreachable"|"signed-out"|"other-person"|"busy"|"failing"} Way */

const AGAIN_MS = 3000, LONGEST_MS = 20_000;
// The addresses a worksheet posts to, below a batch. What another script may have put into the database goes nowhere.
const PATHS = /^(entries\/(\d+\/correct\/)?|timers\/|scans\/|discards\/)$/;
/** How often an entry is tried that the server fails over, or does not answer, while it answers everything else. */
const MOST_TRIES = 5;
const listeners = /** @type {Set<() => void>} */ (new Set());
const hearers = /** @type {Set<(item: Item, answer: any) => void>} */ (new Set());
/** @type {Item[]} */
export let items = [];
/** Whether the browser's database was read: until then nobody knows whether something waits. */
export let known = false;
/** @type {Way} */
export let way = document.documentElement.dataset.kept ? "unreachable" : "open";
let sending = false;
/** Entries on their way into the browser's database: the line says so from the first instant. */
export let making = 0;

/** Call `listener` whenever something about the queue changes. @param {() => void} listener */
export function watch(listener) { listeners.add(listener); }

/** Call `hearer` with what the server answered to an entry that it took. @param {(item: Item, answer: any) => void} hearer */
export function hear(hearer) { hearers.add(hearer); }

/** Another page of this browser may have added or sent something. */
async function lookAgain() {
  if (JSON.stringify(await store.all()) !== JSON.stringify(items)) await changed();
}

async function changed() {
  items = await store.all();
  known = true;
  for (const listener of listeners) listener();
}

/** @param {Way} next */
export function found(next) {
  if (way === next) return;
  way = next;
  for (const listener of listeners) listener();
}

export const mine = () => items.filter((item) => item.person === page.person && item.batch === page.number);
export const waiting = () => items.filter((item) => item.person === page.person && item.status === "waiting");

/** Whether an earlier entry of the same place stands aside: a timer is not stopped before it was started. @param {Item} item */
const isHeld = (item) => Boolean(item.slot) && items.some((earlier) => earlier.status === "aside" && earlier.person === item.person
  && earlier.batch === item.batch && earlier.slot === item.slot && (earlier.id || 0) < (item.id || 0));
export const held = () => waiting().filter(isHeld);
const nextOne = () => waiting().find((item) => !isHeld(item));

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Keep an entry, then send it. What was refused in the same place before is replaced by it.
 * @param {{path: string, body: object, slot: string, label: string, shown: string, made?: number, stops?: string}} entry */
export async function keep(entry) {
  making += 1;
  for (const listener of listeners) listener();
  const earlier = mine().filter((item) => item.slot === entry.slot && ["refused", "conflict"].includes(item.status));
  await store.add({
    made: now(), ...entry, body: JSON.stringify(entry.body), key: newKey(), person: page.person, batch: page.number,
    status: "waiting",
  });
  for (const item of earlier) await store.remove(item.id);
  making -= 1;
  await changed();
  void send();
}

/** A refused entry is given up: that it was, and why, goes up in its place. @param {Item} item @param {string} reason */
export async function discard(item, reason) {
  if (!items.some((each) => each.key === item.key)) return;  // given up already
  await store.add({
    key: newKey(), person: page.person, batch: item.batch, path: "discards/", slot: "", label: item.label,
    shown: "given up", made: now(), status: "waiting",
    body: JSON.stringify({ what: `${item.label}: ${item.shown}`, at: iso(item.made), refusal: item.says || "", reason }),
  });
  await store.remove(item.id);
  await changed();
  void send();
}

/** An entry that stands aside is tried once more, in its own place among those that wait. @param {Item} item */
export async function tryAgain(item) {
  await store.put({ ...item, status: "waiting", tries: MOST_TRIES - 1 });
  await changed();
  void send();
}

/** @param {string} name */
const cookie = (name) => document.cookie.split("; ").find((c) => c.startsWith(`${name}=`))?.slice(name.length + 1) || "";

/** @param {Item} item */
const post = (item) => fetch(`/api/v1/batches/${encodeURIComponent(item.batch)}/${item.path}`, {
  method: "POST",
  credentials: "same-origin",
  body: item.body,
  headers: {
    "Content-Type": "application/json",
    "Idempotency-Key": item.key,
    "Oxinate-Person": item.person,
    "Oxinate-Waited": String(Math.max(0, Math.floor((now() - item.made) / 1000))),
    "X-CSRFToken": cookie("csrftoken"),
  },
  signal: AbortSignal.timeout(LONGEST_MS),
});

/** Whether a try ended because nothing answered in time. @param {unknown} fault */
const isSilence = (fault) => fault instanceof DOMException && ["TimeoutError", "AbortError"].includes(fault.name);

/** The batch of an entry as the server has it; null where that does not answer. @param {Item} item */
async function batchOf(item) {
  const answer = await fetch(`/api/v1/batches/${encodeURIComponent(item.batch)}/`, {
    credentials: "same-origin", signal: AbortSignal.timeout(LONGEST_MS),
  });
  return answer.ok ? answer.json() : null;
}

/** Whether what is there is this very entry, whose answer was lost on the way. @param {Item} item @param {any} batch */
function isThere(item, batch) {
  const made = JSON.parse(item.body);
  const [key, fieldKey] = item.slot.split(".");
  const step = batch?.steps.find((/** @type {any} */ s) => s.key === key);
  if (made.event) return Date.parse(step?.timer?.[made.event === "start" ? "started_at" : "stopped_at"]) === Date.parse(made.at);
  const entry = step?.fields.find((/** @type {any} */ f) => f.key === fieldKey)?.entry;
  if (!entry || entry.recorded_by.username !== item.person || entry.typed !== String(made.value).trim()) return false;
  const corrected = /^entries\/(\d+)\/correct\/$/.exec(item.path);
  return corrected ? entry.corrects === Number(corrected[1]) : Date.parse(entry.at) === Date.parse(made.at);
}

const FAILED = "The server could not take this entry, while it answers otherwise. It is kept here: try it again, or give it up and say why.";
const SILENT = "The server does not answer this entry, while it answers otherwise. It is kept here: try it again, it is recorded once whatever became of it; or give it up and say why.";

/** The server is there and fails over this one entry, or never answers it: after some tries it stands aside, and the
 * others go on.
 * @param {Item} item @returns {Promise<boolean>} whether to go on with the next */
async function failed(item, says = FAILED) {
  const batch = await batchOf(item);
  if (!batch) return found("unreachable"), false;
  if (isThere(item, batch)) return await store.remove(item.id), true;
  const tries = (item.tries || 0) + 1;
  if (tries < MOST_TRIES) {
    await store.put({ ...item, tries });
    return found("failing"), false;
  }
  found("open");
  await store.put({
    ...item, tries, status: "aside", code: "failed",
    says,
  });
  return true;
}

/** What became of one entry. @param {Item} item @returns {Promise<boolean>} whether to go on with the next */
async function sendOne(item) {
  if (!PATHS.test(item.path)) {
    await store.put({ ...item, status: "refused", code: "unknown_path", says: "This was not made on a worksheet; it is not sent." });
    return true;
  }
  const answer = await post(item).catch((fault) => { if (!isSilence(fault)) throw fault; });
  if (!answer) return failed(item, SILENT);  // no answer to this one: whether the server is there at all, its batch tells
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) {
    await store.remove(item.id);
    found("open");
    for (const hearer of hearers) hearer(item, body);
    return true;
  }
  if (answer.status === 401) return found("signed-out"), false;
  if (body.code === "other_person") return found("other-person"), false;
  if (answer.status === 429) return found("busy"), false;
  if ([502, 503, 504].includes(answer.status)) return found("unreachable"), false;  // something before the server says so
  if (answer.status >= 500) return failed(item);
  if (answer.status === 403 && /CSRF/.test(body.detail || "")) return found("signed-out"), false;
  if (["still_running", "already_recorded", "stale"].includes(body.code)) {
    if (isThere(item, await batchOf(item))) return await store.remove(item.id), true;
    // It hangs in the server since a try that was not answered: that counts like no answer.
    if (body.code === "still_running" && item.tries) return failed(item, SILENT);
    if (body.code === "still_running") return found("busy"), false;
  }
  found("open");
  await store.put({
    ...item, status: ["already_recorded", "stale"].includes(body.code) ? "conflict" : "refused",
    code: body.code || "", says: body.detail || `The server answered ${answer.status}.`,
  });
  return true;
}

async function sendAll() {
  for (;;) {
    items = await store.all();
    const next = nextOne();
    if (!next) return ["busy", "failing"].includes(way) ? found("open") : undefined;
    const goOn = await sendOne(next);
    await changed();
    if (!goOn) return;
  }
}

/** Send what waits. Several pages of one browser take turns. */
export async function send() {
  if (sending) return;
  sending = true;
  try {
    if (navigator.locks) await navigator.locks.request("oxinate-queue", sendAll);
    else await sendAll();
  } catch (fault) {
    if (!(fault instanceof TypeError || fault instanceof DOMException)) throw fault;
    found("unreachable");  // no network, a server that is down, or one that does not answer
  } finally {
    sending = false;
    await changed();
  }
  if (way === "open" && nextOne()) void send();  // made while the last one was on its way
}

export async function begin() {
  await changed();
  void send();
  setInterval(lookAgain, AGAIN_MS);
  setInterval(() => { if (nextOne() && way !== "signed-out" && way !== "other-person") void send(); }, AGAIN_MS);
  window.addEventListener("online", () => void send());
  document.addEventListener("visibilitychange", () => { if (!document.hidden) void send(); });
}

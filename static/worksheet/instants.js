// The site's time. The server's clock is the only reference; this computer's clock measures how long ago it was read.
import { page, sheet } from "./page.js";

const KEPT = "oxinate-offset";
// Milliseconds from this computer's clock to the server's. Each answer gives a lower bound (it was on its way for a
// moment), so the largest is the nearest to the truth, and no entry is ever stamped in the future.
let offset = -Infinity;
let wall = Date.now();
let steady = performance.now();

/** An answer of the server says what time it is. @param {string|null} iso */
export function heard(iso) {
  if (!iso) return;
  const sample = Date.parse(iso) - Date.now();
  // This computer's clock was set, or slept without counting: what was known before no longer holds.
  const jumped = Math.abs(Date.now() - wall - (performance.now() - steady)) > 1500;
  wall = Date.now();
  steady = performance.now();
  offset = jumped ? sample : Math.max(offset, sample);
  localStorage.setItem(KEPT, String(offset));
}

/** The site's time now, in milliseconds. */
export const now = () => Date.now() + offset;

// A page out of the browser's own store was made some time ago: then the offset that was learned last holds.
if (document.documentElement.dataset.kept && localStorage.getItem(KEPT)) offset = Number(localStorage.getItem(KEPT));
else {
  const [loaded] = performance.getEntriesByType("navigation");
  const since = performance.now() - (/** @type {PerformanceNavigationTiming} */ (loaded)?.responseEnd || 0);
  offset = Date.parse(sheet.dataset.now || "") - (Date.now() - since);
  localStorage.setItem(KEPT, String(offset));
}

/** @param {number} at the site's time in ms @returns {string} ISO 8601 with milliseconds, in UTC */
export const iso = (at) => new Date(at).toISOString();

/** `14:32:05` in the site's zone. @param {number} at */
export const clockTime = (at) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: page.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);

/** `4 min` or `1 h 05 min`. @param {number} ms */
export function span(ms) {
  const minutes = Math.max(0, Math.floor(ms / 60000));
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min` : `${minutes} min`;
}

/** What a wall clock of the site shows at `at`, as if it were UTC. @param {number} at */
function wallClock(at) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: page.zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(at);
  const of = Object.fromEntries(parts.map((part) => [part.type, Number(part.value)]));
  return Date.UTC(of.year, of.month - 1, of.day, of.hour, of.minute, of.second);
}

/** A date and time of the site's wall clock as an instant. Throws a sentence for an hour that was never or twice.
 * @param {string} local `2026-03-29T02:30` or with seconds */
export function instantOf(local) {
  const wanted = Date.parse(`${local}Z`);
  if (Number.isNaN(wanted)) throw new Error(`“${local}” is not a date and time.`);
  const hour = 3600000;
  const offsets = new Set([-12, 0, 12].map((h) => wallClock(wanted + h * hour) - (wanted + h * hour)));
  const found = [...new Set([...offsets].map((o) => wanted - o))].filter((at) => wallClock(at) === wanted);
  if (!found.length) throw new Error("This time does not exist on that day, when the clocks went forward.");
  if (found.length > 1) {
    throw new Error("This hour happened twice on that day, when the clocks went back; record the time as a minute outside it.");
  }
  return found[0];
}

// Timers warn before their end and sound when it is past. They are reckoned from the server's instants: a reload or a
// closed lid changes nothing about them. The screen stays awake while one runs.
import { now } from "./instants.js";
import { sheet } from "./page.js";
import { sound } from "./sound.js";

const SOON_MS = 60_000, AGAIN_MS = 5000;
/** What was said of each timer, and when it last sounded. @type {Map<string, {state: string, at: number}>} */
const said = new Map();
/** @type {any} */
let awake = null;

/** @param {number} ms */
function span(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s` : `${seconds} s`;
}

/** @param {HTMLElement} timer @returns {[string, string]} its state and what it says */
function stateOf(timer) {
  const started = Date.parse(timer.dataset.started || "");
  const passed = now() - started;
  const max = Number(timer.dataset.max || NaN) * 60_000, min = Number(timer.dataset.min || NaN) * 60_000;
  if (passed > max) return ["alarm", `${span(passed - max)} past its maximum. Stop it now.`];
  if (max - passed <= SOON_MS) return ["soon", `Stop within ${span(max - passed)}.`];
  if (passed >= min) return ["may-stop", Number.isNaN(max) ? "It may be stopped." : `It may be stopped; at the latest in ${span(max - passed)}.`];
  return ["runs", ""];
}

function tick() {
  const running = /** @type {HTMLElement[]} */ ([...sheet.querySelectorAll(".timer[data-started]")]);
  for (const timer of running) {
    const name = timer.dataset.slot || "";
    const [state, words] = stateOf(timer);
    const place = timer.querySelector("[data-timer-says]");
    timer.dataset.state = state;
    if (place && place.textContent !== words) place.textContent = words;
    const before = said.get(name);
    const due = before?.state !== state || (state === "alarm" && now() - before.at >= AGAIN_MS);
    if (due && state !== "runs") sound(state === "alarm" ? "alarm" : "soon");
    if (due) said.set(name, { state, at: now() });
  }
  void keepAwake(running.length > 0);
}

/** @param {boolean} wanted */
async function keepAwake(wanted) {
  if (!("wakeLock" in navigator) || document.hidden || Boolean(awake && !awake.released) === wanted) return;
  if (!wanted) return void awake.release();
  awake = await /** @type {any} */ (navigator).wakeLock.request("screen").catch(() => null);
}

export function begin() {
  tick();
  setInterval(tick, 1000);
}

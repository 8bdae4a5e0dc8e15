// What moves with time: the site's clock, countdowns, timers, decaying activity. The server's time is the only time:
// the browser's clock serves to measure how long ago the page was made, never as a reference.
"use strict";
(() => {
  const clock = document.querySelector("[data-clock]");
  if (!clock) return;
  const servedAt = Date.parse(clock.dataset.clock);
  const arrived = performance.now();
  const now = () => servedAt + (performance.now() - arrived);

  // The offset of the site's zone is written in the served instant; the browser's own zone plays no part.
  const offset = /([+-])(\d\d):(\d\d)$/.exec(clock.dataset.clock);
  const shift = offset ? (offset[1] === "-" ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60000 : 0;
  const two = (n) => String(n).padStart(2, "0");

  function span(ms) {
    const s = Math.floor(Math.abs(ms) / 1000);
    const days = Math.floor(s / 86400), hours = Math.floor((s % 86400) / 3600);
    const minutes = Math.floor((s % 3600) / 60);
    if (days) return `${days} d ${hours} h`;
    if (hours) return `${hours} h ${two(minutes)} min`;
    return `${minutes} min ${two(s % 60)} s`;
  }

  function figures(value, like, shown) {
    const decimals = shown ? Number(shown) : (String(like).split(".")[1] || "").length;
    return value.toFixed(Math.min(decimals, 4));
  }

  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function tick() {
    const t = now();
    const local = new Date(t + shift);
    write(clock.querySelector("span"), `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`);
    for (const node of document.querySelectorAll("[data-counts-to]")) {
      const left = Date.parse(node.dataset.countsTo) - t;
      write(node, left > 0 ? `in ${span(left)}` : `expired ${span(left)} ago`);
    }
    for (const node of document.querySelectorAll("[data-runs-from]")) {
      write(node, span(t - Date.parse(node.dataset.runsFrom)));
    }
    for (const node of document.querySelectorAll("[data-may-stop]")) {
      const left = Date.parse(node.dataset.mayStop) - t;
      write(node, left > 0 ? `can stop in ${span(left)}` : "can stop");
    }
    for (const form of document.querySelectorAll("form[data-too-soon-until]")) {
      const left = Date.parse(form.dataset.tooSoonUntil) - t;
      const button = form.querySelector("button[type=submit]"), early = form.querySelector("[data-early]");
      if (early) early.querySelector("input").required = left > 0;
      if (left > 0) {
        write(button, `Stop early (${span(left)} too soon)`);
      } else {
        write(button, "Stop the timer");
        button.className = "main";
        if (early && !early.querySelector("input").value) early.style.visibility = "hidden";
        delete form.dataset.tooSoonUntil;
      }
    }
    for (const node of document.querySelectorAll("[data-decays]")) {
      const elapsed = (t - Date.parse(node.dataset.at)) / 1000;
      const activity = Number(node.dataset.decays) * Math.exp((-Math.LN2 * elapsed) / Number(node.dataset.halfLifeS));
      write(node, figures(activity, node.dataset.decays, node.dataset.decimals));
    }
  }
  // The browser's own clock is never used, but whoever reads the time off this screen should know that it is wrong.
  // A page that the browser kept from earlier tells nothing: its served instant is old by right.
  const [navigation] = performance.getEntriesByType("navigation");
  const off = Date.now() - servedAt;
  if (Math.abs(off) > 60000 && !(navigation && navigation.type === "back_forward")) {
    const warning = document.createElement("div");
    warning.className = "notice notice-warn";
    warning.id = "clock-warning";
    warning.setAttribute("role", "status");
    warning.textContent = `The clock of this computer is ${span(off)} ${off > 0 ? "ahead" : "behind"}. ` +
      "What you record is stamped with the site's clock, shown above; have this computer's clock set right.";
    const place = document.querySelector("#content > .stack");
    if (place) place.prepend(warning);
  }
  tick();
  setInterval(tick, 1000);
})();

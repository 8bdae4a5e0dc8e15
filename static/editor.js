// The editor of documents works without this script. With it, lines are numbered, the text is checked as it is typed, and
// what was typed and not saved is here again after a closed lid or a lost session.
"use strict";
(() => {
  const WAIT = 500;
  const saving = "document-saving";
  const form = document.querySelector("form[data-editor]");
  if (!form) { // where saving led to: the draft is a version now
    const key = sessionStorage.getItem(saving);
    if (key && !document.referrer.includes("/sign-in/")) {
      localStorage.removeItem(key);
      sessionStorage.removeItem(saving);
    }
    return;
  }
  const area = form.querySelector("textarea");
  const gutter = form.querySelector("[data-gutter]");
  const says = form.querySelector("[data-says]");
  const restored = form.querySelector("[data-restored]");
  const key = `document:${location.pathname}`;
  const initial = area.defaultValue;
  let bad = new Set();
  let timer = 0;
  let asked = 0;

  function number() {
    const count = area.value.split("\n").length;
    const lines = [];
    for (let line = 1; line <= count; line += 1) {
      const span = document.createElement("span");
      span.textContent = String(line);
      if (bad.has(line)) span.className = "bad";
      lines.push(span);
    }
    gutter.replaceChildren(...lines);
    gutter.scrollTop = area.scrollTop;
  }

  function marked() {
    const checked = document.querySelector("[data-checked]");
    bad = new Set((checked.dataset.lines || "").split(" ").filter(Boolean).map(Number));
    number();
  }

  async function check() {
    const turn = asked += 1;
    says.textContent = "Checking …";
    try {
      const answer = await fetch(form.dataset.editor, { method: "POST", body: new FormData(form), credentials: "same-origin" });
      if (turn !== asked) return; // something newer was typed meanwhile
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-checked]");
      if (!answer.ok || !fresh) throw new Error("no answer");
      document.querySelector("[data-checked]").replaceWith(fresh);
      marked();
      says.textContent = bad.size ? "Not in order yet; what is wrong stands beside it." : "In order.";
    } catch {
      says.textContent = "Not checked: the server did not answer. What you typed is kept in this browser.";
    }
  }

  function keep() {
    if (area.value === initial) localStorage.removeItem(key);
    else localStorage.setItem(key, area.value);
  }

  area.addEventListener("input", () => {
    number();
    keep();
    clearTimeout(timer);
    timer = setTimeout(check, WAIT);
  });
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.value === "save") sessionStorage.setItem(saving, key);
  });

  function lead(line, place) {
    const lines = area.value.split("\n");
    const wanted = line - 1;
    const start = lines.slice(0, wanted).join("\n").length + (wanted ? 1 : 0);
    area.setSelectionRange(start, start + (lines[wanted] || "").length);
    area.focus({ preventScroll: true });
    place.scrollIntoView({ block: "start" });
    requestAnimationFrame(() => { // after the browser has brought the cursor into sight in its own way
      area.scrollTop = Math.max(0, (wanted - 5) * (area.scrollHeight / lines.length));
      area.scrollLeft = 0;
    });
  }

  // A finding leads to its line.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line]");
    if (!link) return;
    event.preventDefault();
    lead(Number(link.dataset.line), area.closest(".field"));
  });

  form.querySelector("[data-discard]").addEventListener("click", () => {
    area.value = initial;
    restored.hidden = true;
    keep();
    check();
  });

  sessionStorage.removeItem(saving);
  const kept = localStorage.getItem(key);
  if (kept !== null && kept !== initial) {
    area.value = kept;
    restored.hidden = false;
    check();
  }
  marked();
  // A draft that was refused: what is wrong comes into sight, with the cursor where the first of it stands.
  if ("refused" in form.dataset && bad.size) {
    const faults = document.querySelector("[data-checked]");
    const beside = faults.getBoundingClientRect().left > form.getBoundingClientRect().left + 40;
    lead(Math.min(...bad), beside ? form : faults);
  }
})();

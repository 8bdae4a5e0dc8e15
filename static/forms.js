// Forms work without this script. With it, a form is sent once, nothing typed is lost, and a lost network is said at once.
"use strict";
(() => {
  const drafts = (form) => `draft:${form.getAttribute("action")}:${form.dataset.entry}`;

  function say(form, text) {
    let note = form.querySelector("[data-note]");
    if (!note) {
      note = document.createElement("p");
      note.dataset.note = "";
      note.className = "more error";
      note.setAttribute("role", "alert");
      form.append(note);
    }
    note.textContent = text;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    if (form.method === "post" && !navigator.onLine) {
      event.preventDefault();
      say(form, "Not saved: there is no network. What you typed stays here; try again when it is back.");
      return;
    }
    if ("signsOut" in form.dataset) {
      sessionStorage.clear();
      if ("caches" in window) caches.delete("oxinate-worksheet");
    }
    form.dataset.sending = "yes";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });

  // Coming back with the browser's own button shows the page as it was left: it may be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sending]")) delete form.dataset.sending;
    for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  });

  // Values typed into other fields of the page survive the saving of one of them. Passwords are never kept.
  for (const form of document.querySelectorAll("form[data-entry]")) {
    const input = form.querySelector("[data-draft]");
    const kept = input && sessionStorage.getItem(drafts(form));
    if (kept && !input.value) input.value = kept;
  }
  document.addEventListener("input", ({ target }) => {
    const form = target.closest("form[data-entry]");
    if (!form || !target.matches("[data-draft]")) return;
    if (target.value) sessionStorage.setItem(drafts(form), target.value);
    else sessionStorage.removeItem(drafts(form));
  });
  document.addEventListener("submit", ({ target }) => {
    if (target.dataset.entry) sessionStorage.removeItem(drafts(target));
  });

  // A session that timed out meets the form on its way: whoever signs in again finds what they had typed in it.
  // Names, passwords and codes are never kept.
  const NEVER = ["username", "password", "otp", "old", "new", "again"];
  const sentKey = "sent";
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || "signsOut" in form.dataset || event.defaultPrevented) return;
    const typed = {};
    for (const input of form.elements) {
      const plain = input.matches("textarea, select, input:not([type=hidden], [type=password], [type=file])");
      if (plain && input.name && !NEVER.includes(input.name)) typed[input.id || input.name] = input.value;
    }
    const sent = { page: location.pathname, action: form.getAttribute("action"), entry: form.dataset.entry, typed };
    sessionStorage.setItem(sentKey, JSON.stringify(sent));
  });
  const sent = JSON.parse(sessionStorage.getItem(sentKey) || "null");
  sessionStorage.removeItem(sentKey);
  if (sent && sent.page === location.pathname && document.referrer.includes("/sign-in/")) {
    for (const form of document.querySelectorAll("form")) {
      if (form.getAttribute("action") !== sent.action || form.dataset.entry !== sent.entry) continue;
      for (const [name, value] of Object.entries(sent.typed)) {
        const input = [...form.elements].find((element) => (element.id || element.name) === name);
        if (input && !["checkbox", "radio"].includes(input.type)) input.value = value;
      }
      for (let node = form; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
      say(form, "Your session had timed out, and nothing was saved. What you typed is here again.");
    }
  }

  // The unit inside a field is the one that is chosen.
  document.addEventListener("change", (event) => {
    if (event.target.name !== "unit") return;
    const sign = event.target.form.querySelector(".inside > .unit");
    if (sign) sign.textContent = event.target.selectedOptions[0].textContent;
  });

  // On a narrow screen the navigation is a row that scrolls: where one is stands in sight.
  const place = document.querySelector(".rail [aria-current]"), row = place && place.closest("ul");
  if (row && row.scrollWidth > row.clientWidth) {
    row.scrollLeft += place.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - place.offsetWidth) / 2;
  }

  // A link to a folded place opens it.
  function unfold() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    const step = target.matches(".step:not(.step-done)") && target.querySelector(":scope > details");
    if (step) step.open = true;
    target.scrollIntoView({ block: "start" });
  }
  window.addEventListener("hashchange", unfold);
  unfold();

  // What was refused comes into sight, with the cursor in the field that it is about.
  const refused = document.querySelector("#content form .error:not(:empty), #content form [role=alert]");
  if (refused) {
    for (let node = refused; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    const inputs = 'input:not([type=hidden]), select, textarea';
    const field = refused.closest(".field"), form = refused.closest("form");
    const input = form.querySelector('[aria-invalid="true"]') || (field && field.querySelector(inputs)) || form.querySelector(inputs);
    if (input) input.focus({ preventScroll: true });
    (field || refused).scrollIntoView({ block: "center" });
  } else if (document.activeElement && document.activeElement.matches("input, select, textarea, button")) {
    document.activeElement.scrollIntoView({ block: "nearest" });
  }

  // Opening a place to sign puts the cursor where the typing starts.
  document.addEventListener("click", (event) => {
    const summary = event.target.closest("summary");
    if (!summary || !summary.parentElement.querySelector(":scope > form")) return;
    requestAnimationFrame(() => {
      const inputs = [...summary.parentElement.querySelectorAll("textarea, select, input:not([type=hidden])")];
      const first = summary.parentElement.open && inputs.find((input) => !input.value);
      if (first) first.focus();
    });
  });

  // Keys, outside of inputs: n goes to the next open field, g and a digit to that place of the navigation.
  let went = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (event.key === "n") {
      const next = document.querySelector("form.bench [data-draft], form.bench select, form.bench button");
      if (next) { event.preventDefault(); next.focus(); }
    } else if (event.key === "g") {
      went = true;
      setTimeout(() => { went = false; }, 1200);
    } else if (went) {
      const place = document.querySelectorAll(".rail li a")[Number(event.key) - 1];
      if (place) place.click();
      went = false;
    }
  });
})();

// Security keys (WebAuthn). Without this script, or in a browser that cannot, the code is typed as ever.
"use strict";
(() => {
  const able = window.PublicKeyCredential;
  if (!able || !able.parseRequestOptionsFromJSON || !able.parseCreationOptionsFromJSON) return;
  document.documentElement.dataset.canTouch = "";  // shows the buttons, those too that come into the page later

  const WORDS = {
    NotAllowedError: "The key was not touched in time, or it is not one of this person. Try again, or type the code.",
    SecurityError: "Keys do not work at this address of the site; open it under its name.",
    InvalidStateError: "This key was added before.",
    TypeError: "The site did not answer. Try again, or type the code.",
  };

  async function asked(button, form) {
    if (button.dataset.options) return JSON.parse(button.dataset.options);
    const body = new URLSearchParams({
      csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value,
      username: form.elements.username.value,
    });
    const answer = await fetch(button.dataset.ask, { method: "POST", body, redirect: "error" });
    if (!answer.ok) throw new TypeError(String(answer.status));
    return answer.json();
  }

  function touched(button, options) {
    return button.dataset.key === "new"
      ? navigator.credentials.create({ publicKey: able.parseCreationOptionsFromJSON(options) })
      : navigator.credentials.get({ publicKey: able.parseRequestOptionsFromJSON(options) });
  }

  // Whoever types a code after a touch means the code.
  document.addEventListener("input", ({ target }) => {
    if (target.name === "otp" && target.form && target.form.elements.key) target.form.elements.key.value = "";
  });

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-key]"), form = button && button.form;
    if (!form || button.disabled || !form.reportValidity()) return;
    const says = form.querySelector("[data-key-says]");
    button.disabled = true;
    says.textContent = "Touch the key.";
    try {
      form.elements.key.value = JSON.stringify(await touched(button, await asked(button, form)));
      const acts = form.querySelectorAll("button[type=submit]");
      says.textContent = "The key has answered.";
      // Where the form can say more than one thing, its signer says which.
      if (acts.length === 1) form.requestSubmit(acts[0]);
      else if (!acts.length) form.requestSubmit();
      else says.textContent = "The key has answered. Choose what you sign within two minutes.";
    } catch (fault) {
      says.textContent = WORDS[fault.name] || `The key did not answer (${fault.name}). Try again, or type the code.`;
    }
    button.disabled = false;
  });
})();

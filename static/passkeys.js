// Passkeys: lets the browser answer the options of a form, puts the answer in it and sends it.
// Loaded only on pages that have such a form. <form data-passkey="create|get" data-options="…">.
(() => {
  const PROBLEMS = {
    InvalidStateError: "This device has a passkey for your account already.",
    NotAllowedError: "That was cancelled, or it took too long. Press the button to try again.",
    SecurityError: "This browser allows no passkeys at this address.",
    missing: "This browser cannot use passkeys here. Use another way to sign in.",
    other: "That did not work. Press the button to try again.",
  };
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const known = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

  const readable = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.excludeCredentials && { excludeCredentials: known(options.excludeCredentials) }),
    ...(options.allowCredentials && { allowCredentials: known(options.allowCredentials) }),
  });
  const sendable = ({ id, rawId, type, response }) => {
    const sent = { clientDataJSON: text(response.clientDataJSON) };
    for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[part]) sent[part] = text(response[part]);
    }
    if (response.getTransports) sent.transports = response.getTransports();
    return { id, rawId: text(rawId), type, response: sent };
  };

  const say = (form, words) => {
    const place = form.querySelector("[data-problem]");
    place.textContent = words;
    place.hidden = !words;
  };
  const ask = async (form) => {
    const button = form.querySelector("button[type=submit]");
    if (!window.PublicKeyCredential || !navigator.credentials) return say(form, PROBLEMS.missing);
    if (button.ariaDisabled === "true") return undefined;
    say(form, "");
    button.ariaDisabled = "true";
    try {
      const publicKey = readable(JSON.parse(form.dataset.options));
      const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
      form.elements.answer.value = JSON.stringify(sendable(credential));
      HTMLFormElement.prototype.submit.call(form);
    } catch (error) {
      say(form, PROBLEMS[error.name] ?? PROBLEMS.other);
      button.ariaDisabled = null;
    }
    return undefined;
  };

  document.addEventListener("submit", (e) => {
    if (!e.target.matches("form[data-passkey]")) return;
    e.preventDefault();
    ask(e.target);
  });
  // Back from the cache: what was answered is spent, so the page is asked for anew.
  window.addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  document.querySelectorAll("form[data-begins]").forEach(ask);
})();

// Enhancement only: every page works without this file. No inline handlers, no eval.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const on = (name, act, capture = false) => document.addEventListener(name, act, capture);

  // Announce: a polite live region, filled a moment after it was emptied so that the same words are
  // read again. The server may also say HX-Trigger: {"announce": "12 users found"}.
  const say = (text) => {
    byId("announce").textContent = "";
    setTimeout(() => { byId("announce").textContent = text; }, 50);
  };
  on("announce", (e) => say(e.detail.value));

  // Focus. The server marks one element with autofocus in each fragment and htmx focuses it.
  // Safety net: if the control that had the focus is gone or was disabled meanwhile, go back to it
  // or to the nearest place still there: same id, a neighbouring row, the region, the page.
  const places = new WeakMap();
  const remember = (key) => {
    const element = document.activeElement, ids = [];
    if (!element || element === document.body) return;
    for (let node = element; node; node = node.parentElement) {
      ids.push(node.id);
      if (node.matches("tr, li")) ids.push(node.nextElementSibling?.id, node.previousElementSibling?.id);
    }
    places.set(key, { element, ids: [...ids, "main"] });
  };
  const controls = "a[href], button:enabled, input:enabled:not([type=hidden], .tick), select:enabled, textarea:enabled, [tabindex]";
  const usable = (each) => each.matches(controls) && each.getClientRects().length;
  const firstControl = (home) => [home, ...all(controls, home)].find(usable);
  const refocus = (key) => {
    if (document.activeElement && document.activeElement !== document.body) return;
    const { element, ids } = places.get(key) ?? { ids: [] };
    const nearest = () => ids.map(byId).filter(Boolean).map(firstControl).find(Boolean);
    (element?.isConnected ? element : nearest())?.focus({ preventScroll: true });
  };
  on("htmx:finally:request", ({ detail: { ctx } }) => {
    const had = places.get(ctx)?.element;
    // a microtask later htmx has enabled what it had disabled
    if (had && (!had.isConnected || had.disabled)) queueMicrotask(() => refocus(ctx));
  });

  // Requests. Polling rests while the tab is hidden and resumes at once; whatever changes
  // something carries the token, and only to our own origin.
  const isPoll = (ctx) => ctx.sourceEvent?.type === "every";
  on("htmx:config:request", (e) => {
    const { ctx } = e.detail, { request } = ctx;
    if (isPoll(ctx) && document.hidden) { e.preventDefault(); return; }
    remember(ctx);
    if (request.method === "GET" || new URL(request.action, document.baseURI).origin !== location.origin) return;
    request.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]")?.content ?? "";
  });
  const poll = () => all("[hx-trigger*='every ']").forEach((each) => each.dispatchEvent(new Event("every")));
  on("visibilitychange", () => document.hidden || poll());

  // Answers. Refused forms (422), edit conflicts (409) and errors that name their place in the page
  // (HX-Retarget) are swapped. Every other error leaves the page as it is: a toast says so, in the
  // server's own words where its answer has a data-sentence; a poll marks its values as old.
  const words = {
    401: "You were signed out. Sign in to go on.",
    403: "You no longer have access to this. Nothing was changed.",
    404: "This no longer exists. Reload the page to see what is here now.",
    413: "That is more than this form takes. Send less and try again.",
    429: "That was too often. Wait a minute and try again.",
    late: "The server took too long. Nothing was changed on this page; try again.",
    offline: "No connection. Your changes are still on the page; try again.",
    unshown: "The answer could not be shown. Reload the page to see what is here now.",
    other: "Something went wrong on our side. Nothing was saved. Try again in a minute.",
  };
  const failed = (ctx, text) => {
    if (isPoll(ctx)) {
      all("[data-updated]", ctx.sourceElement).forEach((each) => {
        each.textContent = each.textContent.replace(/^\s*Updated/, "Not updated since");
        each.closest(".live")?.classList.add("is-stale");
      });
      return;
    }
    all("#toasts > [data-failure]").filter((each) => each.dataset.failure === text).forEach((each) => each.remove());
    const toast = byId("failure").content.firstElementChild.cloneNode(true);
    toast.dataset.failure = toast.querySelector("p").textContent = text;
    byId("toasts").append(toast);
  };
  // A form that was open too long is answered with a token that works: the next press sends it.
  const renew = (token) => {
    if (!token) return;
    document.querySelector("meta[name=csrf-token]").content = token;
    all("input[name=csrf_token]").forEach((each) => { each.value = token; });
  };
  const place = ({ hx }) => hx?.retarget && document.querySelector(hx.retarget);
  on("htmx:before:swap", (e) => {
    const { ctx } = e.detail, status = ctx.response?.status ?? 200;
    remember(ctx);
    renew(ctx.response?.headers.get("X-CSRFToken"));
    if (status < 400 && ctx.request.method !== "GET") byId("notice")?.replaceChildren();
    if (status < 400 || status === 409 || status === 422 || place(ctx)) return;
    e.preventDefault();
    const answer = new DOMParser().parseFromString(ctx.text, "text/html");
    failed(ctx, answer.querySelector("[data-sentence]")?.textContent.trim() || words[status] || words.other);
  });
  on("htmx:error", ({ detail: { ctx, error } }) => {
    if (ctx) failed(ctx, ctx.response ? words.unshown : error === "timeout" ? words.late : words.offline);
  });

  // Keys: / to search (unless switched off: data-keys="off"), Escape to leave an open editor.
  on("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Escape") e.target.closest(".editor, [data-escape]")?.querySelector("[data-cancel]")?.click();
    if (e.key !== "/" || root.dataset.keys === "off" || e.target.closest("input, textarea, select")) return;
    const search = document.querySelector("main input[type=search]");
    if (search) { e.preventDefault(); search.focus(); search.select(); }
  });

  // Buttons: dismiss a toast, show a password, copy a text. What waits (aria-disabled) stays in
  // the tab order but does nothing.
  const dismiss = (toast) => { remember(toast); toast.remove(); refocus(toast); };
  const show = (button) => {
    const input = byId(button.getAttribute("aria-controls")), hidden = input?.type === "password";
    if (!input?.matches("input")) return;
    input.type = hidden ? "text" : "password";
    button.setAttribute("aria-pressed", hidden);
  };
  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy), label = button.querySelector("span") ?? button;
    try { await navigator.clipboard.writeText(source.value ?? source.textContent.trim()); }
    catch { source.select?.(); say("Press Control and C to copy."); return; }
    button.dataset.label ??= label.textContent;
    label.textContent = "Copied";
    say("Copied");
    setTimeout(() => { label.textContent = button.dataset.label; }, 2000);
  };
  on("click", (e) => {
    const button = e.target.closest("button, a");
    if (button?.getAttribute("aria-disabled") === "true") { e.preventDefault(); e.stopPropagation(); }
    else if (button?.matches("[data-dismiss]")) dismiss(button.closest(".toast2"));
    else if (button?.matches("[data-copy]")) copy(button);
    else if (button?.matches("[aria-controls][aria-pressed]")) show(button);
  }, true);

  // Toasts: plain ones leave after 5 s, ones with Undo after 10 s, failures stay. The clock
  // stands still while a toast is hovered or focused, and while the tab is hidden.
  const arm = (toast) => {
    if ("sticky" in toast.dataset || "armed" in toast.dataset) return;
    toast.dataset.armed = "";
    let left = toast.querySelector("form") ? 10 : 5;
    const clock = setInterval(() => {
      if (document.hidden || toast.matches(":hover, :focus-within") || --left > 0) return;
      clearInterval(clock);
      toast.remove();
    }, 1000);
  };

  // Countdown: ticks for the eye; at zero it is said once. Until then what is data-unlock waits.
  const tick = () => {
    const clocks = all("[data-retry-at]:not([data-over])");
    const waiting = clocks.filter((clock) => {
      const left = Math.max(0, Math.ceil((Date.parse(clock.dataset.retryAt) - Date.now()) / 1000));
      const hour = clock.querySelector("[data-hour]"), minutes = Math.floor(left / 60);
      if (hour) hour.textContent = Math.floor(minutes / 60);
      clock.querySelector("[data-min]").textContent = hour ? minutes % 60 : minutes;
      clock.querySelector("[data-sec]").textContent = String(left % 60).padStart(2, "0");
      clock.toggleAttribute("data-over", !left);
      return left;
    });
    all("[data-unlock]").forEach((each) => { each.ariaDisabled = waiting.length ? "true" : null; });
    if (clocks.length && !waiting.length) say("You can try again now.");
  };

  // Selection: the tick in the head selects the page, the bar (shown by the stylesheet) says how many.
  const ticksOf = (bar) => [...bar.elements].filter((each) => each.type === "checkbox" && each.name);
  const count = (bar) => {
    const ticks = ticksOf(bar), ticked = ticks.filter((each) => each.checked).length;
    const kept = [...bar.elements].filter((each) => each.type === "hidden" && each.name === ticks[0]?.name).length;
    all("[data-count]", bar).forEach((each) => { each.textContent = `${(ticked + kept).toLocaleString("en")} selected`; });
    const head = [...bar.elements].find((each) => each.matches("[data-select-all]"));
    if (head) Object.assign(head, { checked: ticked === ticks.length, indeterminate: ticked > 0 && ticked < ticks.length });
  };
  on("change", ({ target }) => {
    if (!target.form?.matches(".bulk")) return;
    if (target.matches("[data-select-all]")) ticksOf(target.form).forEach((each) => { each.checked = target.checked; });
    count(target.form);
  });

  // Leaving with unsaved fields in an open editor asks first; sending or cancelling it does not.
  const editors = ".editor form, form.editor";
  const unsaved = (form) => form.matches("[data-unsaved]") || form.querySelector("[aria-invalid=true]");
  const warn = (e) => { if (all(editors).some(unsaved)) e.preventDefault(); };
  const excuse = (isMeant) => { if (isMeant) window.removeEventListener("beforeunload", warn); };
  on("input", ({ target }) => {
    target.closest(editors)?.setAttribute("data-unsaved", "");
    if (target.closest(editors)) window.addEventListener("beforeunload", warn);
  });
  on("submit", (e) => excuse(!e.defaultPrevented && e.target.matches(editors)));
  on("click", (e) => excuse(!e.defaultPrevented && e.target.closest("[data-cancel]")));
  on("htmx:after:request", ({ detail: { ctx } }) => excuse(ctx.response.status < 400 && ctx.hx.redirect && ctx.sourceElement.matches(editors)));

  // A form whose answer gives the browser a new id is sent once: a second press with the old id
  // would sign the person out.
  on("submit", (e) => {
    if (!e.target.matches("[data-once]")) return;
    if (e.target.dataset.once) e.preventDefault();
    e.target.dataset.once = "sent";
  });
  const mayBeSent = () => all("[data-once]").forEach((each) => { each.dataset.once = ""; });
  window.addEventListener("pageshow", mayBeSent);

  const refresh = () => { all("form.bulk").forEach(count); tick(); };
  window.addEventListener("pageshow", refresh);
  on("htmx:after:swap", ({ detail: { ctx } }) => { refresh(); place(ctx)?.scrollIntoView({ block: "nearest" }); });
  on("DOMContentLoaded", () => {
    const armAll = () => all("#toasts > .toast2").forEach(arm);
    new MutationObserver(armAll).observe(byId("toasts"), { childList: true });
    armAll();
    setInterval(tick, 1000);
    const said = all("#toasts p").map((each) => each.textContent).join(". ");
    if (said) say(said);
  });
})();

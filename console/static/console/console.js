"use strict";
// The console without this file works as plain pages. This file makes it quick: keys, the palette, one dialog, toasts.
(() => {
  const root = document.documentElement;
  root.classList.add("has-scripts");
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const seen = (element) => element.getClientRects().length > 0;
  const dialog = one("#c-dialog");
  const toasts = one("#c-toasts > ul");
  const sameSite = (address) => new URL(address, location.href).origin === location.origin;

  // --- toasts: what the server said, where screen readers hear it --------------------------------------------------
  function keep(toast) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "c-button is-quiet c-close";
    close.setAttribute("aria-label", "Dismiss");
    close.textContent = "✕";
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    toasts.append(toast);
    leave(toast);
  }

  // A toast goes by itself, later if it offers an undo. An error stays until somebody closes it. While somebody points at
  // a toast or is within it, it stays.
  function leave(toast) {
    if (toast.classList.contains("is-critical")) return;
    let timer = 0;
    const stay = () => clearTimeout(timer);
    const start = () => {
      stay();
      timer = setTimeout(() => (toast.matches(":hover, :focus-within") ? start() : toast.remove()), one("a", toast) ? 30000 : 8000);
    };
    for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, stay);
    for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, start);
    start();
  }

  function say(text, kind = "is-notice") {
    const toast = document.createElement("li");
    toast.className = `c-note ${kind}`;
    const words = document.createElement("span");
    words.textContent = text;
    toast.append(words);
    keep(toast);
  }

  function moveMessages() {
    if (!toasts) return;
    for (const list of all("[data-messages]")) {
      all(":scope > li", list).forEach(keep);
      list.parentElement.remove();
    }
  }

  // --- the dialog: a page's [data-dialog-body], and the forms within -----------------------------------------------
  const trouble = "That could not be loaded. Try again, or open the page itself.";
  let opener = null;
  let row = null; // of the queue, on which the dialog decides
  let decided = ""; // the verb of the last decision

  function show(title, nodes) {
    one("#c-dialog-title").textContent = title;
    one("[data-main]", dialog).replaceChildren(...nodes);
    if (!dialog.open) {
      opener = document.activeElement;
      dialog.showModal();
    }
    if (window.htmx) window.htmx.process(dialog);
    const main = one("[data-main]", dialog);
    recall(main);
    const first = one("[aria-invalid='true']", main) || one("[autofocus]", main) || firstField(main);
    (first || one("form .is-primary", main) || one("#c-dialog-title")).focus();
  }

  function firstField(main) {
    const fields = all("form :is(input:not([type=hidden]), textarea, select)", main).filter(seen);
    const [first] = fields;
    // Of radio buttons the chosen one: the arrows move on from it, and Enter sends it.
    if (!first || first.type !== "radio") return first;
    return fields.find((one) => one.name === first.name && one.checked) || first;
  }

  // The last reason for the same act, in this browser alone.
  const reasonsOf = (form) => `grps-reason-${form.dataset.reasons}`;

  function recall(main) {
    for (const form of all("form[data-reasons]", main)) {
      const last = localStorage.getItem(reasonsOf(form));
      const same = last && all("[name=preset]", form).find((one) => one.value === last);
      if (!same || one("[aria-invalid='true'], .errorlist", form)) continue;
      same.checked = true;
      same.dispatchEvent(new Event("change", { bubbles: true })); // what the player reads follows it
    }
    for (const preset of all("[name=preset]", main)) delete preset.dataset.chosen;
  }

  // A reason that was only suggested goes when the person writes their own.
  function drops(event) {
    const field = event.target;
    if (field.name === "preset") field.dataset.chosen = "1";
    if (field.name !== "words" || !field.form) return;
    const suggested = one("[name=preset]:checked", field.form);
    if (suggested && !suggested.dataset.chosen) {
      suggested.checked = false;
      suggested.dispatchEvent(new Event("change", { bubbles: true }));
      delete suggested.dataset.chosen;
    }
  }

  function keepReason(form, data) {
    const reason = data.get("send") || data.get("preset");
    if (form.dataset.reasons && reason) localStorage.setItem(reasonsOf(form), reason);
  }

  const sends = (form) => one("[data-default]", form) || one("button[type=submit]", form);

  function inDialog(event) {
    const form = event.target.closest("form") || one("[data-main] form", dialog);
    if (!form) return;
    if (event.key === "Enter" && event.repeat && !typing(event.target)) event.preventDefault(); // of the key that opened the dialog
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(sends(form));
    } else if (/^[1-9]$/.test(event.key) && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const preset = all("[name=preset]", form)[Number(event.key) - 1];
      if (!preset) return;
      event.preventDefault();
      preset.checked = true;
      preset.dispatchEvent(new Event("change", { bubbles: true }));
      preset.focus();
    }
  }

  // A page brings its own style sheets; where its part is shown, they must be too, before it is seen.
  async function dress(page) {
    const sheets = "link[rel=stylesheet]";
    const here = new Set(all(sheets).map((link) => link.href));
    const missing = all(sheets, page)
      .map((link) => new URL(link.getAttribute("href"), location.href).href)
      .filter((address) => !here.has(address) && sameSite(address));
    await Promise.all(
      missing.map(
        (address) =>
          new Promise((done) => {
            const link = document.createElement("link");
            Object.assign(link, { rel: "stylesheet", href: address, onload: done, onerror: done });
            document.head.append(link);
          }),
      ),
    );
  }

  async function ours(text, address) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const body = one("[data-dialog-body]", page);
    if (!body) return false;
    await dress(page);
    const title = one("#content h1", page);
    dialog.dataset.address = address;
    for (const form of all("form", body)) {
      form.action = new URL(form.getAttribute("action") || address, address).href;
      const next = one("input[name=next]", form);
      if (next) next.value = location.pathname + location.search;
    }
    show(title ? title.textContent : page.title, [document.adoptNode(body)]);
    return true;
  }

  async function openDialog(address) {
    try {
      const answer = await fetch(address, { headers: { "X-Dialog": "1" }, credentials: "same-origin" });
      const text = await answer.text();
      // A page that asks for something else first (to sign in again) is shown as itself.
      if (!(await ours(text, answer.url))) location.assign(answer.redirected ? answer.url : address);
    } catch {
      say(trouble, "is-critical");
    }
  }

  async function submitDialog(form, submitter) {
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    const data = new FormData(form, submitter);
    const post = form.method.toLowerCase() === "post";
    const address = new URL(form.action);
    if (!post) address.search = new URLSearchParams(data).toString();
    try {
      const options = { method: post ? "POST" : "GET", body: post ? data : null, headers: { "X-Dialog": "1" } };
      const answer = await fetch(address, { ...options, credentials: "same-origin" });
      const text = await answer.text();
      if (!answer.redirected && (await ours(text, answer.url))) return;
      if (answer.redirected) {
        keepReason(form, data);
        decided = data.getAll("verb").pop() || "";
        await arrive(answer.url, text);
        return;
      }
      // An answer that is a page of its own is shown at once: asked for again, it may not be the same (a new key).
      if (answer.ok && (await put(new DOMParser().parseFromString(text, "text/html")))) return;
      say(reasonIn(answer, text), "is-critical");
    } catch {
      say("The server did not answer: it is not known whether that was done. Reload the page and look.", "is-critical");
    } finally {
      delete form.dataset.busy;
    }
  }

  function reasonIn(answer, text) {
    if ((answer.headers.get("Content-Type") || "").includes("json")) text = JSON.parse(text).detail;
    else text = (one("main [data-detail]", new DOMParser().parseFromString(text, "text/html")) || {}).textContent;
    return text || "That was not done. Reload the page and try again.";
  }

  // What followed the redirect has taken the messages: put that page in place of this one rather than ask twice.
  async function arrive(address, text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const at = row ? rows().indexOf(row) : -1;
    if (new URL(address).pathname === location.pathname && (await put(page))) return goOn(at);
    keepForNext(page);
    location.assign(address);
  }

  const verbOf = (address) => new URL(address, location.href).searchParams.get("verb") || "approve";

  // After a decision the item that took its place is open, with the dialog of the same verb.
  function goOn(at) {
    if (at < 0) return;
    const list = rows();
    const next = list.slice(at).find((row) => row.matches("[data-decides]")) || list.find((row) => row.matches("[data-decides]"));
    if (!next) return;
    next.classList.add("is-at");
    row = next;
    const acts = all("[data-act]", next);
    const same = acts.find((act) => verbOf(act.href) === decided) || acts[0];
    if (same) openDialog(same.href);
  }

  async function put(page) {
    const main = one("#content", page);
    if (!main || !one("#content")) return false;
    await dress(page);
    if (dialog.open) dialog.close();
    one("#content").replaceWith(document.adoptNode(main));
    if (window.htmx) window.htmx.process(one("#content"));
    for (const list of all("[data-messages]", page)) all(":scope > li", list).forEach((item) => keep(document.adoptNode(item)));
    one("#content-start").focus();
    return true;
  }

  function keepForNext(page) {
    const told = all("[data-messages] > li", page).map((item) => {
      const undo = one("a[data-dialog]", item);
      const kind = [...item.classList].find((name) => name.startsWith("is-"));
      return { text: one("span", item).textContent, kind, undo: undo ? undo.getAttribute("href") : "" };
    });
    if (told.length) sessionStorage.setItem("grps-told", JSON.stringify(told));
  }

  function tellKept() {
    const told = JSON.parse(sessionStorage.getItem("grps-told") || "[]");
    sessionStorage.removeItem("grps-told");
    if (!toasts) return;
    for (const { text, kind, undo } of told) {
      const toast = document.createElement("li");
      toast.className = `c-note ${kind}`;
      const words = document.createElement("span");
      words.textContent = text;
      toast.append(words);
      if (undo) {
        const link = document.createElement("a");
        Object.assign(link, { className: "c-button", href: undo, textContent: "Undo" });
        link.dataset.dialog = "";
        toast.append(link);
      }
      keep(toast);
    }
  }

  if (dialog) {
    dialog.addEventListener("input", drops);
    dialog.addEventListener("change", drops);
    dialog.addEventListener("close", () => {
      one("[data-main]", dialog).replaceChildren();
      if (opener && opener.isConnected) opener.focus();
      opener = null;
    });
    dialog.addEventListener("submit", (event) => {
      const form = event.target;
      if (form.method === "dialog" || form.hasAttribute("data-plain") || !sameSite(form.action)) return;
      event.preventDefault();
      submitDialog(form, event.submitter);
    });
  }

  function sheet() {
    const body = one("#c-sheet");
    if (body && !dialog.open) show("Keys", [body.content.cloneNode(true)]);
  }

  // --- rows ------------------------------------------------------------------------------------------------------
  const rows = () => all("[data-row]").filter(seen);
  const present = () => one("[data-row].is-at");

  function go(step) {
    const list = rows();
    if (!list.length) return;
    const at = list.indexOf(present());
    const next = at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + step, 0), list.length - 1);
    for (const row of list) row.classList.remove("is-at");
    list[next].classList.add("is-at");
    const target = one("[data-open]", list[next]) || one("a, button", list[next]);
    if (target) target.focus({ preventScroll: true });
    list[next].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row) return;
    for (const other of all("[data-row].is-at")) other.classList.toggle("is-at", other === row);
    row.classList.add("is-at");
  });

  function press(selector, number = 0) {
    const at = present();
    const row = at || rows()[0];
    const target = row && all(selector, row)[number];
    // Without a chosen row a key opens a dialog or claims, and sends nothing else.
    if (target && (at || target.matches("a, [data-claim]"))) target.click();
  }

  function hot(name) {
    const target = one(`[data-hot="${name}"]`);
    if (target) target.click();
  }

  function undoLast() {
    const [last] = all("#c-toasts a[data-dialog]").slice(-1);
    if (last) last.click();
  }

  const firstAct = "[data-act], a[data-dialog], button.c-button, a.c-button:not([data-open])";

  // --- keys ------------------------------------------------------------------------------------------------------
  const typing = (element) => element.isContentEditable || element.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  let going = -Infinity;

  const keys = {
    j: () => go(1),
    k: () => go(-1),
    o: () => press("[data-open]"),
    a: () => press(firstAct),
    r: () => press("[data-act]", 1),
    c: () => press("[data-claim]"),
    w: () => hot("warn"),
    n: () => hot("note"),
    u: () => undoLast(),
    x: () => press("input[type=checkbox]"),
    "/": () => focusSearch(),
    "?": () => sheet(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      if (focusSearch()) event.preventDefault();
      return;
    }
    if (dialog && dialog.open) return inDialog(event);
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "Escape") return closeMenus();
    if (event.timeStamp - going < 1500) {
      going = -Infinity;
      const place = all("[data-key]").find((link) => link.dataset.key === event.key);
      if (place) {
        event.preventDefault();
        place.click();
      }
      return;
    }
    if (event.key === "g") {
      going = event.timeStamp;
      return;
    }
    if (Object.hasOwn(keys, event.key)) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  function closeMenus() {
    for (const menu of all(".c-me[open], .c-fold[open], .c-group[open]")) {
      menu.open = false;
      one("summary", menu).focus();
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (link && dialog && plain && sameSite(link.href)) {
      event.preventDefault();
      if (!dialog.open) row = link.closest("[data-decides]");
      openDialog(link.href);
      return;
    }
    if (event.target.closest("[data-close]") && dialog.open) dialog.close();
    if (event.target.closest("[data-keys]")) sheet();
    const copy = event.target.closest("[data-copy]");
    if (copy) copyFrom(copy);
    const every = event.target.closest("[data-select-all]");
    if (every) for (const box of all("[data-row] input[type=checkbox]")) box.checked = every.checked;
    for (const menu of all(".c-me[open], .c-wide .c-group[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  async function copyFrom(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say("Copied.");
    } catch {
      say("The browser does not let this page copy. Select the text and copy it yourself.", "is-warning");
    }
  }

  // --- times: UTC as the server wrote it, the local time beside it --------------------------------------------------
  const locally = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const hours = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

  function localTimes(within = document) {
    for (const time of all("time[data-moment], time[data-ago]", within)) {
      const at = new Date(time.dateTime);
      if (time.dataset.told || Number.isNaN(at.getTime()) || !at.getTimezoneOffset()) continue;
      time.dataset.told = "1";
      if (time.hasAttribute("data-ago")) {
        time.title += `, ${locally.format(at)} local`;
        continue;
      }
      const sameDay = at.toISOString().slice(0, 10) === new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
      const local = document.createElement("span");
      local.className = "c-local";
      local.textContent = ` ${(sameDay ? hours : locally).format(at)} local`;
      time.append(local);
    }
  }
  new MutationObserver(() => localTimes()).observe(document.body, { childList: true, subtree: true });

  // --- the palette: a combobox over what the server found ------------------------------------------------------------
  const search = one("#c-search");
  const found = one("#c-found");
  let asked = 0;
  let waiting = 0;

  function focusSearch() {
    if (!search || (dialog && dialog.open)) return false;
    search.focus();
    search.select();
    ask();
    return true;
  }

  const options = () => all("[role=option]", found);

  function choose(option) {
    for (const other of options()) other.setAttribute("aria-selected", String(other === option));
    if (option) {
      search.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      search.removeAttribute("aria-activedescendant");
    }
  }

  function fold() {
    clearTimeout(waiting);
    asked += 1;
    found.hidden = true;
    search.setAttribute("aria-expanded", "false");
    choose(null);
  }

  async function ask() {
    const mine = ++asked;
    try {
      const answer = await fetch(`${search.dataset.palette}?q=${encodeURIComponent(search.value.trim())}`, {
        credentials: "same-origin",
      });
      const text = await answer.text();
      if (mine !== asked) return;
      const page = new DOMParser().parseFromString(text, "text/html");
      const list = one("[data-palette-found]", page);
      if (!answer.ok || !list) return fold();
      found.replaceChildren(...list.childNodes);
      found.hidden = false;
      search.setAttribute("aria-expanded", "true");
      choose(search.value.trim() ? options()[0] : null);
    } catch {
      fold();
    }
  }

  function step(by) {
    const list = options();
    if (found.hidden || !list.length) return;
    const at = list.findIndex((option) => option.getAttribute("aria-selected") === "true");
    choose(list[(at + by + (at < 0 && by < 0 ? 1 : 0) + list.length) % list.length]);
  }

  if (search && search.dataset.palette) {
    const role = { role: "combobox", "aria-expanded": "false", "aria-controls": "c-found", "aria-autocomplete": "list" };
    for (const [name, value] of Object.entries(role)) search.setAttribute(name, value);
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(ask, 120);
    });
    search.addEventListener("keydown", (event) => {
      const chosen = options().find((option) => option.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (found.hidden) ask();
        else step(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Enter" && chosen && !found.hidden) {
        event.preventDefault();
        fold();
        chosen.click();
      } else if (event.key === "Escape") {
        event.preventDefault();
        if (found.hidden) search.blur();
        else fold();
      } else if (event.key === "Tab") {
        fold();
      }
    });
    search.addEventListener("blur", () => setTimeout(() => document.activeElement === search || fold(), 150));
    found.addEventListener("mousedown", (event) => event.preventDefault());
    found.addEventListener("click", () => fold());
  }

  // --- htmx: live parts stand still while somebody works in them or in a dialog --------------------------------------
  document.addEventListener("htmx:configRequest", (event) => {
    if (dialog) event.detail.headers["X-CSRFToken"] = dialog.dataset.token;
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const live = event.detail.elt;
    const regular = (live.getAttribute("hx-trigger") || "").includes("every ");
    const busy = (dialog && dialog.open) || document.hidden || one("input:checked, input:focus, textarea:focus, select:focus", live);
    if (regular && busy) event.preventDefault();
  });
  let atBefore = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const row = present();
    atBefore = row && row.id ? row.id : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    const row = atBefore && document.getElementById(atBefore);
    if (!row || present()) return;
    row.classList.add("is-at");
    const target = one("[data-open]", row);
    if (target && document.activeElement === document.body) target.focus({ preventScroll: true });
  });

  localTimes();
  moveMessages();
  tellKept();
})();

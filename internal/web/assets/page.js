"use strict";
// The page's only script. Everything works without it, but for news, keys and copying.

const kept = {
  get(key) { try { return localStorage.getItem("mailrig-" + key); } catch { return null; } },
  set(key, value) { try { value === null ? localStorage.removeItem("mailrig-" + key) : localStorage.setItem("mailrig-" + key, value); } catch { /* private */ } },
};

// The theme is set before anything is painted.
const theme = () => kept.get("theme");
const paint = () => { theme() ? document.documentElement.dataset.theme = theme() : delete document.documentElement.dataset.theme; };
paint();
const nextTheme = () => { kept.set("theme", { light: "dark", dark: null }[theme()] ?? (theme() ? null : "light")); paint(); };

const $ = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

document.addEventListener("DOMContentLoaded", () => {
  enhance(document);
  $("help-open").hidden = $("theme").hidden = false;
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("theme").addEventListener("click", nextTheme);
  $("keys-off").checked = kept.get("keys") === "off";
  $("keys-off").addEventListener("change", (e) => kept.set("keys", e.target.checked ? "off" : null));
  $("held").addEventListener("click", release);
  if (document.body.dataset.live) follow();
  const left = cameBack() && $(sessionStorage.getItem("at:" + location.pathname + location.search));
  if (left) rowOf(left)?.focus({ preventScroll: true });
});

// cameBack reports whether the browser's Back or the key u led here. Whoever follows a link begins anew: with a row that has the
// focus, the list would hold back what is new.
function cameBack() {
  const up = sessionStorage.getItem("up");
  sessionStorage.removeItem("up");
  return Boolean(up) || performance.getEntriesByType("navigation")[0]?.type === "back_forward";
}

// enhance shows what only the script can do.
function enhance(within) {
  for (const button of all("[data-copy]", within)) button.hidden = false;
}

// Copying.
async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission, or not a secure address
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say("copied");
  if (from) {
    const was = from.textContent;
    from.textContent = "copied";
    setTimeout(() => { from.textContent = was; }, 1200);
  }
}

document.addEventListener("click", async (e) => {
  const button = e.target.closest("[data-copy]");
  if (button) return copy(button.dataset.copy, button);
  const file = e.target.closest("[data-fetch-copy]");
  if (file && !e.ctrlKey && !e.metaKey) {
    e.preventDefault();
    copy(await (await fetch(file.href)).text(), file);
    return;
  }
  const row = e.target.closest("[data-rows] .row");
  if (row) sessionStorage.setItem("at:" + location.pathname + location.search, row.closest("[id]").id);
});

// say tells those who hear the page, once a second at most.
let saying = 0, unsaid = "";
function say(text) {
  unsaid = text;
  clearTimeout(saying);
  saying = setTimeout(() => { $("say").textContent = unsaid; }, 300);
}

// News. The server sends elements of this view. One with the id of an element here takes its place; another goes into the
// list that it names, unless somebody is reading there: then it waits.
const mostRows = 500;
let source, heard = 0, waiting = [], frame = 0;
const held = new Map();

function state(name, text) {
  $("state").dataset.state = name;
  $("state").lastElementChild.textContent = text;
}

function follow() {
  if (source) source.close();
  source = new EventSource("/live?view=" + encodeURIComponent(location.pathname + location.search) + "&after=" + encodeURIComponent(document.body.dataset.live));
  heard = Date.now();
  source.onopen = () => { heard = Date.now(); state("live", "live"); };
  const at = (e) => { heard = Date.now(); if (e.lastEventId) document.body.dataset.live = e.lastEventId; state("live", "live"); };
  source.addEventListener("alive", at);
  source.addEventListener("page", (e) => {
    at(e);
    waiting.push(e.data);
    if (!frame) frame = requestAnimationFrame(apply);
  });
  source.addEventListener("stale", (e) => {
    at(e);
    reading() ? hold("stale", null) : refresh();
  });
  source.onerror = () => { state("away", "not connected, trying again"); };
}

// A laptop that slept hears nothing, and isn't told either.
setInterval(() => {
  if (!document.body.dataset.live || document.hidden) return;
  if (Date.now() - heard > 25000) { state("away", "not connected, trying again"); follow(); }
}, 5000);
document.addEventListener("visibilitychange", () => { // browsers allow few connections to one server: a hidden page needs none
  if (!document.body.dataset.live) return;
  if (document.hidden) { source?.close(); state("still", "paused"); } else follow();
});
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (e) => { if (e.persisted && document.body.dataset.live) follow(); });

// reading reports whether new rows would move what somebody looks at.
function reading(list) {
  return window.scrollY > 60 || Boolean(document.activeElement?.closest("[data-rows]")) || Boolean(list?.querySelector("input:checked"));
}

function hold(id, element) {
  held.set(id, element);
  $("held").hidden = false;
  $("held").textContent = held.has("stale") ? "▲ there is much news ( . )" : "▲ " + held.size + " new ( . )";
}

function release() {
  const list = [...held.values()];
  const stale = held.has("stale");
  held.clear();
  $("held").hidden = true;
  window.scrollTo({ top: 0 });
  document.activeElement?.blur();
  if (stale) return refresh();
  for (const [into, rows] of byList(list)) putAll(into, [...rows.values()]);
}

// putAll puts new rows into their list, the latest on top, or at the end of a list that grows there. It asks for the layout once,
// not for each row: many may have come.
function putAll(list, elements) {
  for (const element of elements) {
    delete element.dataset.into;
    element.classList.add("fresh");
  }
  if ("end" in list.dataset) return list.append(...elements);
  list.prepend(...elements.slice(-mostRows).reverse());
  while (list.childElementCount > mostRows) list.lastElementChild.remove();
}

// byList returns elements by the list that each goes into. Of one that came twice, the later form counts.
function byList(elements) {
  const lists = new Map();
  for (const element of elements) {
    const list = $(element.dataset.into);
    if (!list) continue;
    if (!lists.has(list)) lists.set(list, new Map());
    lists.get(list).set(element.id, element);
  }
  return lists;
}

function replace(old, element) {
  if (old.outerHTML === element.outerHTML) return;
  for (const open of all("details[open]", old)) { // what is open stays open
    const same = all("details", element)[all("details", old).indexOf(open)];
    if (same) same.open = true;
  }
  const focused = old.contains(document.activeElement);
  delete element.dataset.into;
  old.replaceWith(element);
  if (focused) (rowOf(element) ?? element.querySelector("a, button"))?.focus({ preventScroll: true });
}

function apply() {
  frame = 0;
  const template = document.createElement("template");
  template.innerHTML = waiting.join("");
  waiting = [];
  const told = [], fresh = [];
  for (const element of [...template.content.children]) {
    enhance(element);
    const old = $(element.id);
    if (old) { replace(old, element); continue; }
    if (!element.dataset.into) continue;
    fresh.push(element);
    if (element.classList.contains("error") && element.querySelector("b")) told.push(element.querySelector("b").textContent);
  }
  const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 40;
  for (const [list, rows] of byList(fresh)) {
    const grows = "end" in list.dataset;
    if (!grows && reading(list)) for (const [id, element] of rows) hold(id, element);
    else putAll(list, [...rows.values()]);
    if (grows && atEnd) window.scrollTo({ top: document.documentElement.scrollHeight });
  }
  if (told.length) say((told.length === 1 ? "1 error: " : told.length + " errors, the last: ") + told.at(-1));
}

// refresh loads the view anew, in its place.
async function refresh(address = location.href) {
  const answer = await fetch(address);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = page.getElementById("main");
  if (!main) return location.assign(address);
  enhance(main);
  $("main").replaceWith(main);
  document.title = page.title;
  if (page.body.dataset.live) document.body.dataset.live = page.body.dataset.live;
  if (document.body.dataset.live) follow();
}

// Keys.
const rowOf = (element) => element.matches(".row") ? element : element.querySelector(".row");
const rows = () => all("[data-rows] .row").filter((row) => row.offsetParent);

function step(list, by) {
  const at = list.indexOf(document.activeElement);
  const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function finding(by) {
  const list = all(".finding, [data-rows] .error .row, [data-rows] .warning .row");
  for (const element of list) if (!element.matches("a")) element.tabIndex = -1;
  step(list, by);
}

const click = (selector) => document.querySelector(selector)?.click();

const keys = {
  j: () => step(rows(), 1), ArrowDown: () => step(rows(), 1),
  k: () => step(rows(), -1), ArrowUp: () => step(rows(), -1),
  h: () => click("[rel=prev]"), l: () => click("[rel=next]"),
  n: () => finding(1), N: () => finding(-1),
  u: () => {
    sessionStorage.setItem("up", "yes");
    const up = document.querySelector("[data-up]");
    up ? up.click() : location.assign(document.querySelector("nav [aria-current]")?.href ?? "/");
  },
  ".": release,
  "/": () => document.querySelector("[type=search]")?.focus(),
  "?": () => $("help").showModal(),
  t: nextTheme,
  x: () => document.activeElement?.closest("li")?.querySelector("[type=checkbox]")?.click(),
  "*": () => all("[data-rows] [type=checkbox]").forEach((box) => { if (!box.checked) box.click(); }),
  d: () => click("[data-key=delete]:not([disabled])"),
  y: () => { const at = document.activeElement?.closest("li, .finding, .command"); if (at) copy(at.querySelector("[data-copy]")?.dataset.copy ?? at.innerText.trim()); },
  Y: () => copy(location.href),
};

document.addEventListener("keydown", (e) => {
  if (e.key === "Escape" && e.target.matches("input, textarea")) { e.target.blur(); return; }
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || e.target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") || $("help").open) return;
  if (kept.get("keys") === "off" && e.key.length === 1) return;
  const view = all("nav a")[Number(e.key) - 1];
  if (view) { e.preventDefault(); view.click(); return; }
  if (e.key.startsWith("Arrow") && (!document.activeElement?.closest("[data-rows]"))) return; // arrows scroll, unless one is in a list
  if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
});

// Who writes a user's name, or a number, means the choice beside it.
document.addEventListener("input", (e) => {
  const choice = e.target.closest("label")?.querySelector("[type=radio]");
  if (choice && choice !== e.target) choice.checked = true;
});

// The editor of scenarios: what is right and wrong appears while one writes.
document.addEventListener("DOMContentLoaded", () => {
  const form = $("editor"), area = $("yaml");
  if (!form) return;
  let asked = 0, timer = 0;
  const bytes = (text) => new TextEncoder().encode(text).length;
  async function check() {
    const n = ++asked;
    const body = new URLSearchParams({ yaml: area.value, at: bytes(area.value.slice(0, area.selectionStart)), part: "yes" });
    const answer = await fetch("/scenarios/check", { method: "POST", body });
    if (!answer.ok || n !== asked) return;
    const template = document.createElement("template");
    template.innerHTML = await answer.text();
    $("checked").replaceWith(template.content);
  }
  const soon = () => { clearTimeout(timer); timer = setTimeout(check, 200); };
  area.addEventListener("input", soon);
  area.addEventListener("click", soon);
  area.addEventListener("keyup", (e) => { if (e.key.startsWith("Arrow")) soon(); });
  const insert = (button) => {
    const begun = Number(button.dataset.begun);
    let from = area.selectionStart;
    while (begun > 0 && from > 0 && bytes(area.value.slice(from, area.selectionStart)) < begun) from--;
    area.setRangeText(button.dataset.insert, from, area.selectionEnd, "end");
    area.focus();
    check();
  };
  area.addEventListener("keydown", (e) => {
    const first = document.querySelector("[data-insert]");
    if (e.key === " " && e.ctrlKey && first) { e.preventDefault(); insert(first); }
  });
  form.addEventListener("click", (e) => {
    const proposal = e.target.closest("[data-insert]");
    if (proposal) insert(proposal);
    const line = e.target.closest("[data-line]");
    if (line) {
      const lines = area.value.split("\n"), n = Number(line.dataset.line) - 1;
      const from = lines.slice(0, n).reduce((sum, l) => sum + l.length + 1, 0);
      area.focus();
      area.setSelectionRange(from, from + (lines[n] ?? "").length);
    }
  });
});

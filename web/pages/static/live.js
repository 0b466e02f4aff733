// Keeps a page right while it is open. Everything but this works without it.
const main = document.getElementById("main");
const dot = document.getElementById("live");
const KINDS = ["status", "incident", "notice", "silence", "announcement", "self", "beat", "reset"];
let skew = Date.now() - Number(document.body.dataset.now);

// The words of the server for a length of time.
function lengthOf(ms) {
  const minutes = Math.floor(ms / 60_000), hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (minutes < 100) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")}`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

const setText = (node, text) => node.textContent === text || (node.textContent = text);

document.querySelector("form.theme").addEventListener("submit", (event) => {
  event.preventDefault();
  document.documentElement.dataset.theme = event.submitter.value;
  document.cookie = `wk-theme=${event.submitter.value};path=/;max-age=31536000;samesite=lax`;
});

const find = document.getElementById("q");

function filter() {
  const wanted = find.value.trim().toLowerCase();
  for (const group of main.querySelectorAll("section.group")) {
    group.words ??= [...group.querySelectorAll("tr[data-t]")].map((row) => [row, `${row.dataset.t} ${row.cells[0].textContent}`.toLowerCase()]);
    group.hidden = !group.words.filter(([row, words]) => !(row.hidden = !words.includes(wanted))).length;
  }
}

if (find && "rows" in find.dataset) for (const kind of ["focus", "input"]) find.addEventListener(kind, filter);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || !find || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
  event.preventDefault();
  find.select();
});

// A status that changed is shown at once, in its row; the rest of the page is asked for anew.
function show(row, [status, since]) {
  row.className = status;
  const [word, time] = row.cells[1].children;
  word.className = `t-${status}`;
  word.textContent = status;
  time.dateTime = new Date(since).toISOString();
  time.textContent = lengthOf(Date.now() - skew - since);
}

// Parts that are the same, in use or open stay where they are: a node that is moved loses the focus.
function place(parent, fresh) {
  parent.className = fresh.className;
  const keyed = (parts) => new Map([...parts].map((part, number) => [part.id || part.dataset.t || number, part]));
  const before = keyed(parent.children), after = keyed(fresh.children);
  before.forEach((old, key) => after.has(key) || old.remove());
  let at = parent.firstElementChild;
  after.forEach((child, key) => {
    const old = before.get(key);
    if (old?.dataset.keep) {
      const chips = child.querySelectorAll(".chips");
      old.querySelectorAll(".chips").forEach((each, number) => each.replaceWith(chips[number]));
    }
    const isSame = old?.outerHTML === child.outerHTML, isRows = old?.matches("section.group, section.group :not(td, th)");
    if (isRows && !isSame) place(old, child);
    const inUse = old && (old.contains(document.activeElement) || old.querySelector("details[open]") || old.dataset.keep);
    if (isSame || isRows || inUse) child = old;
    else if (old) {
      old.replaceWith(child);
      if (at === old) at = child;
    }
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  });
}

async function load() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.status === 404) location.reload(); // the thing is gone, and its page says so
  if (!answer.ok || answer.redirected) return;
  place(main, page.getElementById("main"));
  document.title = page.title;
  for (const part of ["link[rel=icon]", "header nav", "footer span"])
    document.querySelector(part).replaceWith(page.querySelector(part));
  main.querySelectorAll("section.group").forEach((group) => delete group.words);
  if (find && "rows" in find.dataset) filter();
}

let waiting = 0, took = 0, seen = Date.now();

// A page may be shared by many, and be of a moment before the event: a second look follows. Long pages are asked for less often.
function refresh(looks = 2) {
  waiting ||= setTimeout(async () => {
    const began = Date.now();
    await load().catch(() => {}); // the dot tells it
    took = Date.now() - began;
    waiting = 0;
    if (looks > 1) refresh(looks - 1);
  }, (document.hidden ? 5_000 : 1_100) + 5 * took);
}

function take([kind, data]) {
  seen = Date.now();
  if (kind === "beat") skew = seen - (Date.parse(JSON.parse(data).at) || seen - skew); // either clock may have been set
  dot.className = "live on";
  setText(dot, "live");
  for (const [id, entry] of Object.entries((kind === "status" && JSON.parse(data).k) || {})) {
    const row = main.querySelector(`tr[data-t="${CSS.escape(id)}"]`);
    if (row) show(row, entry);
  }
  // A page without kinds of its own, as one with a form that is being filled in, is never replaced.
  const kinds = main.dataset.live;
  if (kinds && (kind === "reset" || kinds.includes(kind))) refresh(kind === "reset" ? 1 : 2);
}

function listen() {
  if (window.SharedWorker) {
    const { port } = new SharedWorker(dot.dataset.worker);
    port.onmessage = (event) => take(event.data);
    addEventListener("pagehide", () => port.postMessage("gone"), { once: true });
    return;
  }
  let source;
  const follow = () => {
    source?.close();
    if (document.hidden) return;
    source = new EventSource(dot.dataset.stream);
    for (const kind of KINDS) source.addEventListener(kind, (event) => take([kind, event.data]));
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

function look() {
  for (const time of document.querySelectorAll("time.age, tr[data-t] time"))
    setText(time, lengthOf(Date.now() - skew - Date.parse(time.dateTime)));
  if (Math.abs(Date.now() - seen) > 20_000) {
    dot.className = "live";
    setText(dot, `not live since ${new Date(seen - skew).toLocaleTimeString("en-GB", { timeZone: dot.dataset.zone })}`);
  }
}

if (dot) {
  dot.hidden = false;
  setText(dot, "connecting");
  listen();
  addEventListener("pageshow", (event) => event.persisted && listen());
  setInterval(look, 5_000);
}

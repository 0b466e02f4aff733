// Keeps a page right while it is open. Everything but this works without it.
const root = document.documentElement;
const main = document.getElementById("main");
const dot = document.getElementById("live");
const skew = Date.now() - Number(document.body.dataset.now);

// Ages, in the words of the server.

function lengthOf(ms) {
  const minutes = Math.floor(ms / 60_000), hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (minutes < 100) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")}`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

function ageAll() {
  const now = Date.now() - skew;
  for (const time of document.querySelectorAll("time.age, td time")) setText(time, lengthOf(now - Date.parse(time.dateTime)));
}

// The theme.

document.querySelector("form.theme").addEventListener("submit", (event) => {
  event.preventDefault();
  root.dataset.theme = event.submitter.value;
  document.cookie = `wk-theme=${event.submitter.value};path=/;max-age=31536000;samesite=lax`;
});

// The filter.

const find = document.getElementById("q");

function filter() {
  const wanted = find.value.trim().toLowerCase();
  for (const group of main.querySelectorAll("section.group")) {
    let shown = 0;
    for (const row of group.querySelectorAll("tr[data-t]")) {
      row.hidden = !(row.words ??= `${row.dataset.t} ${row.cells[0].textContent}`.toLowerCase()).includes(wanted);
      shown += !row.hidden;
    }
    group.hidden = !shown;
  }
}

if (find && "rows" in find.dataset) find.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && find && !/INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) {
    event.preventDefault();
    find.select();
  } else if (event.key === "Escape" && event.target === find) {
    find.value = "";
    find.dispatchEvent(new Event("input"));
  }
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

function place(fresh) {
  const gone = new Set(main.children);
  const before = new Map([...gone].map((child) => [child.id, child]));
  for (const child of [...fresh.children]) {
    const old = child.id && before.get(child.id);
    const busy = old && (old.contains(document.activeElement) || old.querySelector("details[open]") || old.dataset.keep);
    if (old?.dataset.keep) {
      const chips = child.querySelectorAll(".chips");
      old.querySelectorAll(".chips").forEach((each, place) => each.replaceWith(chips[place]));
    }
    const kept = old && (busy || old.outerHTML === child.outerHTML);
    if (kept) gone.delete(old);
    main.append(kept ? old : child);
  }
  gone.forEach((child) => child.remove());
}

let waiting = 0;

function refresh(afterMs) {
  waiting ||= setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && !answer.redirected) {
        place(page.getElementById("main"));
        document.title = page.title;
        for (const wanted of ["link[rel=icon]", "header nav", "footer span"])
          document.querySelector(wanted).replaceWith(page.querySelector(wanted));
        if (find && "rows" in find.dataset) filter();
      }
    } catch {
      // The dot tells it.
    }
    waiting = 0;
  }, document.hidden ? 5_000 : afterMs);
}

let seen = 0;

function take([kind, data]) {
  seen = Date.now();
  dot.className = "live on";
  setText(dot, "live");
  if (kind === "status") {
    const changed = Object.entries(JSON.parse(data).k);
    for (const [id, entry] of changed) {
      const row = main.querySelector(`tr[data-t="${CSS.escape(id)}"]`);
      if (row) show(row, entry);
    }
  }
  // A page without kinds of its own, as one with a form that is being filled in, is never replaced.
  const kinds = main.dataset.live;
  if (kinds && (kind === "reset" || kinds.includes(kind))) refresh(1_000);
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
    for (const kind of ["status", "incident", "notice", "self", "beat", "reset"])
      source.addEventListener(kind, (event) => take([kind, event.data]));
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

function look() {
  ageAll();
  if (seen && Date.now() - seen > 20_000) {
    dot.className = "live";
    setText(dot, `not live since ${new Date(seen).toTimeString().slice(0, 8)}`);
  }
}

if (dot) {
  dot.hidden = false;
  setText(dot, "connecting");
  listen();
  addEventListener("pageshow", (event) => event.persisted && listen());
  setInterval(look, 5_000);
}

// Keeps a public page right while it is left open, as on a wall. Without scripts the browser loads it anew each minute.
const EVERY_MS = 60_000;
let seen = Date.now();

async function load() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-cache" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html"), main = document.getElementById("main");
  seen = Date.now();
  // A part that is being read stays: one that is open or has the focus.
  if (main.querySelector("details[open]") || main.contains(document.activeElement)) return;
  main.replaceWith(page.getElementById("main"));
  document.title = page.title;
  document.querySelector("link[rel=icon]").replaceWith(page.querySelector("link[rel=icon]"));
}

async function look() {
  await load().catch(() => {}); // the page tells it below
  const late = document.getElementById("late");
  if (late) late.hidden = Date.now() - seen < 3 * EVERY_MS;
}

setInterval(() => document.hidden || look(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || Date.now() - seen < EVERY_MS || look());

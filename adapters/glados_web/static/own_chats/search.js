// Shows what a search finds in place of the list of chats, while a person types. Enter opens it as a page of its own.
import { openDrawer } from "../chats.js";
import { request } from "../server.js";
import { say } from "../words.js";

const PAUSE_MS = 250;
const field = document.querySelector(".find input");
const status = document.getElementById("count");
const found = document.getElementById("found");
const list = document.querySelector(".chats > ul");
let timer, newest = 0;

// Shows a part of the page of results, and says aloud only how much there is. Without one, shows the list again.
function show(fresh, words = "") {
  const count = fresh?.querySelector("[role=status]");
  count?.remove();
  status.textContent = count?.textContent ?? words;
  found.replaceChildren(...(fresh?.childNodes ?? []));
  found.hidden = !fresh;
  list.hidden = Boolean(status.textContent);
}

async function look() {
  const mine = ++newest;
  const text = field.value.trim();
  if (!text) return show();
  const answer = await request(`/search?q=${encodeURIComponent(text)}`).catch(() => null);
  const html = answer?.ok ? await answer.text() : "";
  if (mine !== newest) return;
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("found");
  show(fresh, fresh ? "" : say("page-search-away"));
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, field.value ? PAUSE_MS : 0);
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  event.preventDefault();
  openDrawer(true);
  field.select();
});

// A place in this chat was chosen.
window.addEventListener("hashchange", () => openDrawer(false));
if (field.value) look();  // the browser filled it in again

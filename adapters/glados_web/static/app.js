// The page's behaviour: send questions, follow running answers, act on finished ones. Everything is already rendered and
// sanitised by the server; this script only puts blocks in place. Tries that failed are made again by again.js.
"use strict";

const turns = document.getElementById("turns");
const form = document.getElementById("ask");
const text = document.getElementById("text");
const problem = document.getElementById("problem");
const base = `/c/${turns.dataset.conversation}`;
const SILENT_MS = 25000;  // the server says something every ten seconds
const LONGEST_MS = 30000;  // for an answer to a request
const PASSING = [502, 503, 504];  // the server or its store is away, or a proxy says so

// Errors with `isPassing` are worth another try. With `isRefused` the server surely did nothing.
function failure(message, isPassing, isRefused) { return Object.assign(new Error(message), { isPassing, isRefused }); }

async function post(path, body = {}) {
  let response;
  try {
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    response = await request(path, options, LONGEST_MS);
  } catch {
    throw failure("GLaDOS cannot be reached. Your message is kept here and sent as soon as it is back.", true, false);
  }
  const data = await response.json().catch(() => ({}));
  if (response.ok) return data;
  const message = data.error || `The server answered with status ${response.status}.`;
  throw failure(message, PASSING.includes(response.status), response.status < 500);
}

// Why this chat cannot be followed any more; undefined while that may pass.
async function whyRefused() {
  const answer = await request(location.href, { headers: { Accept: "application/json" } }, LONGEST_MS).catch(() => null);
  if (answer?.status === 401) return "You are signed out. Reload to sign in again.";
  if (answer?.status === 404) return "This chat is not there any more.";
}

// --- one answer ------------------------------------------------------------------------------------------------------

function atBottom() { return turns.scrollHeight - turns.scrollTop - turns.clientHeight < 80; }
function toBottom() { turns.scrollTop = turns.scrollHeight; }

function fragmentOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// A frame around what may be wider than the screen, which the keyboard can scroll. One node stays one node: `marks` in
// `show` counts on it.
function frame(block, name, label) {
  const around = document.createElement("div");
  around.className = name;
  block.replaceWith(around);
  around.append(block);
  const scrolled = name === "code" ? block : around;
  scrolled.tabIndex = 0;
  scrolled.setAttribute("role", "group");
  scrolled.setAttribute("aria-label", label);
  return around;
}

// What the server's HTML does not say: names for the screen reader, and for each code block its language and a button.
function furnish(answer) {
  for (const block of answer.querySelectorAll(":not(.code) > pre")) {
    const code = block.querySelector("code") ?? block;
    const head = document.createElement("div");
    const language = document.createElement("span");
    const button = document.createElement("button");
    language.textContent = code.className.match(/language-(\S+)/)?.[1] ?? "";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => copy(code.textContent, button));
    head.append(language, button);
    frame(block, "code", `Code ${language.textContent}`.trim()).prepend(head);
  }
  for (const table of answer.querySelectorAll(":not(.table) > table")) frame(table, "table", "Table");
  for (const box of answer.querySelectorAll("input")) box.setAttribute("aria-label", box.checked ? "Done" : "To do");
}

async function copy(content, button) {
  const name = button.textContent;
  try {
    await navigator.clipboard.writeText(content);
    button.textContent = "Copied";
  } catch {  // not on https or localhost: the clipboard is closed to scripts
    button.textContent = "Not allowed here";
  }
  setTimeout(() => { button.textContent = name; }, 1500);
}

// Blocks arrive as HTML strings; `marks` remembers how many nodes each one made, so that a tail can be replaced.
function show(turn, view, marks) {
  const wasAtBottom = atBottom();
  const answer = turn.querySelector(".answer");
  const failed = view.state === "failed";
  const keep = marks.slice(0, view.from).reduce((sum, count) => sum + count, 0);
  while (answer.childNodes.length > keep) answer.lastChild.remove();
  marks.length = view.from;
  for (const html of failed ? [] : view.blocks) {
    const fragment = fragmentOf(html);
    marks.push(fragment.childNodes.length);
    answer.append(fragment);
  }
  if (failed) answer.replaceChildren();
  setState(turn, view.state);
  tell(turn, failed ? view.markdown : view.notice);
  if (view.markdown !== undefined) {
    answer.setAttribute("aria-busy", "false");
    turn.querySelector(".plain").textContent = failed ? "" : view.markdown;
  }
  furnish(answer);
  if (wasAtBottom) toBottom();
}

// A button that was pressed by a key and is gone in the new state hands the focus to the message box.
function setState(turn, state) {
  const focused = turn.querySelector(".actions :focus-visible");
  turn.dataset.state = state;
  turn.querySelector("[data-action=redo]").textContent = state === "failed" ? "Retry" : "Regenerate";
  if (focused && !focused.checkVisibility()) text.focus();
}

// Shows an answer until it ends, over as many connections as it takes. What was said stays on view in between.
function follow(turn) {
  const answer = turn.querySelector(".answer");
  answer.replaceChildren();
  answer.setAttribute("aria-busy", "true");
  showPlain(turn, false);
  let tries = 0;
  const connect = () => watch(turn, {
    heard: () => { tries = 0; },
    lost: async (isRefused) => {
      tell(turn, "The connection was lost; the answer goes on as soon as it is back.");
      const why = isRefused ? await whyRefused() : undefined;
      if (why) tell(turn, why);
      else later(tries++, connect);
    },
  });
  connect();
}

// One connection. It is lost when it breaks, and when it says nothing for too long: nobody tells a browser that the
// machine at the other end is gone, or that the network changed while it slept.
function watch(turn, { heard, lost }) {
  const marks = [];
  const source = new EventSource(`${base}/turns/${turn.dataset.turn}`);
  let silence;
  const listen = () => { clearTimeout(silence); silence = setTimeout(() => fail(false), SILENT_MS); };
  const end = () => { clearTimeout(silence); source.close(); };
  const fail = (isRefused) => { end(); lost(isRefused); };
  source.addEventListener("view", (event) => {
    const view = JSON.parse(event.data);
    heard();
    listen();
    if (view.state === "removed") { end(); turn.remove(); return; }
    show(turn, view, marks);
    if (view.markdown !== undefined) end();
  });
  source.addEventListener("error", () => fail(source.readyState === EventSource.CLOSED));
  source.addEventListener("lost", () => fail(false));
  listen();
}

// Words that stand there already are not put there again: a screen reader would read them out once more.
function tell(turn, words) {
  const notice = turn.querySelector(".notice");
  if (notice.textContent !== words) notice.textContent = words;
}

function showPlain(turn, plain) {
  turn.querySelector(".plain").hidden = !plain;
  turn.querySelector(".answer").hidden = plain;
  const button = turn.querySelector("[data-action=plain]");
  button.setAttribute("aria-pressed", String(plain));
  button.textContent = plain ? "Rendered" : "Plain";
}

// --- past chats on a narrow screen -----------------------------------------------------------------------------------

const burger = document.querySelector(".burger");

function openDrawer(open) {
  if (open === (burger.getAttribute("aria-expanded") === "true")) return;
  burger.setAttribute("aria-expanded", String(open));
  document.body.classList.toggle("drawer", open);
  (open ? document.querySelector(".chats a") : burger).focus();
}

document.querySelector(".shade").addEventListener("click", () => openDrawer(false));

// --- actions ---------------------------------------------------------------------------------------------------------

const actions = {
  drawer: () => openDrawer(burger.getAttribute("aria-expanded") !== "true"),
  stop: (turn) => post(`${base}/turns/${turn.dataset.turn}/stop`),
  async redo(turn) {
    await post(`${base}/turns/${turn.dataset.turn}/redo`);
    setState(turn, "waiting");
    tell(turn, "");
    follow(turn);
  },
  plain: (turn) => showPlain(turn, turn.querySelector(".plain").hidden),
  copy: (turn, button) => copy(turn.querySelector(".plain").textContent, button),
  async clear() {
    if (!turns.querySelector(".turn") || !confirm("Forget everything said in this chat?")) return;
    await post(`${base}/clear`);
    for (const turn of turns.querySelectorAll(".turn")) turn.remove();
    document.querySelector(".chats [aria-current]")?.closest("li").remove();
  },
  async delete() {
    if (!turns.querySelector(".turn") || !confirm("Delete this chat?")) return;
    await post(`${base}/delete`);
    location.assign("/");
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  try {
    await actions[button.dataset.action](button.closest(".turn"), button);
  } catch (error) {
    complain(error.message, () => button.click());
  }
});

let takeRetryBack = () => {};
let retries = 0;  // in a row

// `retry` is what the button does; with `soon`, it is also done without a click, until it works.
function complain(message, retry, soon = false) {
  problem.querySelector("span").textContent = message;
  const again = () => { pardon(); retry(); };
  problem.querySelector("button").onclick = again;
  problem.hidden = false;
  if (soon) takeRetryBack = later(retries++, again);
}

function pardon() {
  takeRetryBack();
  problem.hidden = true;
}

// --- questions -------------------------------------------------------------------------------------------------------

// The key names a message: sent again because the server's answer was lost, it is not asked twice.
let unsent = { question: "", key: "" };

function keyOf(question) {
  if (unsent.question !== question) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    unsent = { question, key: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  }
  return unsent.key;
}

async function send() {
  const question = text.value.trim();
  const length = [...question].length;
  if (!question || form.dataset.busy) return;
  pardon();
  if (length > text.dataset.longest) {
    complain(`This message has ${length} characters; ${text.dataset.longest} are allowed. Please shorten it.`, send);
    return;
  }
  form.dataset.busy = "yes";
  try {
    const { turn: id } = await post(`${base}/messages`, { text: question, key: keyOf(question) });
    unsent = { question: "", key: "" };
    retries = 0;
    addTurn(id, question);
    if (text.value.trim() === question) text.value = "";
  } catch (error) {
    if (error.isRefused) unsent = { question: "", key: "" };
    complain(error.message, send, error.isPassing && text.value.trim() === question);
  } finally {
    delete form.dataset.busy;
  }
}

function addTurn(id, question) {
  if (turns.querySelector(`[data-turn="${id}"]`)) return;
  const turn = document.getElementById("turn").content.firstElementChild.cloneNode(true);
  turn.dataset.turn = id;
  turn.querySelector(".question").append(question);
  turns.append(turn);
  if (location.pathname !== base) history.replaceState(null, "", base);
  nameChat(question);
  toBottom();
  follow(turn);
}

// The list of chats shows this one on top, called by its first question.
function nameChat(question) {
  const list = document.querySelector(".chats ul");
  let link = list.querySelector("[aria-current]");
  if (!link) {
    link = document.createElement("a");
    link.href = base;
    link.setAttribute("aria-current", "page");
    link.textContent = question.replace(/\s+/g, " ");
    list.append(document.createElement("li"));
    list.lastChild.append(link);
  }
  list.prepend(link.parentElement);
}

if (!CSS.supports("field-sizing: content")) {  // older browsers: grow by lines
  text.addEventListener("input", () => { text.rows = Math.min(text.value.split("\n").length, 8); });
}
form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (document.body.classList.contains("drawer")) { openDrawer(false); return; }
  turns.querySelector(":is([data-state=waiting], [data-state=writing]) [data-action=stop]")?.click();
});

for (const turn of turns.querySelectorAll(".turn")) {
  if (turn.dataset.state === "waiting") follow(turn); else furnish(turn.querySelector(".answer"));
}
toBottom();

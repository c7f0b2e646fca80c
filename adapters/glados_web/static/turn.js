// One question and its answer on the page. The server has rendered and sanitised everything; this only puts
// blocks in place.
import { item } from "./attachments.js";
import { furnish } from "./furnish.js";
import { say } from "./words.js";

const turns = document.getElementById("turns");
const text = document.getElementById("text");
const marksOf = new WeakMap();  // nodes per block of an answer, so that a tail can be replaced

export const find = (id) => turns.querySelector(`.turn[data-turn="${CSS.escape(id)}"]`);
export const all = () => [...turns.querySelectorAll(".turn")];
export const underWay = () => all().filter((turn) => ["waiting", "writing"].includes(turn.dataset.state));

// Adds a new turn after another one; undefined puts it last. `files` are entries of attachments.js, or names.
export function make(id, question, files, previous = all().at(-1)) {
  const turn = document.getElementById("turn").content.firstElementChild.cloneNode(true);
  turn.id = `t${id}`;
  turn.dataset.turn = id;
  ask(turn, question);
  if (files.length) {
    const list = document.getElementById("chips").cloneNode();
    list.removeAttribute("id");
    list.hidden = false;
    list.append(...files.map((each) => (each.file ? item(each.file.name, each.thumbnail) : item(each))));
    turn.querySelector(".question").after(list);
  }
  put(turn, previous);
  return turn;
}

// The words of the question stand behind those for the screen reader.
export const wordsOf = (turn) => turn.querySelector(".question").lastChild.data ?? "";

export function ask(turn, question) {
  if (wordsOf(turn) === question) return;
  const bubble = turn.querySelector(".question");
  bubble.replaceChildren(bubble.firstChild, question);
  bubble.classList.toggle("bare", !question);
}

export function put(turn, previous) {
  (previous ?? turns.querySelector(".welcome")).after(turn);
}

// Shows what is new: `blocks` replace everything from block number `from` on.
export function show(turn, view) {
  const answer = turn.querySelector(".answer");
  const marks = marksOf.get(turn) ?? [];
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
  marksOf.set(turn, marks);
  setState(turn, view.state);
  tell(turn, failed ? view.markdown : view.notice);
  const isOver = view.markdown !== undefined;
  answer.setAttribute("aria-busy", String(!isOver));
  turn.querySelector(".plain").textContent = isOver && !failed ? view.markdown : "";
  turn.dataset.version = view.version ?? "";  // as the server has it; none while the answer is under way
  offer(turn, view.files);
  furnish(answer);
}

// Links to the files of an answer that has ended.
function offer(turn, names = []) {
  const list = turn.querySelector(".offered");
  list.hidden = !names.length;
  list.replaceChildren(...names.map((name) => {
    const link = document.createElement("a");
    link.href = `/c/${turns.dataset.conversation}/turns/${turn.dataset.turn}/files/${name}`;
    link.download = "";
    link.textContent = name;
    const entry = document.createElement("li");
    entry.append(link);
    return entry;
  }));
}

// The answer starts again: removes its text.
export function begin(turn) {
  turn.querySelector(".answer").replaceChildren();
  offer(turn);
  showPlain(turn, false);
  turn.dataset.version = "";
  setState(turn, "waiting");
  tell(turn, "");
}

// If the new state hides a button that was pressed by key, the focus moves to the message box.
function setState(turn, state) {
  const focused = turn.querySelector(".actions :focus-visible");
  turn.dataset.state = state;
  if (["waiting", "writing"].includes(state)) showVote(turn, "");  // votes are about an answer that ended
  turn.querySelector("[data-action=redo]").textContent = say(state === "failed" ? "page-retry" : "button-redo");
  if (focused && !focused.checkVisibility()) text.focus();
}

// Does not write the same words again: a screen reader would read them out once more.
export function tell(turn, words) {
  const notice = turn.querySelector(".notice");
  if (notice.textContent !== words) notice.textContent = words;
}

export function showVote(turn, vote) {
  for (const button of turn.querySelectorAll("[data-vote]")) {
    button.setAttribute("aria-pressed", String(button.dataset.vote === vote));
  }
}

export function showPlain(turn, plain) {
  turn.querySelector(".plain").hidden = !plain;
  turn.querySelector(".answer").hidden = plain;
  const button = turn.querySelector("[data-action=plain]");
  button.setAttribute("aria-pressed", String(plain));
  button.textContent = say(plain ? "page-rendered" : "page-plain");
}

function fragmentOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

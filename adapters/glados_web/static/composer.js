// The message box: its keys, its draft, and sending what is in it.
import { attached, detach, hasFiles } from "./attachments.js";
import { draftOf, keepDraft } from "./drafts.js";
import { complain, pardon, relax, tell } from "./problem.js";
import { post, upload } from "./server.js";
import { say } from "./words.js";

const form = document.getElementById("ask");
const text = document.getElementById("text");
const hasKeyboard = !matchMedia("(pointer: coarse)").matches;
let chat;
let unsent = { question: "", files: [], key: "" };
let isBusy = false, isNext = false;  // whether a question is being sent, and the box's text is next

// Args: the chat's path and id, who owns it, whether it is new, and what to do with an accepted question and with
// the key that edits the last one.
export function compose(given) {
  chat = given;
  text.value ||= draftOf(...draftName());
  grow();
}

// The page ignores keys with which an input method composes a word. Safari reports the one that ends a composition
// after its end: only its code shows that.
export const isComposing = (event) => event.isComposing || event.keyCode === 229;

// --- drafts ----------------------------------------------------------------------------------------------------------

function draftName() { return chat.isNew() ? [chat.owner, true] : [chat.id, false]; }

export function keep(words = text.value) { keepDraft(...draftName(), words); }

// --- sending ---------------------------------------------------------------------------------------------------------

async function send() {
  const files = await attached();
  const question = withoutEmptyEnds(text.value);
  if (!question.trim() && !files.length) return;
  if (isBusy) { isNext = true; return; }
  pardon();
  const length = [...question].length;
  if (length > text.dataset.longest) {
    complain(say("page-too-long", { length, most: Number(text.dataset.longest) }), send);
    return;
  }
  isBusy = true;
  isNext = false;
  await deliver(question, files);
  isBusy = false;
  if (isNext) send();
}

async function deliver(question, files) {
  try {
    const { turn, told } = await sendOff({ text: question, key: keyOf(question, files) }, files);
    unsent = { question: "", files: [], key: "" };
    relax();
    if (told) { tell(told); empty(question); return; }
    accept(turn, question, files);
  } catch (error) {
    isNext = false;
    if (error.isRefused) unsent = { question: "", files: [], key: "" };
    complain(error.message, send, error.isPassing && withoutEmptyEnds(text.value) === question);
  }
}

function sendOff(fields, files) {
  const path = `${chat.path}/messages`;
  if (!files.length) return post(path, fields);
  return upload(path, fields, files.map((each) => each.file), document.getElementById("sent"));
}

// Keeps text and files that came meanwhile. The text is the draft of a chat that now exists.
function accept(turn, question, files) {
  keep("");
  if (withoutEmptyEnds(text.value) === question) text.value = "";
  detach(files);
  chat.accepted(turn, question, files);
  keep();
  grow();
}

// Empties the box, unless the person has written something else meanwhile.
function empty(question) {
  if (withoutEmptyEnds(text.value) === question) text.value = "";
  keep();
  grow();
}

// The key names a message, so one sent again after a lost response is not asked twice.
function keyOf(question, files) {
  const isSame = unsent.question === question && unsent.files.length === files.length;
  if (!unsent.key || !isSame || files.some((file, place) => file !== unsent.files[place])) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    unsent = { question, files, key: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  }
  return unsent.key;
}

// Removes only empty lines, as the server does: an indent at the start may be code.
function withoutEmptyEnds(words) {
  const start = words.lastIndexOf("\n", words.length - words.trimStart().length) + 1;
  const end = words.indexOf("\n", words.trimEnd().length);
  return end < 0 ? words.slice(start) : words.slice(start, end);
}

// --- keys ------------------------------------------------------------------------------------------------------------

// Older browsers: sizes the box by its lines.
function grow() {
  if (!CSS.supports("field-sizing: content")) text.rows = Math.min(text.value.split("\n").length, 8);
}

text.addEventListener("input", () => { keep(); grow(); });
form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
text.addEventListener("keydown", (event) => {
  if (event.key === "ArrowUp" && !text.value && !hasFiles() && !isComposing(event)) chat.editLast(event);
  if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
  if (!hasKeyboard && !event.ctrlKey && !event.metaKey) return;  // a phone has no Shift+Enter; its button sends
  event.preventDefault();
  send();
});

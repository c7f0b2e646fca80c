// Edits a sent question in its place, and has it answered anew.
import { isComposing } from "./composer.js";
import { post } from "./server.js";
import { say } from "./words.js";
import { ask, wordsOf } from "./turn.js";

const box = document.getElementById("text");
const hasKeyboard = !matchMedia("(pointer: coarse)").matches;

// `begin` is done once the server has accepted new words.
export function edit(turn, path, begin) {
  const question = turn.querySelector(".question");
  if (question.hidden) return turn.querySelector(".edit textarea").focus();
  const form = document.getElementById("edit").content.firstElementChild.cloneNode(true);
  const text = form.querySelector("textarea");
  const problem = form.querySelector(".notice");
  const words = wordsOf(turn);

  function close() {
    form.remove();
    question.hidden = false;
    box.focus();
  }

  async function save() {
    const { length } = [...text.value];
    if (text.value === words) return close();
    if (length > box.dataset.longest) {
      problem.textContent = say("page-too-long", { length, most: Number(box.dataset.longest) });
      return;
    }
    problem.textContent = "";
    form.inert = true;
    try {
      const { status, text: accepted } = await post(path, { text: text.value });
      ask(turn, accepted);
      close();
      if (status === "queued") begin();
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      form.inert = false;
    }
    if (form.isConnected) text.focus();
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); save(); });
  form.querySelector("[type=button]").addEventListener("click", close);
  text.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    if (event.key === "Escape") {
      event.stopPropagation();  // it stops no answer
      close();
    } else if (event.key === "Enter" && !event.shiftKey && (hasKeyboard || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      save();
    }
  });
  text.value = words;
  question.hidden = true;
  question.after(form);
  text.focus();
  text.setSelectionRange(words.length, words.length);
}

// What the server's HTML of an answer lacks: frames that scroll, names for the screen reader, Copy buttons.
import { copy } from "./copy.js";
import { say } from "./words.js";

// Frames what may be wider than the screen, so that the keyboard can scroll it. One node stays one node: `marks` in
// `show` of turn.js relies on it.
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

// Adds what the server's HTML lacks: names for the screen reader, and a language and a button per code block.
export function furnish(answer) {
  for (const block of answer.querySelectorAll(":not(.code) > pre")) {
    const code = block.querySelector("code") ?? block;
    const head = document.createElement("div");
    const language = document.createElement("span");
    const button = document.createElement("button");
    language.textContent = code.className.match(/language-(\S+)/)?.[1] ?? "";
    button.type = "button";
    button.textContent = say("page-copy");
    button.addEventListener("click", () => copy(code.textContent, button));
    head.append(language, button);
    frame(block, "code", `${say("page-code")} ${language.textContent}`.trim()).prepend(head);
  }
  for (const table of answer.querySelectorAll(":not(.table) > table")) frame(table, "table", say("page-table"));
  for (const box of answer.querySelectorAll("input")) box.setAttribute("aria-label", say(box.checked ? "page-done" : "page-to-do"));
}

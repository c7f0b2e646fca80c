// Copies text, also where the clipboard is closed to scripts: on plain http under any name but localhost.
import { say } from "./words.js";

export async function copy(content, button) {
  const name = button.textContent;
  button.textContent = say(await put(content) ? "page-copied" : "page-copy-refused");
  setTimeout(() => { button.textContent = name; }, 1500);
}

async function put(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    return putSelected(content);
  }
}

// Copies from a selected text field, as a browser's own Copy does. Then the focus goes back to where it was.
function putSelected(content) {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = content;
  field.className = "copied";
  field.readOnly = true;  // no keyboard opens for it
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    focused?.focus({ preventScroll: true });
  }
}

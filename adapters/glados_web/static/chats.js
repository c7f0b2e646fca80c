// The list of past chats, this chat's title there and in its tab, and the drawer that holds the list on a narrow
// screen.

const TITLE_CHARS = 60;  // as on the server
const list = document.querySelector(".chats ul");
const burger = document.querySelector(".burger");

const current = () => list.querySelector("[aria-current]");

// Shows this chat on top of the list, under its first question.
export function nameChat(chat, question, isFirst) {
  let link = current();
  if (!link) {
    link = document.createElement("a");
    link.href = chat;
    link.dir = "auto";
    link.setAttribute("aria-current", "page");
    list.append(document.createElement("li"));
    list.lastChild.append(link);
  }
  if (isFirst) {
    link.textContent = shorten(question);
    document.title = `${link.textContent} · GLaDOS`;
  }
  list.prepend(link.parentElement);
}

// After a clear, the next question names the chat.
export function unnameChat() {
  current()?.closest("li").remove();
  document.title = "GLaDOS";
}

function shorten(question) {
  const letters = [...question.trim().replace(/\s+/g, " ")];
  return letters.length <= TITLE_CHARS ? letters.join("") : `${letters.slice(0, TITLE_CHARS - 1).join("")}…`;
}

export const isDrawerOpen = () => burger.getAttribute("aria-expanded") === "true";

export function openDrawer(open) {
  if (open === isDrawerOpen()) return;
  burger.setAttribute("aria-expanded", String(open));
  document.body.classList.toggle("drawer", open);
  (open ? document.querySelector(".chats a") : burger).focus();
}

document.querySelector(".shade").addEventListener("click", () => openDrawer(false));

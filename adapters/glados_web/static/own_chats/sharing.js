// The link with which others read this chat: make it, copy it, take it back.
import { copy } from "../copy.js";
import { post } from "../server.js";
import { say } from "../words.js";

const panel = document.querySelector(".share");  // none where the operator has switched sharing off
const field = panel?.querySelector("input");

// `link` is "none", "old" (it works, and nobody can see it any more) or "fresh". A pressed button that goes takes the
// focus to the first thing that stays.
function show(link, words = "") {
  if (!panel) return;
  const focused = panel.querySelector(":focus");
  panel.dataset.link = link;
  panel.querySelector("[role=status]").textContent = words;
  if (focused && !focused.checkVisibility()) panel.querySelector(`button.if-${link}`).focus();
}

export const unshared = () => show("none");

// What the buttons do. Args: the chat's address.
export const sharing = (chat) => ({
  async share() {
    const { path } = await post(`${chat}/share`);
    field.value = new URL(path, location.href).href;
    show("fresh", say("page-share-once"));
    field.select();
  },
  async unshare() {
    await post(`${chat}/unshare`);
    field.value = "";
    show("none", say("page-unshared"));
  },
  copyLink: (_, button) => copy(field.value, button),
});

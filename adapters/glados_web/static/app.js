// The page's behaviour: ask, follow this chat wherever its questions come from, act on answers.
import { pick } from "./attachments.js";
import { isDrawerOpen, nameChat, openDrawer, unnameChat } from "./chats.js";
import { compose, isComposing, keep } from "./composer.js";
import { copy } from "./copy.js";
import { edit } from "./edit.js";
import { furnish } from "./furnish.js";
import { complain } from "./problem.js";
import { keepUp, toNewest, toPlace } from "./scrolling.js";
import "./own_chats/search.js";
import { post, request, whyRefused } from "./server.js";
import { openSettings, savePersona } from "./settings.js";
import { sharing, unshared } from "./own_chats/sharing.js";
import { follow } from "./stream.js";
import * as turn from "./turn.js";
import { say } from "./words.js";

const { conversation, owner } = document.getElementById("turns").dataset;
const path = `/c/${conversation}`;
const pathOf = (section) => `${path}/turns/${section.dataset.turn}`;

// --- what happens in this chat ---------------------------------------------------------------------------------------

const watch = follow(path, () => turn.underWay().map((section) => section.dataset.turn), {
  turns: ({ turns }) => keepUp(() => keepStep(turns)),
  view(view) {
    const section = turn.find(view.turn);
    if (!section) return;  // the list names every turn, earlier or later
    keepUp(() => turn.show(section, view));
  },
  async lost(isRefused) {
    const why = isRefused ? await whyRefused(path) : undefined;
    const words = why ?? say("page-lost");
    for (const section of turn.underWay()) turn.tell(section, words);
    return Boolean(why);
  },
});

// Removes deleted turns and adds questions asked elsewhere. Loads answers that ended unseen from the server.
function keepStep(turns) {
  const there = new Set(turns.map((each) => each.turn));
  for (const section of turn.all()) if (!there.has(section.dataset.turn)) section.remove();
  let previous, hasMissed = false;
  for (const { turn: id, question, files, version } of turns) {
    let section = turn.find(id);
    if (!section && version === undefined) section = asked(id, question, files, previous);
    else if (section && version === undefined) turn.ask(section, question);
    hasMissed ||= version !== undefined && section?.dataset.version !== version;
    previous = section ?? previous;
  }
  if (hasMissed) fetchMissed();
}

async function fetchMissed() {
  const answer = await request(path, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;  // the stream says what is wrong
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  keepUp(() => takeFrom(page));
}

function takeFrom(page) {
  let previous;
  for (const fresh of page.querySelectorAll("#turns > .turn")) {
    const section = turn.find(fresh.dataset.turn);
    previous = section?.dataset.version === fresh.dataset.version ? section : replace(section, fresh, previous);
  }
}

function replace(section, fresh, previous) {
  furnish(fresh.querySelector(".answer"));
  if (section) section.replaceWith(fresh);
  else turn.put(fresh, previous);
  return fresh;
}

function asked(id, question, files, previous) {
  const isFirst = !turn.all().length;
  const section = turn.find(id) ?? turn.make(id, question, files, previous);
  if (location.pathname !== path) history.replaceState(null, "", path);
  nameChat(path, question || (files[0].file?.name ?? files[0]), isFirst);
  watch.begin();
  return section;
}

// --- questions -------------------------------------------------------------------------------------------------------

compose({
  path,
  id: conversation,
  owner,
  isNew: () => turn.all().length === 0 && location.pathname !== path,
  accepted(id, question, files) {
    asked(id, question, files);
    toNewest();
  },
  editLast(event) {
    const last = turn.all().at(-1);
    if (!last || turn.underWay().includes(last)) return;
    event.preventDefault();
    actions.edit(last);
  },
});

// --- actions ---------------------------------------------------------------------------------------------------------

const actions = {
  ...sharing(path),
  drawer: () => openDrawer(!isDrawerOpen()),
  stop: (section) => post(`${pathOf(section)}/stop`),
  async redo(section) {
    await post(`${pathOf(section)}/redo`);
    answerAnew(section);
  },
  edit: (section) => edit(section, `${pathOf(section)}/edit`, () => answerAnew(section)),
  async vote(section, button) {
    const isPressed = button.getAttribute("aria-pressed") === "true";
    const { vote } = await post(`${pathOf(section)}/vote`, { vote: isPressed ? "" : button.dataset.vote });
    turn.showVote(section, vote);
  },
  attach: pick,
  settings: () => openSettings(path),
  persona: savePersona,
  plain: (section) => turn.showPlain(section, section.querySelector(".plain").hidden),
  copy: (section, button) => copy(section.querySelector(".plain").textContent, button),
  file: (section) => location.assign(`${pathOf(section)}/answer.md`),
  newest(_, button) {
    const isByKey = button.matches(":focus-visible");
    toNewest();
    if (isByKey) document.getElementById("text").focus();
  },
  async clear() {
    if (!turn.all().length || !confirm(say("page-forget-chat"))) return;
    await post(`${path}/clear`);
    for (const section of turn.all()) section.remove();
    unnameChat();
    unshared();
  },
  async delete() {
    if (!turn.all().length || !confirm(say("page-delete-chat"))) return;
    await post(`${path}/delete`);
    keep("");
    location.assign("/");
  },
};

function answerAnew(section) {
  turn.begin(section);
  watch.beginAnew();  // the same words again are an end, too
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  try {
    await actions[button.dataset.action](button.closest(".turn"), button);
  } catch (error) {
    complain(error.message, () => button.click());
  }
});

// An open menu closes and a search empties by itself.
const isTaken = ({ target }) => document.querySelector(":popover-open") || (target.type === "search" && target.value);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || isComposing(event) || isTaken(event)) return;
  if (isDrawerOpen()) openDrawer(false);
  else turn.underWay()[0]?.querySelector("[data-action=stop]").click();
});

for (const section of turn.all()) furnish(section.querySelector(".answer"));
if (turn.all().length || location.pathname === path) watch.begin();
toPlace();

// Words that were not sent yet: a draft for each chat, in this browser, until it is sent or its chat deleted.
// A chat that nobody asked in has no name that lasts. Its draft belongs to the tab, and to the next new chat.

// Browsers may refuse: then there are no drafts, and all else works.
function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

// Args: the chat's id, or for a new one the name of its owner with `isNew`.
export function draftOf(name, isNew) {
  const key = keyOf(name, isNew);
  return attempt(() => (isNew && sessionStorage.getItem(key)) || localStorage.getItem(key)) ?? "";
}

export function keepDraft(name, isNew, words) {
  const key = keyOf(name, isNew);
  for (const store of isNew ? ["sessionStorage", "localStorage"] : ["localStorage"]) {
    attempt(() => (words ? window[store].setItem(key, words) : window[store].removeItem(key)));
  }
}

function keyOf(name, isNew) { return isNew ? `draft:new:${name}` : `draft:${name}`; }

// Unsent text: one draft per chat, in this browser, until it is sent or its chat is deleted.
// A chat without a question has no lasting id. Its draft belongs to the tab, and to the next new chat.

// Browsers may refuse to store text. Then there are no drafts, and all else works.
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

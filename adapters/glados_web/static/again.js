// When what failed is tried again: quickly at first, then more slowly, and at once when there is reason to hope.

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 3000;
export const waiting = new Set();

// Does something after a pause that doubles with each try, or as soon as the network or the reader is back. By chance the
// pause is up to a quarter longer or shorter: not all browsers return to a restarted server at once.
// Returns a function that takes it back.
export function later(tries, action) {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
  const takeBack = () => { clearTimeout(timer); waiting.delete(go); };
  const go = () => { takeBack(); action(); };
  const timer = setTimeout(go, pause);
  waiting.add(go);
  return takeBack;
}

function sooner() {
  for (const go of [...waiting]) go();
}

window.addEventListener("online", sooner);
window.addEventListener("pageshow", sooner);
document.addEventListener("visibilitychange", () => { if (!document.hidden) sooner(); });

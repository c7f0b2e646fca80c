// Retries what failed: quickly at first, then more slowly, and at once when success has become likely.

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 3000;
export const waiting = new Set();

// Acts after a pause that doubles with each try, or as soon as the network or the reader is back. The pause varies by
// up to a quarter at random, so that not all browsers return to a restarted server at once.
// Returns a function that cancels the action.
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

// The page's one connection for all events of its chat. A browser has six per server, for all its tabs together. So a
// hidden page has none, and the server ends the oldest if there are too many. That page then asks now and then.
import { later } from "./again.js";

const SILENT_MS = 25000;  // the server says something every ten seconds
const CROWDED_MS = 1000;  // between two looks at an answer that grows
const CROWDED_IDLE_MS = 5000;  // between two looks at a chat in which nothing happens

// Follows a chat for as long as the page is open, over as many connections as it takes.
//   chat      the chat's path
//   awaited   returns the turns whose end the page has not seen
//   on        handlers of the server's `turns` and `view`, and of a `lost` connection (told if the server refused it)
// Returns `begin`, also for a page just coming into use, and `beginAnew`, with the turns awaited now.
export function follow(chat, awaited, on) {
  let source, silence, tries = 0, isWanted = false, isCrowded = false;
  let takeBack = () => {};

  const end = () => { clearTimeout(silence); takeBack(); source?.close(); isCrowded = false; };
  const listen = () => { clearTimeout(silence); silence = setTimeout(fail, SILENT_MS, false); };
  const heard = (act) => ({ data }) => { tries = 0; listen(); act(JSON.parse(data)); };

  async function fail(isRefused) {
    end();
    const mine = source;
    if (await on.lost(isRefused)) isWanted = false;
    else if (mine === source) takeBack = later(tries++, connect);
  }

  function wait() {
    end();
    isCrowded = true;
    const timer = setTimeout(connect, awaited().length ? CROWDED_MS : CROWDED_IDLE_MS, true);
    takeBack = () => clearTimeout(timer);
  }

  function connect(isPatient = false) {
    end();
    if (document.hidden || !isWanted) return;
    const query = new URLSearchParams(awaited().map((turn) => ["awaits", turn]));
    if (isPatient) query.set("patient", "true");
    const mine = source = new EventSource(`${chat}/events?${query}`);
    source.addEventListener("turns", heard(on.turns));
    source.addEventListener("view", heard(on.view));
    source.addEventListener("alive", heard(() => {}));
    source.addEventListener("crowded", wait);
    source.addEventListener("lost", () => fail(false));
    source.addEventListener("error", () => fail(mine.readyState === EventSource.CLOSED));
    listen();
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) end();
    else if (!source || source.readyState === EventSource.CLOSED) connect();
  });
  window.addEventListener("focus", () => { if (isCrowded) connect(); });
  window.addEventListener("pagehide", end);
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  const beginAnew = () => { isWanted = true; connect(); };
  return { begin: () => { if (!isWanted || isCrowded) beginAnew(); }, beginAnew };
}

// Follows the newest words until a person scrolls up. Then nothing moves until they are back at the end.

const turns = document.getElementById("turns");
const button = document.querySelector(".newest");
const NEAR_PX = 2;  // a zoomed page ends between two pixels
let isFollowing = true;
let last = { top: 0, height: 0 };

const isAtEnd = () => turns.scrollHeight - turns.scrollTop - turns.clientHeight <= NEAR_PX;

function follow(is) {
  isFollowing = is;
  button.hidden = is;
}

// Runs what may change the text's length.
export function keepUp(change = () => {}) {
  look();
  change();
  if (isFollowing) toNewest();
}

export function toNewest() {
  turns.scrollTop = turns.scrollHeight;
  last = { top: turns.scrollTop, height: turns.scrollHeight };
  follow(true);
}

// Goes to the turn that the address names, if it does; else to the newest words.
export function toPlace() {
  const place = document.getElementById(location.hash.slice(1));
  if (!place) return toNewest();
  place.scrollIntoView();
  last = { top: turns.scrollTop, height: turns.scrollHeight };
  follow(isAtEnd());
}

// A move up by wheel, finger, key or bar ends following, unless the text itself became shorter.
function look() {
  const moved = turns.scrollTop - last.top;
  if (moved < 0 && turns.scrollHeight >= last.height) follow(false);
  else if (moved !== 0 && isAtEnd()) follow(true);
  last = { top: turns.scrollTop, height: turns.scrollHeight };
}

turns.addEventListener("scroll", look);
// Reacts before the page moves: words that arrive now must not pull it down again.
turns.addEventListener("wheel", (event) => {
  if (event.deltaY < 0 && turns.scrollTop > 0) follow(false);
}, { passive: true });
new ResizeObserver(() => keepUp()).observe(turns);  // a keyboard on the screen, a longer question in the box

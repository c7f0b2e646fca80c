// Says before the message box what went wrong, with a button to try again.
import { later } from "./again.js";

const problem = document.getElementById("problem");
let takeRetryBack = () => {};
let retries = 0;  // in a row

// `retry` is what the button does; with `soon`, it is also done without a click, until it works.
export function complain(message, retry, soon = false) {
  problem.querySelector("span").textContent = message;
  const again = () => { pardon(); retry(); };
  problem.querySelector("button").onclick = again;
  problem.querySelector("button").hidden = false;
  problem.hidden = false;
  if (soon) takeRetryBack = later(retries++, again);
}

// Says what a command has done. There is nothing to try again.
export function tell(message) {
  problem.querySelector("span").textContent = message;
  problem.querySelector("button").hidden = true;
  problem.hidden = false;
}

export function pardon() {
  takeRetryBack();
  problem.hidden = true;
}

export function relax() { retries = 0; }

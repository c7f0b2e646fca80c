// Requests to the server, and what went wrong with them in words for people.
import { say } from "./words.js";

const LONGEST_MS = 30000;  // to wait for a response
const PASSING = [502, 503, 504];  // the server or its database is not reachable, or a proxy says so

// Like fetch, with a timeout: a stopped server, or one behind a dead connection, never answers.
export async function request(path, options) {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), LONGEST_MS);
  try {
    return await fetch(path, { ...options, signal: control.signal });
  } finally {
    clearTimeout(timer);
  }
}

// Errors with `isPassing` are worth another try. With `isRefused` the server surely did nothing.
function failure(message, isPassing, isRefused) { return Object.assign(new Error(message), { isPassing, isRefused }); }

export async function post(path, body = {}) {
  let response;
  try {
    response = await request(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
  } catch {
    throw failure(say("page-unreachable"), true, false);
  }
  const data = await response.json().catch(() => ({}));
  if (response.ok) return data;
  const message = data.error || say("page-server-status", { status: String(response.status) });
  throw failure(message, PASSING.includes(response.status), response.status < 500);
}

// Why the page cannot follow its chat any more; undefined if that may pass.
export async function whyRefused(chat) {
  const answer = await request(chat, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status === 401) return say("page-signed-out-reload");
  if (answer?.status === 404) return say("page-chat-gone");
}

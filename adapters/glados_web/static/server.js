// Requests to the server, and what went wrong with them in words for people.

const LONGEST_MS = 30000;  // for an answer to a request
const PASSING = [502, 503, 504];  // the server or its store is away, or a proxy says so

// Like fetch, with an end: a server that was stopped, or is behind a dead connection, never answers.
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
    throw failure("GLaDOS cannot be reached. Your message is kept here and sent as soon as it is back.", true, false);
  }
  const data = await response.json().catch(() => ({}));
  if (response.ok) return data;
  const message = data.error || `The server answered with status ${response.status}.`;
  throw failure(message, PASSING.includes(response.status), response.status < 500);
}

// Why a chat cannot be followed any more; undefined while that may pass.
export async function whyRefused(chat) {
  const answer = await request(chat, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status === 401) return "You are signed out. Reload to sign in again.";
  if (answer?.status === 404) return "This chat is not there any more.";
}

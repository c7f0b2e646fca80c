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
  return told(response.status, await response.json().catch(() => ({})));
}

function told(status, data) {
  if (status < 400) return data;
  const message = data.error || say("page-server-status", { status: String(status) });
  throw failure(message, PASSING.includes(status), status < 500);
}

// Like post, with files: a form, whose way `progress` shows. It may take long, but must not stand still.
export async function upload(path, fields, files, progress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const file of files) form.append("files", file);
  progress.hidden = false;
  try {
    const { status, response } = await sent(path, form, (part) => { progress.value = part; });
    return told(status, response ?? {});
  } finally {
    progress.hidden = true;
    progress.removeAttribute("value");
  }
}

// fetch tells nothing about what has been sent so far.
function sent(path, form, heard) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    let silence;
    const listen = () => { clearTimeout(silence); silence = setTimeout(() => call.abort(), LONGEST_MS); };
    call.open("POST", path);
    call.responseType = "json";
    call.upload.onprogress = ({ loaded, total }) => { listen(); heard(loaded / total); };
    call.onload = () => resolve(call);
    call.onerror = call.onabort = () => reject(failure(say("page-unreachable"), true, false));
    call.onloadend = () => clearTimeout(silence);
    listen();
    call.send(form);
  });
}

// Why the page cannot follow its chat any more; undefined if that may pass.
export async function whyRefused(chat) {
  const answer = await request(chat, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status === 401) return say("page-signed-out-reload");
  if (answer?.status === 404) return say("page-chat-gone");
}

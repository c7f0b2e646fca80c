// Files for the next question: pasted, dropped or picked, each with a chip above the message box.
import { pardon, tell } from "./problem.js";
import { say } from "./words.js";

const MB = 2 ** 20;
const LONGEST_NAME = 120;  // as on the server
const THUMBNAIL_PX = 96;
const list = document.getElementById("chips");
const picker = document.getElementById("picker");
const text = document.getElementById("text");
const { files: most, fileMb, togetherMb } = document.getElementById("ask").dataset;
let files = [];  // {file, thumbnail, chip}
let reading = Promise.resolve();  // of all files given so far

// Returns the files of the next question, once the browser has read them all.
export async function attached() {
  await reading;
  return [...files];
}

export function detach(sent) {
  for (const each of sent) each.chip.remove();
  files = files.filter((each) => !sent.includes(each));
  list.hidden = !files.length;
}

export const hasFiles = () => files.length > 0;

// One at a time: each is counted before the next.
function attach(given) {
  pardon();
  for (const file of given) reading = reading.then(() => take(file));
}

async function take(given) {
  const name = shorten(given.name);
  const refusal = refusalOf(given, name);
  if (refusal) return tell(refusal);
  try {
    // Its bytes as they are now: a file that changes on the disk later could not be sent.
    const file = new File([await given.arrayBuffer()], name, { type: given.type });
    add(file, await thumbnailOf(file));
  } catch {
    tell(say("page-file-unreadable", { name }));  // a folder
  }
}

function refusalOf(file, name) {
  const together = files.reduce((sum, each) => sum + each.file.size, file.size);
  if (most === "0") return say("page-files-off");
  if (files.length >= most) return say("page-files-too-many", { most: Number(most) });
  if (file.size > fileMb * MB) return say("page-file-too-large", { name, most: Number(fileMb) });
  if (together > togetherMb * MB) return say("page-files-too-large", { most: Number(togetherMb) });
}

function add(file, thumbnail) {
  const chip = item(file.name, thumbnail);
  const size = document.createElement("small");
  const button = document.createElement("button");
  const each = { file, thumbnail, chip };
  size.textContent = sizeOf(file.size);
  button.type = "button";
  button.textContent = "✕";
  button.setAttribute("aria-label", say("page-remove-file", { name: file.name }));
  button.addEventListener("click", () => {
    detach([each]);
    text.focus();
  });
  chip.append(size, button);
  list.append(chip);
  list.hidden = false;
  files.push(each);
}

// An entry in a list of files.
export function item(name, thumbnail) {
  const entry = document.createElement("li");
  if (thumbnail) entry.append(Object.assign(new Image(), { src: thumbnail, alt: "" }));
  entry.append(Object.assign(document.createElement("bdi"), { textContent: name }));
  return entry;
}

function shorten(name) {
  const letters = [...name];
  if (letters.length <= LONGEST_NAME) return name;
  return `${letters.slice(0, LONGEST_NAME - 21).join("")}…${letters.slice(-20).join("")}`;
}

function sizeOf(bytes) {
  const [unit, size] = bytes < MB ? ["kilobyte", bytes / 1024] : ["megabyte", bytes / MB];
  const how = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: size < 10 ? 1 : 0 };
  return Math.max(size, 0.1).toLocaleString(document.documentElement.lang, how);
}

// A small square of a picture as a data URL; undefined for other files, and for what the browser cannot draw.
async function thumbnailOf(file) {
  if (!file.type.startsWith("image/")) return undefined;
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return undefined;
  const canvas = Object.assign(document.createElement("canvas"), { width: THUMBNAIL_PX, height: THUMBNAIL_PX });
  const scale = THUMBNAIL_PX / Math.min(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  canvas.getContext("2d").drawImage(picture, (THUMBNAIL_PX - width) / 2, (THUMBNAIL_PX - height) / 2, width, height);
  picture.close();
  return canvas.toDataURL("image/webp");
}

// --- picked, pasted, dropped -----------------------------------------------------------------------------------------

export function pick() { picker.click(); }

picker?.addEventListener("change", () => {
  attach([...picker.files]);
  picker.value = "";  // the same file can be picked again
  text.focus();
});

// Copied cells and words come with a picture of themselves, too. Then people mean the words.
document.addEventListener("paste", (event) => {
  const { files: pasted, types } = event.clipboardData;
  if (!pasted.length || types.includes("text/plain")) return;
  event.preventDefault();
  attach([...pasted]);
});

const brings = (event) => [...(event.dataTransfer?.items ?? [])].some(({ kind }) => kind === "file");
const show = (is) => document.body.classList.toggle("dropping", is);

document.addEventListener("dragover", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  show(true);
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) show(false); });
document.addEventListener("drop", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  show(false);
  attach([...event.dataTransfer.files]);
  text.focus();
});

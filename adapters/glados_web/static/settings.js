// The menu in which people choose the model and the persona of their chat.
import { post, request } from "./server.js";
import { say } from "./words.js";

const dialog = document.getElementById("settings");
const model = document.getElementById("model");
const persona = document.getElementById("persona");
const notice = dialog.querySelector(".notice");
let chat;

export async function openSettings(path) {
  chat = path;
  const answer = await request(`${chat}/settings`, {}).catch(() => null);
  if (!answer?.ok) throw new Error(say("page-unreachable"));
  show(await answer.json());
  dialog.showModal();
}

function show({ models, model: chosen, persona: words, problem }) {
  const names = models.map(({ name, sees }) => new Option(sees ? say("page-model-sees", { model: name }) : name, name));
  const usual = new Option(say("page-default-model", { model: names[0]?.text ?? "…" }), "");
  model.replaceChildren(usual, ...names);
  if (chosen && !models.some(({ name }) => name === chosen)) model.append(new Option(chosen, chosen));
  model.value = chosen;
  persona.value = words;
  notice.textContent = problem;
}

async function set(field, value) {
  notice.textContent = "";
  try {
    notice.textContent = (await post(`${chat}/${field}`, { [field]: value })).told;
  } catch (error) {
    notice.textContent = error.message;
  }
}

export const savePersona = () => set("persona", persona.value);

model.addEventListener("change", () => set("model", model.value));
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });  // beside it
dialog.addEventListener("keydown", (event) => event.stopPropagation());  // Escape closes it, and stops no answer

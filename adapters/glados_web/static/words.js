// Sentences for people, in their language. The server puts them into the page.

const words = JSON.parse(document.getElementById("words").textContent);

// Returns a sentence by name, with fields such as {status} filled in. It writes numbers as the language does.
export function say(name, fields = {}) {
  return words[name].replace(/\{(\w+)\}/g, (field, key) => {
    const value = fields[key] ?? field;
    return typeof value === "number" ? value.toLocaleString(document.documentElement.lang) : value;
  });
}

// What the page says to people, in their language: the server put it into the page.

const words = JSON.parse(document.getElementById("words").textContent);

// The sentence of a name, with its fields such as {status} filled in. Numbers are written as the language does.
export function say(name, fields = {}) {
  return words[name].replace(/\{(\w+)\}/g, (field, key) => {
    const value = fields[key] ?? field;
    return typeof value === "number" ? value.toLocaleString(document.documentElement.lang) : value;
  });
}

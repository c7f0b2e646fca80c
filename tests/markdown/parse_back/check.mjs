// stdin: {"dialect", "cases": [{"id", "md", "messages"}]}, a message being text or an array of blocks; stdout: {"checked", "lost": {id: [what]}}.
import fs from "node:fs";
import { factsOfBlocks } from "./blocks.mjs";
import { factsOfMessage } from "./message.mjs";
import { factsOfSource } from "./source.mjs";

const DECORATION = /[─│┼•◦▪☐☑›]/;
const sorted = (styles) => [...styles].sort().join("");
const textOf = (characters) => characters.map(([character]) => character).join("");

function address(url) {
  try {
    return decodeURI(url).replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
  } catch {
    return url;
  }
}

function lostText(source, shown) {
  if (!source.isMixed) return textOf(source.characters) !== textOf(shown.characters);
  return !isWithin(textOf(source.characters), textOf(shown.characters));
}

// Whether the letters and digits stand there in their order, whatever else may stand between them.
function isWithin(written, seen) {
  const wanted = [...written.replace(/[^\p{L}\p{N}]/gu, "")];
  let found = 0;
  for (const character of seen) if (character === wanted[found]) found += 1;
  return found === wanted.length;
}

// Rows in order, as a grid or as records; the header's cells may be repeated and stand between them.
function lostTables(source, shown) {
  const seen = textOf(shown.characters);
  return source.tables.some(([header, ...rows]) =>
    !isWithin(rows.flat().join(""), seen) || header.some((cell) => !isWithin(cell, seen)));
}

function lostStyle(source, shown) {
  return source.characters.some(([, wanted], index) => {
    const given = shown.characters[index][1];
    if (wanted.includes("p") || given.includes("p")) return wanted.includes("p") !== given.includes("p");
    if (wanted.includes("h")) return sorted(wanted.replace(/[hb]/g, "")) !== sorted(given.replace(/[hb]/g, ""));
    return sorted(wanted) !== sorted(given);
  });
}

const codesOf = (codes, dialect) => JSON.stringify(codes.map(([language, text]) => [
  dialect !== "slack" && /^[\w+\-.#]*$/.test(language) ? language : "",
  text.replace(/[\u200b-\u200d\u2060\ufeff]/g, "").replace(/\t/g, "    ").replace(/^\n+|\s+$/g, "").replace(/\s+$/gm, ""),
]));

function lost(source, shown, dialect, isCut) {
  const found = [];
  if (shown.ping) found.push(`ping ${shown.ping}`);
  const isTextLost = lostText(source, shown);
  if (isTextLost) found.push("text");
  if (!source.isMixed && !isTextLost && lostStyle(source, shown)) found.push("style");
  if (lostTables(source, shown)) found.push("table");
  if (!source.isMixed && !isCut && codesOf(source.codes, dialect) !== codesOf(shown.codes, dialect)) found.push("code");
  if (source.hasHtml) return found;
  if (!source.codes.length && !source.hasTable && JSON.stringify(source.items) !== JSON.stringify(shown.items)) found.push("items");
  const links = (urls) => JSON.stringify([...new Set(urls.map(address))]);
  if (!source.hasTable && links(source.links) !== links(shown.links)) found.push("links");
  return found;
}

const { dialect, cases } = JSON.parse(fs.readFileSync(0, "utf8"));
const result = { checked: 0, lost: {} };
for (const { id, md, messages } of cases) {
  const source = factsOfSource(md);
  if (source.isUnclear) continue;
  const read = messages.map((message) => (dialect === "slack-blocks" ? factsOfBlocks(message) : factsOfMessage(message, dialect)));
  const shown = { ping: read.map((facts) => facts.ping).join("") };
  for (const key of ["characters", "codes", "items", "links"]) shown[key] = read.flatMap((facts) => facts[key]);
  for (const facts of [source, shown]) facts.characters = facts.characters.filter(([character]) => !DECORATION.test(character));
  result.checked += 1;
  const found = lost(source, shown, dialect, messages.length > 1);
  if (found.length) result.lost[id] = found;
}
console.log(JSON.stringify(result));

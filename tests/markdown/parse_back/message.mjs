// What a chat message says to a client: the same facts as source.mjs, read by a parser of the chat's dialect.
import { createRequire } from "node:module";
import { addCharacters } from "./source.mjs";

const require = createRequire(import.meta.url);
const discord = require("discord-markdown-parser");
const { emoji, ...slackRules } = require("slack-markdown").rules; // names of emoji stay as they are written
const slack = require("simple-markdown").parserFor(slackRules);

const MARKER = {
  discord: /^(\s*)(-|\d+\.) (☐ |☑ )?/,
  slack: /^(\s*)(?:([•◦▪]|\d+\.) )?(☐ |☑ )?/,
};
const STYLE = { strong: "b", em: "i", strikethrough: "s", strike: "s", del: "s", underline: "u", spoiler: "|", heading: "h", blockQuote: "q" };

// Neither parser knows lists: their markers are read here, line by line, and taken off.
function takeItems(text, dialect, facts) {
  let isCode = false;
  const indents = [];
  return text.split("\n").map((line) => {
    const quote = line.startsWith("> ") ? "> " : "";
    const body = line.slice(quote.length);
    if (body.startsWith("```")) isCode = !isCode;
    if (isCode || body.startsWith("```")) return line;
    const match = MARKER[dialect].exec(body);
    if (!match || !(match[2] || match[3])) {
      if (body.trim() && !quote && !/^\s/.test(body)) indents.length = 0;
      return line;
    }
    const indent = match[1].length;
    while (indents.length && indents.at(-1) > indent) indents.pop();
    if (indents.at(-1) !== indent) indents.push(indent);
    const number = /\d/.test(match[2] ?? "") ? match[2].slice(0, -1) : "-";
    facts.items.push([indents.length - 1, number, match[3] ? match[3][0] === "☑" : null]);
    return quote + body.slice(match[0].length);
  }).join("\n");
}

// After one quote the Slack parser finds no other, so quotes are read apart from what is around them.
function partsOf(text) {
  const parts = [];
  let isCode = false;
  let wasQuote;
  for (const line of text.split("\n")) {
    const isQuote = !isCode && line.startsWith("> ");
    if (line.startsWith("```")) isCode = !isCode;
    if (isQuote === wasQuote) parts[parts.length - 1] += `\n${line}`;
    else parts.push(line);
    wasQuote = isQuote;
  }
  return parts;
}

const decoded = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&").replace(/ˋ/g, "`");

export function factsOfMessage(text, dialect) {
  const facts = { characters: [], codes: [], items: [], links: [], ping: "" };
  const source = takeItems(text, dialect, facts);
  const read = dialect === "slack" ? decoded : (content) => content;
  const tree = dialect === "discord" ? discord.parse(source, "extended") : partsOf(source).map((part) => slack(part, { inline: true }));
  let pending = "";
  let pendingStyles = "";
  const flush = () => {
    addCharacters(facts.characters, read(pending), pendingStyles);
    pending = "";
  };

  function walk(node, styles) {
    if (Array.isArray(node)) return node.forEach((child) => walk(child, styles));
    if (!node) return undefined;
    if (node.type === "text" || node.type === "twemoji") {
      if (styles !== pendingStyles) flush();
      pendingStyles = styles;
      pending += node.content ?? node.name;
      return undefined;
    }
    flush();
    if (node.type === "inlineCode") addCharacters(facts.characters, read(node.content), styles + "c");
    else if (node.type === "codeBlock") {
      const code = read(node.content).replace(/^\n/, "");
      facts.codes.push([node.lang ?? "", code]);
      addCharacters(facts.characters, code, "p");
    } else if (["link", "autolink", "url"].includes(node.type)) {
      const isMail = /^mailto/i.test(node.target);
      if (!isMail) facts.links.push(read(node.target));
      walk(node.content, isMail ? styles : styles + "l");
    } else if (node.type in STYLE) {
      const style = STYLE[node.type];
      walk(node.content, style === "b" && styles.includes("h") ? styles : styles + style);
    } else if (["subtext", "br", "newline"].includes(node.type)) walk(node.content, styles);
    else facts.ping = node.type;
    return flush();
  }
  walk(tree, "");
  flush();
  return facts;
}

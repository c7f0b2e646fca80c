// What an answer says: its characters with their styles, its code, list items and links, read by micromark.
import { gfm } from "micromark-extension-gfm";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { math } from "micromark-extension-math";
import { mathFromMarkdown } from "mdast-util-math";

const INVISIBLE = /[\u200b\u200c\u200d\u2060\ufeff]/g;
const isWeb = (url) => /^https?:\/\/[^\s/?#]/i.test(url);

export function addCharacters(list, text, styles) {
  for (const character of text.replace(INVISIBLE, "")) if (!/\s/.test(character)) list.push([character, styles]);
}

export function factsOfSource(markdown) {
  const tree = fromMarkdown(markdown, {
    extensions: [gfm(), math()],
    mdastExtensions: [gfmFromMarkdown(), mathFromMarkdown()],
  });
  const facts = {
    characters: [], codes: [], items: [], links: [], tables: [],
    isMixed: false, hasTable: false, hasHtml: false, hasMath: false, isUnclear: false,
  };
  const definitions = {};
  const collect = (node) => {
    if (node.type === "definition") definitions[node.identifier.toUpperCase()] ??= node.url;
    (node.children ?? []).forEach(collect);
  };
  collect(tree);
  const addressOf = (node) => node.url ?? definitions[node.identifier.toUpperCase()];

  function walk(node, styles, depth) {
    const inside = (inner = styles, level = depth) => (node.children ?? []).forEach((child) => walk(child, inner, level));
    const plus = (style) => inside(styles.includes(style) ? styles : styles + style);
    switch (node.type) {
      case "text": return addCharacters(facts.characters, node.value, styles);
      case "inlineCode": return addCharacters(facts.characters, node.value, styles + "c");
      case "code":
        facts.codes.push([node.lang ?? "", node.value]);
        return addCharacters(facts.characters, node.value, "p");
      case "html": facts.isMixed = facts.hasHtml = true; return undefined;
      case "strong": return styles.includes("h") ? inside() : plus("b");
      case "emphasis": return plus("i");
      case "delete": return plus("s");
      case "heading": return inside(styles + "h");
      case "blockquote": return inside(styles.includes("q") ? styles : styles + "q", 0);
      case "link": case "linkReference": {
        const url = addressOf(node);
        if (!node.children.length || url === undefined) facts.isUnclear = true;
        if (url === undefined || !isWeb(url)) return inside();
        facts.links.push(url);
        return inside(styles + "l");
      }
      case "image": case "imageReference": {
        const url = addressOf(node);
        const isLink = url !== undefined && isWeb(url) && !styles.includes("l");
        if (isLink) facts.links.push(url);
        if (!node.alt) facts.isUnclear = true;
        return addCharacters(facts.characters, node.alt ?? "", isLink ? styles + "l" : styles);
      }
      case "math": case "inlineMath": facts.isMixed = facts.hasMath = true; return undefined;
      case "table": {
        facts.isMixed = facts.hasTable = true;
        const cells = facts.characters.length;
        const rows = node.children.map((row) => row.children.map((cell) => {
          const start = facts.characters.length;
          walk(cell, "t", depth);
          return facts.characters.slice(start).map(([character]) => character).join("");
        }));
        facts.characters.length = cells;
        facts.tables.push(rows.map((row) => row.slice(0, rows[0].length)));
        return undefined;
      }
      case "list":
        return node.children.forEach((item, index) => {
          facts.items.push([depth, node.ordered ? String((node.start ?? 1) + index) : "-", item.checked ?? null]);
          walk(item, styles, depth + 1);
        });
      case "footnoteReference": case "footnoteDefinition": facts.isMixed = true; return inside();
      case "definition": return undefined;
      default: return inside();
    }
  }
  walk(tree, "", 0);
  return facts;
}

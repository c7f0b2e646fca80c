// What a message of Block Kit blocks says: the same facts as source.mjs.
import { factsOfMessage } from "./message.mjs";
import { addCharacters } from "./source.mjs";

const STYLE = { bold: "b", italic: "i", strike: "s", code: "c" };
const BOX = /^[☐☑] /;

export function factsOfBlocks(blocks) {
  const facts = { characters: [], codes: [], items: [], links: [], ping: "" };

  function inline(elements, around) {
    for (const element of elements) {
      const styles = around + Object.keys(element.style ?? {}).map((key) => STYLE[key]).join("");
      if (element.type === "link") {
        const isMail = /^mailto:/i.test(element.url);
        if (!isMail) facts.links.push(element.url);
        addCharacters(facts.characters, element.text ?? element.url, isMail ? styles : `${styles}l`);
      } else if (element.type === "text") addCharacters(facts.characters, element.text, styles);
      else facts.ping = element.type;
    }
  }

  function list(element) {
    element.elements.forEach((section, index) => {
      const number = element.style === "ordered" ? String((element.offset ?? 0) + 1 + index) : "-";
      const box = BOX.exec(section.elements[0]?.text ?? "")?.[0];
      facts.items.push([element.indent, number, box ? box[0] === "☑" : null]);
      inline(section.elements, element.border ? "q" : "");
    });
  }

  function rich(element) {
    const quote = element.border ? "q" : "";
    if (element.type === "rich_text_list") list(element);
    else if (element.type === "rich_text_quote") inline(element.elements, "q");
    else if (element.type === "rich_text_preformatted") {
      const code = element.elements.map(({ text }) => text).join("");
      facts.codes.push([element.language ?? "", code]);
      addCharacters(facts.characters, code, "p");
    } else inline(element.elements, quote);
  }

  for (const block of blocks) {
    if (block.type === "rich_text") block.elements.forEach(rich);
    else if (block.type === "header") addCharacters(facts.characters, block.text.text, "h");
    else if (block.type === "table") {
      for (const cell of block.rows.flat()) {
        if (cell.type === "raw_text") addCharacters(facts.characters, cell.text, "");
        else cell.elements.forEach(rich);
      }
    } else if (block.type === "context") {
      for (const { text } of block.elements) facts.characters.push(...factsOfMessage(text, "slack").characters);
    } else if (block.type !== "divider") facts.ping = block.type;
  }
  return facts;
}

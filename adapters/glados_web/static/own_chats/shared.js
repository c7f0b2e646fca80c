// A shared chat: names and Copy buttons for its code and tables. Without a script it is readable, too.
import { furnish } from "../furnish.js";

for (const answer of document.querySelectorAll(".answer")) furnish(answer);

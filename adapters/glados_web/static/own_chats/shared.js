// A shared chat: names and Copy buttons for its code and tables. Without a script it is readable, too.
import { all, furnish } from "../turn.js";

for (const section of all()) furnish(section.querySelector(".answer"));

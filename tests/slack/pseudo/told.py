"""Everything that the fake Slack was told to show, and the English in it that is not of the pseudo-language."""

import re
from collections.abc import Iterator

from glados_bots.wording.languages import NAMES, PSEUDO
from tests.fakes.slack import FakeSlack, JsonObject

# Calls whose arguments people see.
TOLD = frozenset(
    "chat.postMessage chat.update chat.postEphemeral chat.startStream chat.appendStream chat.stopStream views.open "
    "views.publish assistant.threads.setStatus assistant.threads.setTitle assistant.threads.setSuggestedPrompts "
    "agents.sessions.setStatus files.completeUploadExternal".split()
)
# Arguments and parts of blocks that people do not see. Whatever is not named here counts as seen.
MACHINES_READ = frozenset(
    "type action_id block_id callback_id value url private_metadata metadata channel channel_id ts thread_ts user "
    "user_id users trigger_id team_id recipient_user_id recipient_team_id session_status language id style hash "
    "align".split()
)
STATES = frozenset({"processing", "active", ""})  # of a session
# Data: the bot's name, the platform's, the model's, the file of an export, and languages by their own names.
DATA = frozenset({"GLaDOS", "Slack", "scripted", "glados", "export", "json", *PSEUDO.split("-")}).union(
    *(re.findall(r"\w+", name) for name in NAMES.values())
)
# Code, addresses, and names of files that are given back.
CODE = re.compile(r"`[^`]*`|https?://\S+|\b(?:answer\.md|code\.txt|table\.csv)\b")
# What the pseudo-language never leaves without a mark: it has no word of ours with one of these letters as they are.
BARE = re.compile(r"[AEIOUYaeiouycnsz]")


def leftovers(slack: FakeSlack) -> list[str]:
    """Texts with a word that is neither data nor of the pseudo-language, each with where it was shown."""
    return sorted({f"{where}: {text}" for where, text in shown(slack) if words(text) or unmarked(text)})


def words(text: str) -> list[str]:
    """Words in plain letters, outside code and addresses; ids and numbers are none."""
    found = re.findall(r"\w+", CODE.sub(" ", text))
    plain = [word for word in found if word.isascii() and word.isalpha() and len(word) > 1]
    return [word for word in plain if BARE.search(word) and word not in DATA]


def unmarked(text: str) -> str:
    """A sentence that was cut is told by its open mark; what stands outside the marks is data, or nothing."""
    depth, outside = 0, []
    for letter in CODE.sub(" ", text):
        depth += (letter == "⟦") - (letter == "⟧")
        if depth == 0 and letter != "⟧":
            outside.append(letter)
    return "".join(outside) if words("".join(outside)) else ""


def shown(slack: FakeSlack) -> Iterator[tuple[str, str]]:
    """Each text with where it was shown: calls, answers to commands and clicks, and errors below fields."""
    for request in slack.ledger.requests:
        if request.method in TOLD:
            for text in texts(request.args):
                yield request.method, text
    for record in slack.ledger.messages.values():
        if record.author.id == slack.bot.id:
            for revision in record.revisions:
                yield from (("message", text) for text in [revision.text, *texts(list(revision.blocks))])
    for view in slack.world.views.values():
        yield from (("view", text) for text in [*texts(view.payload), *view.errors.values()])


def texts(part: object, key: str = "") -> Iterator[str]:
    """Every text within arguments or blocks that people see."""
    if isinstance(part, str):
        if key not in MACHINES_READ and not (key == "status" and part in STATES):
            yield part
    elif isinstance(part, dict):
        if not is_code(part):
            for name, value in part.items():
                if name not in {"metadata", "state"}:
                    yield from texts(value, name)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from texts(each, key)


def is_code(part: JsonObject) -> bool:
    """An element of rich text that is written as code."""
    style = part.get("style")
    return isinstance(style, dict) and bool(style.get("code"))

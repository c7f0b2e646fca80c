"""How a message looks: its blocks, the small print under them, and what can be pressed."""

import json
from typing import Any

from glados_bots.conversation import Turn
from glados_bots.files_out.names import WHOLE
from glados_bots.surface import View
from glados_bots.wording.sentence import say
from glados_slack.answers.answer import MAX_TEXT, Chunk, chunk_of
from glados_slack.answers.block_kit import Block, actions, button, plain
from glados_slack.answers.blocks import MAX_BLOCKS
from glados_slack.answers.markdown import render
from glados_slack.connection.escaping import encode

STOP, REDO, VOTE, FILE = "glados_stop", "glados_redo", "glados_vote", "glados_file"
ENDED = frozenset({"done", "stopped", "failed"})
MAX_SECTION = 2_900  # characters of a section; Slack takes 3,000
MAX_NOTICE = 500


def is_final(view: View) -> bool:
    """Whether this message does not change any more: the answer has ended, or continues in another message."""
    return view.state in ENDED or not view.is_last


def content(turn: Turn, view: View) -> dict[str, Any]:
    """Blocks and text of a message as chat.postMessage and chat.update take them."""
    chunk = Chunk.decode(view.chunk)
    extras = _extras(turn, view)
    blocks = chunk.blocks[: MAX_BLOCKS - len(extras)] + extras
    text = chunk.text or encode(view.notice) or "…"
    return {"blocks": blocks or [_small("…")], "text": text[:MAX_TEXT]}


def plainer(turn: Turn, view: View) -> dict[str, Any]:
    """A message in the oldest kind of block, for when Slack refuses the newer ones."""
    chunk = Chunk.decode(view.chunk)
    texts = render(chunk.markdown, MAX_SECTION)
    sections: list[Block] = [
        {"type": "section", "expand": True, "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
        for text in texts
    ]
    return {"blocks": [*sections[:40], *_extras(turn, view)] or [_small("…")], "text": chunk.text or "…"}


def plainest(turn: Turn, view: View) -> dict[str, Any]:
    """A message's beginning as text only; `blocks` are emptied, as an update would keep them."""
    text = Chunk.decode(view.chunk).text or encode(view.notice)
    return {"blocks": [], "text": f"{text[: MAX_TEXT - 200]}\n{say('slack-cut').in_language(turn.language)}".strip()}


def stop_button(turn: Turn) -> Block:
    return actions(button(STOP, say("button-stop").in_language(turn.language), turn.id))


def _extras(turn: Turn, view: View) -> list[Block]:
    """Small print and controls; they stand under the last message only."""
    notice = view.notice
    if view.state == "waiting" and not notice and not view.chunk:
        notice = say("thinking").in_language(turn.language)
    small = [_small(notice)] if notice else []
    if not view.is_last:
        return small
    if view.model:
        small = [_small(f"{notice} · {view.model}" if notice else view.model)]
    if view.state not in ENDED:
        return [*small, stop_button(turn)]
    again = say("button-retry" if view.state == "failed" else "button-redo").in_language(turn.language)
    votes = [{"type": "context_actions", "elements": [_votes(turn)]}] if view.state == "done" else []
    controls = [button(REDO, again, turn.id)]
    if view.chunk and view.state != "failed" and all(file.name != WHOLE for file in view.files):
        controls.append(button(FILE, say("as-file").in_language(turn.language), turn.id))
    return [*small, *votes, actions(*controls)]


def _small(text: str) -> Block:
    return {"type": "context", "elements": [plain(text[:MAX_NOTICE])]}


def _votes(turn: Turn) -> Block:

    def thumb(vote: str, name: str) -> Block:
        return {
            "text": plain(say(name).in_language(turn.language)),
            "accessibility_label": say(f"{name}-label").in_language(turn.language),
            "value": json.dumps([turn.id, vote]),
        }

    buttons = {"positive_button": thumb("up", "good-answer"), "negative_button": thumb("down", "bad-answer")}
    return {"type": "feedback_buttons", "action_id": VOTE, **buttons}


def as_message(markdown: str) -> dict[str, Any]:
    """A text of ours as arguments of a message."""
    chunk = chunk_of(markdown)
    return {"blocks": chunk.blocks, "text": chunk.text or "…"}

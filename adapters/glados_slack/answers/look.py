"""How a message looks: its blocks, the small print under them, and what can be pressed."""

import json
from typing import Any

from glados_bots.surface import View
from glados_slack.answers.answer import MAX_TEXT, Chunk, chunk_of
from glados_slack.answers.block_kit import Block, actions, button, plain
from glados_slack.answers.blocks import MAX_BLOCKS
from glados_slack.answers.markdown import render
from glados_slack.connection.escaping import encode

STOP, REDO, VOTE = "glados_stop", "glados_redo", "glados_vote"
ENDED = frozenset({"done", "stopped", "failed"})
MAX_SECTION = 2_900  # characters of a section; Slack takes 3,000
MAX_NOTICE = 500


def is_final(view: View) -> bool:
    """Whether this message does not change any more: the answer has ended, or goes on in another message."""
    return view.state in ENDED or not view.is_last


def content(turn: str, view: View) -> dict[str, Any]:
    """Blocks and text of a message as chat.postMessage and chat.update take them."""
    chunk = Chunk.decode(view.chunk)
    extras = _extras(turn, view)
    blocks = chunk.blocks[: MAX_BLOCKS - len(extras)] + extras
    text = chunk.text or encode(view.notice) or "…"
    return {"blocks": blocks or [_small("…")], "text": text[:MAX_TEXT]}


def plainer(turn: str, view: View) -> dict[str, Any]:
    """A message in the oldest kind of block, for when Slack refuses the newer ones."""
    chunk = Chunk.decode(view.chunk)
    texts = render(chunk.markdown, MAX_SECTION)
    sections: list[Block] = [
        {"type": "section", "expand": True, "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
        for text in texts
    ]
    return {"blocks": [*sections[:40], *_extras(turn, view)] or [_small("…")], "text": chunk.text or "…"}


def plainest(view: View) -> dict[str, Any]:
    """A message's beginning as text only; `blocks` are emptied, as an update would keep them."""
    text = Chunk.decode(view.chunk).text or encode(view.notice)
    return {"blocks": [], "text": (text[: MAX_TEXT - 100] + "\n(Slack refuses the rest of this message.)").strip()}


def stop_button(turn: str) -> Block:
    return actions(button(STOP, "Stop", turn))


def _extras(turn: str, view: View) -> list[Block]:
    """Small print and controls; they stand under the last message only."""
    notice = view.notice
    if view.state == "waiting" and not notice and not view.chunk:
        notice = "Thinking…"
    small = [_small(notice)] if notice else []
    if not view.is_last:
        return small
    if view.model:
        small = [_small(f"{notice} · {view.model}" if notice else view.model)]
    if view.state not in ENDED:
        return [*small, stop_button(turn)]
    again = "Try again" if view.state == "failed" else "Regenerate"
    votes = [{"type": "context_actions", "elements": [_votes(turn)]}] if view.state == "done" else []
    return [*small, *votes, actions(button(REDO, again, turn))]


def _small(text: str) -> Block:
    return {"type": "context", "elements": [plain(text[:MAX_NOTICE])]}


def _votes(turn: str) -> Block:

    def thumb(vote: str, label: str) -> Block:
        return {
            "text": plain(label),
            "accessibility_label": f"{label} to this answer",
            "value": json.dumps([turn, vote]),
        }

    buttons = {"positive_button": thumb("up", "Good answer"), "negative_button": thumb("down", "Bad answer")}
    return {"type": "feedback_buttons", "action_id": VOTE, **buttons}


def as_message(markdown: str) -> dict[str, Any]:
    """A text of ours as arguments of a message."""
    chunk = chunk_of(markdown)
    return {"blocks": chunk.blocks, "text": chunk.text or "…"}

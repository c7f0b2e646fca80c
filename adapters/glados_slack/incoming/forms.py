"""Forms: a channel's model and persona, and the question about a message."""

import json
from typing import Any

from glados_bots.store.channels import LONGEST_PERSONA, ChannelSettings
from glados_slack.answers.block_kit import Block, plain

CHANNEL, ABOUT = "glados_channel", "glados_about"
MODEL, PERSONA, QUESTION = "model", "persona", "question"
DEFAULT = "default"
MOST_MODELS = 98  # a menu takes 100 entries: the default and a chosen model that is not served stand there, too
MAX_OPTION = 75
MAX_INPUT = 3_000  # Slack's limit of an input

View = dict[str, Any]


def channel_form(place: dict[str, str], chosen: ChannelSettings, models: list[str]) -> View:
    """The form of one channel; `models` are those served now, the default first."""
    names = [name for name in models if len(name) <= MAX_OPTION][:MOST_MODELS]
    label = f"Default ({models[0]})" if models else "Default"
    options = [_option(label, DEFAULT), *(_option(name, name) for name in names)]
    menu: Block = {"type": "static_select", "action_id": MODEL, "options": options, "initial_option": options[0]}
    if chosen.model:
        present = _option(chosen.model, chosen.model)
        if present not in options:
            options.append(present)
        menu["initial_option"] = present
    persona: Block = {
        "type": "plain_text_input",
        "action_id": PERSONA,
        "multiline": True,
        "max_length": min(MAX_INPUT, LONGEST_PERSONA),
        "placeholder": plain("You are a patient teacher. Answer briefly."),
    }
    if chosen.persona:
        persona["initial_value"] = chosen.persona[:MAX_INPUT]
    blocks = [
        _input(MODEL, "Model", menu),
        _input(PERSONA, "Persona", persona, optional=True, hint="Said to the model before every conversation here."),
    ]
    return _form(CHANNEL, "This channel", "Save", json.dumps(place), blocks)


def about_form(key: str) -> View:
    """The question about a message; `key` is where the message is kept meanwhile."""
    question: Block = {
        "type": "plain_text_input",
        "action_id": QUESTION,
        "multiline": True,
        "max_length": MAX_INPUT,
        "initial_value": "Explain this, please.",
    }
    return _form(ABOUT, "Ask GLaDOS", "Ask", key, [_input(QUESTION, "Your question about this message", question)])


def value(view: View, name: str) -> str:
    state = view["state"]["values"][name][name]
    if "selected_option" in state:
        chosen = (state["selected_option"] or {}).get("value", DEFAULT)
        return "" if chosen == DEFAULT else str(chosen)
    return str(state.get("value") or "")


def _form(callback: str, title: str, submit: str, metadata: str, blocks: list[Block]) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title),
        "submit": plain(submit),
        "close": plain("Cancel"),
        "private_metadata": metadata,
        "blocks": blocks,
    }


def _input(name: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block: Block = {"type": "input", "block_id": name, "label": plain(label), "element": element, "optional": optional}
    return block | ({"hint": plain(hint)} if hint else {})


def _option(label: str, chosen: str) -> Block:
    return {"text": plain(label[:MAX_OPTION]), "value": chosen}

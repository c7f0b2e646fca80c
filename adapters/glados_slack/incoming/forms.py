"""Forms: a channel's model, persona and language, and the question about a message."""

import json
from typing import Any

from glados_bots.store.channels import LONGEST_PERSONA, ChannelSettings
from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import Sentence, say
from glados_slack.answers.block_kit import Block, plain

CHANNEL, ABOUT = "glados_channel", "glados_about"
MODEL, PERSONA, LANGUAGE, QUESTION = "model", "persona", "language", "question"
FIELDS = frozenset({MODEL, PERSONA, LANGUAGE})  # of a channel
DEFAULT = "default"
MOST_MODELS = 98  # a menu takes 100 entries: the default and a chosen model that is not served stand there, too
MAX_OPTION = 75
MAX_INPUT = 3_000  # Slack's limit of an input

View = dict[str, Any]


def channel_form(place: dict[str, str], chosen: ChannelSettings, models: list[str], language: str) -> View:
    """`models` are those served now, the default first."""
    names = [name for name in models if len(name) <= MAX_OPTION][:MOST_MODELS]
    default = say("form-default-model", model=models[0]) if models else say("form-default")
    options = [_option(default.in_language(language), DEFAULT), *(_option(name, name) for name in names)]
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
        "placeholder": plain(say("form-persona-example").in_language(language)),
    }
    if chosen.persona:
        persona["initial_value"] = chosen.persona[:MAX_INPUT]
    automatic = _option(say("choice-language-auto").in_language(language), DEFAULT)
    languages = {tag: _option(name, tag) for tag, name in NAMES.items()}
    spoken: Block = {
        "type": "static_select", "action_id": LANGUAGE, "options": [automatic, *languages.values()],
        "initial_option": languages.get(chosen.language, automatic),
    }  # fmt: skip
    blocks = [
        _input(MODEL, say("form-model").in_language(language), menu),
        _input(
            PERSONA, say("form-persona").in_language(language), persona, optional=True,
            hint=say("form-persona-hint").in_language(language),
        ),
        _input(LANGUAGE, say("form-language").in_language(language), spoken),
    ]  # fmt: skip
    return _form(
        CHANNEL, say("form-channel"), say("form-save"), metadata=json.dumps(place), blocks=blocks, language=language
    )


def about_form(key: str, language: str) -> View:
    """The question about a message; `key` is where the message is kept meanwhile."""
    question: Block = {
        "type": "plain_text_input",
        "action_id": QUESTION,
        "multiline": True,
        "max_length": MAX_INPUT,
        "initial_value": say("form-question-example").in_language(language),
    }
    asked = _input(QUESTION, say("form-question").in_language(language), question)
    return _form(ABOUT, say("form-about"), say("form-ask"), metadata=key, blocks=[asked], language=language)


def value(view: View, name: str) -> str:
    state = view["state"]["values"][name][name]
    if "selected_option" in state:
        chosen = (state["selected_option"] or {}).get("value", DEFAULT)
        return "" if chosen == DEFAULT else str(chosen)
    return str(state.get("value") or "")


def _form(
    callback: str, title: Sentence, submit: Sentence, *, metadata: str, blocks: list[Block], language: str
) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title.in_language(language)),
        "submit": plain(submit.in_language(language)),
        "close": plain(say("form-cancel").in_language(language)),
        "private_metadata": metadata,
        "blocks": blocks,
    }


def _input(name: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block: Block = {"type": "input", "block_id": name, "label": plain(label), "element": element, "optional": optional}
    return block | ({"hint": plain(hint)} if hint else {})


def _option(label: str, chosen: str) -> Block:
    return {"text": plain(label[:MAX_OPTION]), "value": chosen}

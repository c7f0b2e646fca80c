"""What Discord reads in a message: mentions, links, and whether it takes the text at all."""

import re
from dataclasses import dataclass, field

from .errors import ApiError, form_error
from .models import Guild, JsonObject

MAX_CONTENT = 2000
MAX_NONCE = 25
MAX_EMBEDS = 10
MAX_CUSTOM_ID = 100
MAX_LABEL = 80

_CODE = re.compile(r"```.*?```|``.*?``|`[^`\n]+`", re.DOTALL)
_USER = re.compile(r"<@!?(\d{15,20})>")
_ROLE = re.compile(r"<@&(\d{15,20})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")
# A link in angle brackets is shown without a preview.
_LINK = re.compile(r"(?<!<)https?://[^\s<>)\]]+")


@dataclass
class Mentions:
    """What a text mentions, by id, before anybody asks whether it may."""

    users: list[int] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    # 'everyone', 'here', or nothing.
    everyone: str = ""


def without_code(text: str) -> str:
    """The text without code spans and blocks, where nothing is active."""
    return _CODE.sub(" ", text)


def find_mentions(text: str) -> Mentions:
    """Mentions in `text` in the order of their first appearance; a backslash before them does not help."""
    active = without_code(text)
    everyone = _EVERYONE.search(active)
    return Mentions(
        list(dict.fromkeys(int(found) for found in _USER.findall(active))),
        list(dict.fromkeys(int(found) for found in _ROLE.findall(active))),
        everyone.group(1) if everyone else "",
    )


def find_links(text: str) -> list[str]:
    """Links of which Discord would show a preview."""
    return _LINK.findall(without_code(text))


def check_message(payload: JsonObject, guild: Guild | None, harmful_links: set[str]) -> None:
    """Refuse a body that Discord refuses.

    Raises:
        ApiError: 50035 for a field out of its limits, 200000 or 240000 for a forbidden text.
    """
    content = payload.get("content") or ""
    if len(content) > MAX_CONTENT:
        raise form_error("content", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_CONTENT} or fewer in length.")
    if len(str(payload.get("nonce") or "")) > MAX_NONCE:
        raise form_error("nonce", "NONCE_TYPE_TOO_LONG", f"Must be {MAX_NONCE} or fewer in length.")
    if len(payload.get("embeds") or []) > MAX_EMBEDS:
        raise form_error("embeds", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MAX_EMBEDS} in length.")
    check_components(payload.get("components") or [])
    if guild is not None and any(word in content for word in guild.blocked_words):
        raise ApiError(200000)
    if any(link in content for link in harmful_links):
        raise ApiError(240000)


def check_components(components: list[JsonObject]) -> None:
    """Refuse buttons that Discord refuses.

    Raises:
        ApiError: 50035 for a label or custom id that is too long, or a custom id used twice.
    """
    custom_ids: set[str] = set()
    for part in walk(components):
        custom_id = part.get("custom_id")
        if custom_id is not None and (len(custom_id) > MAX_CUSTOM_ID or custom_id in custom_ids):
            raise form_error("components", "COMPONENT_CUSTOM_ID_DUPLICATED", f"Bad custom id {custom_id!r}.")
        custom_ids.add(custom_id or "")
        custom_ids.discard("")
        if len(part.get("label") or "") > MAX_LABEL:
            raise form_error("components", "BASE_TYPE_MAX_LENGTH", f"Label must be {MAX_LABEL} or fewer in length.")


def walk(components: list[JsonObject]) -> list[JsonObject]:
    """All components, parents before children."""
    found: list[JsonObject] = []
    for part in components:
        found.append(part)
        found += walk(part.get("components") or [])
        if part.get("accessory"):
            found += walk([part["accessory"]])
    return found

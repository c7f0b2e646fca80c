"""Modals and the App Home: what opening, changing, submitting and closing them does."""

import json
import secrets

from tests.fakes.slack.blocks.checks import check_view_blocks

from .errors import ApiError
from .models import JsonObject, User, View
from .state import World

MAX_VIEW_BYTES = 250_000
MAX_METADATA = 3_000
MAX_TITLE = 24


def check_view(payload: object, kind: str) -> JsonObject:
    """A view's payload, checked.

    Raises:
        ApiError: invalid_arguments, view_too_large, invalid_blocks.
    """
    if isinstance(payload, str):
        payload = json.loads(payload)
    problems = []
    if not isinstance(payload, dict) or payload.get("type") != kind:
        raise ApiError("invalid_arguments", messages=[f"view must be of type {kind}"])
    if kind == "modal":
        problems += _labels(payload)
    if len(str(payload.get("private_metadata", ""))) > MAX_METADATA:
        problems.append(f"private_metadata must be less than {MAX_METADATA + 1} characters")
    has_input = any(block.get("type") == "input" for block in payload.get("blocks") or [])
    if kind == "modal" and has_input and not payload.get("submit"):
        problems.append("a modal with inputs must have a submit button [json-pointer:/view/submit]")
    if problems:
        raise ApiError("invalid_arguments", messages=problems)
    if len(json.dumps(payload)) > MAX_VIEW_BYTES:
        raise ApiError("view_too_large")
    for number, block in enumerate(check_view_blocks(payload.get("blocks") or [])):
        block.setdefault("block_id", f"b{number}")
    return payload


def _labels(payload: JsonObject) -> list[str]:
    """What is wrong with the title and the buttons of a modal; only the title must be there."""
    parts = ["title", *(part for part in ("submit", "close") if part in payload)]
    return [
        f"must have a {part} of 1 to {MAX_TITLE} characters [json-pointer:/view/{part}]"
        for part in parts
        if not 1 <= len(str((payload.get(part) or {}).get("text", ""))) <= MAX_TITLE
    ]


def open_view(world: World, user: User, payload: JsonObject, parent: View | None = None) -> View:
    """Show a modal, on top of its parent if it has one.

    Raises:
        ApiError: duplicate_external_id.
    """
    external_id = str(payload.get("external_id") or "")
    if external_id and any(one.external_id == external_id and one.is_open for one in world.views.values()):
        raise ApiError("duplicate_external_id")
    view = View(world.clock.id("V"), user, payload, _hash(world), external_id)
    view.root_id = view.id if parent is None else parent.root_id
    view.previous_id = None if parent is None else parent.id
    world.views[view.id] = view
    world.ledger.changed()
    return view


def change_view(world: World, view: View, payload: JsonObject, known_hash: str = "") -> View:
    """Show something else in a view.

    Raises:
        ApiError: not_found for a closed one, hash_conflict if it has changed since.
    """
    if not view.is_open:
        raise ApiError("not_found")
    if known_hash and known_hash != view.hash:
        raise ApiError("hash_conflict")
    view.payload, view.hash, view.errors = payload, _hash(world), {}
    world.ledger.changed()
    return view


def apply_response(world: World, view: View, response: JsonObject) -> None:
    """Do what the acknowledgement of a submission says."""
    match response.get("response_action"):
        case "errors":
            view.errors = response["errors"]
        case "update":
            change_view(world, view, check_view(response["view"], "modal"))
        case "push":
            open_view(world, view.user, check_view(response["view"], "modal"), view)
        case "clear":
            close_stack(world, view)
        case _:
            view.is_open = False
    world.ledger.changed()


def close_stack(world: World, view: View) -> None:
    """Close a modal and all below and above it."""
    for one in world.views.values():
        if one.root_id == view.root_id:
            one.is_open = False


def _hash(world: World) -> str:
    return f"{int(world.clock.now())}.{secrets.token_hex(4)}"

"""What a person can press and fill in: elements of blocks by their names, and the state of a form."""

from tests.fakes.slack.world.models import JsonObject, View

from .content import walk


def element_names(element: JsonObject) -> set[str]:
    """Everything an element of an actions block may be called by."""
    label = (element.get("text") or {}).get("text")
    return {str(name) for name in (label, element.get("value"), element.get("action_id")) if name}


def clickable(blocks: list[JsonObject]) -> list[JsonObject]:
    """Elements that can be pressed, each with the block id of its block; feedback buttons one by one."""
    found = []
    for block in blocks:
        for part in walk(block):
            if part.get("type") == "feedback_buttons":
                shared = {"type": "feedback_buttons", "action_id": part["action_id"], "block_id": block["block_id"]}
                found += [part[key] | shared for key in ("positive_button", "negative_button")]
            elif part.get("action_id") and block["type"] != "input":
                found.append(part | {"block_id": block["block_id"]})
    return found


def find_action(blocks: list[JsonObject], name: str, option: str) -> JsonObject:
    elements = clickable(blocks)
    found = next((one for one in elements if name in element_names(one)), None)
    if found is None:
        raise LookupError(f"No element {name!r} to press among {[sorted(element_names(one)) for one in elements]}")
    kept: JsonObject = {key: found[key] for key in ("type", "action_id", "block_id", "value", "text") if key in found}
    if "options" not in found:
        return kept
    chosen = next((one for one in found["options"] if option in {one.get("value"), one["text"]["text"]}), None)
    if chosen is None:
        raise LookupError(f"No option {option!r} in {name!r}")
    return kept | {"selected_option": chosen}


def form_state(view: View, values: JsonObject) -> JsonObject:
    """What the inputs of a form hold: the initial values, and those that the person entered."""
    found: JsonObject = {}
    left = dict(values)
    for block in view.payload["blocks"]:
        element = block.get("element") or block.get("accessory")
        if not element or "action_id" not in element:
            continue
        given = left.pop(block["block_id"], left.pop(element["action_id"], None))
        found[block["block_id"]] = {element["action_id"]: _input_state(element, given)}
    if left:
        raise LookupError(f"No input {sorted(left)} in the form {view.title!r}")
    return found


def _input_state(element: JsonObject, given: object) -> JsonObject:
    kind = element["type"]
    state: JsonObject = {"type": kind}
    if kind.startswith("multi_") or kind == "checkboxes":
        wanted = given if isinstance(given, list) else []
        options = [one for one in element.get("options", []) if one["value"] in wanted]
        return state | {"selected_options": options if given is not None else element.get("initial_options", [])}
    if "options" in element:
        chosen = next((one for one in element["options"] if one["value"] == given), None)
        return state | {"selected_option": chosen if given is not None else element.get("initial_option")}
    for part in ("conversation", "channel", "user"):
        if kind == f"{part}s_select":
            return state | {f"selected_{part}": given or element.get(f"initial_{part}")}
    return state | {"value": element.get("initial_value") if given is None else given}

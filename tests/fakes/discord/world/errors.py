"""Discord's refusals: the JSON error codes the fake gives, each with its HTTP status and text."""

from .models import JsonObject

_TEXTS: dict[int, tuple[int, str]] = {
    0: (401, "401: Unauthorized"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (404, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (403, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (403, "Thread is locked"),
    160006: (400, "Maximum number of active threads reached"),
    200000: (400, "Message was blocked by automatic moderation"),
    240000: (400, "Message blocked by harmful links filter"),
}


class ApiError(Exception):
    """An answer with an error status; its body is what Discord would send."""

    def __init__(self, code: int, *, status: int | None = None, message: str = "", **fields: object) -> None:
        default_status, default_message = _TEXTS.get(code, (400, "Error"))
        self.code = code
        self.status = default_status if status is None else status
        self.body: JsonObject = {"message": message or default_message, "code": code, **fields}
        super().__init__(f"{self.status} {self.body['message']} ({code})")


def form_error(field: str, code: str, message: str) -> ApiError:
    """50035 for one field, in the nested form that Discord uses."""
    return ApiError(50035, errors={field: {"_errors": [{"code": code, "message": message}]}})

"""What an error of an OpenAI-compatible server means: wait, cut the prompt, or give up. And what to tell people.

People read our own sentences only. A foreign server's text may hold keys, hosts, HTML or somebody's question. The
error keeps that text, and only a log at debug level shows it.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from glados_bots.errors import RequestRejectedError, ServiceUnavailableError
from glados_bots.wording.sentence import say

STRANGE = (ValueError, TypeError, AttributeError, RecursionError)  # raised by reading JSON of another shape
WORTH_WAITING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})
TOO_LONG = "context_length_exceeded"
BLIND = "image_not_supported"  # the model cannot see pictures
TOO_MANY_PICTURES = "too_many_images"
NO_PICTURES = frozenset({BLIND, TOO_MANY_PICTURES})  # the same request without pictures may be taken
TOO_LARGE = "request_too_large"  # in bytes
NO_QUOTA = frozenset({"insufficient_quota", "billing_not_active", "billing_hard_limit_reached"})
# Types and codes of errors in a stream that has no status any more, and the status that each means.
FINAL_KINDS = {
    **dict.fromkeys(("invalidrequesterror", "badrequesterror", "contextlengthexceeded", "exceedcontextsizeerror"), 400),
    **dict.fromkeys(("authenticationerror", "invalidapikey"), 401),
    **dict.fromkeys(("insufficientquota", "billingnotactive", "billinghardlimitreached", "insufficientcredits"), 402),
    **dict.fromkeys(("permissionerror", "permissiondeniederror"), 403),
    **dict.fromkeys(("notfounderror", "modelnotfound"), 404),
}
LONGEST_COUNT = 9  # digits
LONGEST_TEXT = 2_000  # characters of an error that are checked
LONGEST_RETRY_S = 30 * 86400.0  # a longer wait counts as this one

KNOWN = frozenset({401, 402, 403, 404, 413})  # statuses with a sentence of their own
NO_CREDIT = say("server-402")
BUSY = {
    429: "the inference service is busy (status 429)",
    503: "the inference service is starting, stopping or busy (status 503)",
}
FAILED = "the inference service failed (status {status})"

# The words of OpenAI, vLLM, SGLang, llama.cpp, TGI, LM Studio, Mistral, Anthropic and Google for a prompt that does
# not fit.
CONTEXT = re.compile(
    r"context[ _](?:length|size|window)|maximum (?:model |prompt )?(?:length|context)|max_new_tokens|exceed_context"
    r"|maximum number of (?:input )?tokens|prompt is too long|prompt too long|too many tokens|reduce the length|n_ctx",
    re.IGNORECASE,
)
WINDOW = re.compile(
    r"(?:(?:context|maximum)[a-z_ ]{0,40}(?:of only|of|is|length|size|window)"
    r"|must be <=|> |n_ctx = |context \(|tokens allowed)"
    r"[ :=(]{0,3}(\d{2,8})(?!\d)",
    re.IGNORECASE,
)
PROMPT = (
    re.compile(r"\((\d{1,8}) (?:tokens )?(?:in|from) (?:the |your )?(?:messages|input|prompt)", re.IGNORECASE),
    re.compile(r"(\d{1,8}) (?:tokens from the input|input tokens|`inputs` tokens)", re.IGNORECASE),
    re.compile(
        r"(?:resulted in |contains |input \(|token count \(|prompt \(|too long: |Given: )(\d{1,8})", re.IGNORECASE
    ),
)
# The words of llama.cpp, Ollama, vLLM, LM Studio, OpenRouter, OpenAI, DeepSeek, Mistral and Groq for a model that reads
# text only. The last three are those of servers that know no parts of a content.
SEES_NOTHING = re.compile(
    r"images?(?: inputs?| content)? (?:is|are)(?: currently)? not (?:supported|enabled|available)|at most 0 image"
    r"|(?:does not|doesn't|do not|cannot) (?:currently )?(?:support|accept|process|see) (?:images?|vision|multi-?modal)"
    r"|no endpoints found that support image|not a multi-?modal model|missing data required for image"
    r"|image_url\W{0,3} (?:is )?(?:only|not) supported|unknown variant \W?image_url"
    r"|unsupported content part type\W{1,4}image_url|unsupported content\[\]\.type|allowed values: \[.?text.?\]"
    r"|content.{0,80}(?:must be a string|valid string)",
    re.IGNORECASE,
)
MANY_PICTURES = re.compile(
    r"at most (\d{1,4}) (?:image|picture)|too many images?\b|(?:up to|maximum of|maximum is) (\d{1,4}) images?",
    re.IGNORECASE,
)


def failure(error: Any) -> Exception:
    """The exception for an error in the middle of a stream."""
    details = error if isinstance(error, dict) else {"message": error}
    status = count(details.get("code")) or count(details.get("status")) or 0
    kinds = (str(details.get(name) or "").lower().replace("_", "") for name in ("code", "type"))
    known = next((FINAL_KINDS[kind] for kind in kinds if kind in FINAL_KINDS), None)
    is_final = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    said = str(details.get("message") or "")[:LONGEST_TEXT]
    if is_final or known:
        return _meant(details, status if is_final else known or HTTPStatus.BAD_REQUEST, None)
    if _refuses_pictures(details, said) or (not status and CONTEXT.search(said)):
        return _meant(details, HTTPStatus.BAD_REQUEST, None)
    return ServiceUnavailableError("the inference service failed in the middle of an answer", said=said)


def refusal(status: int, content: bytes, headers: Mapping[str, str]) -> Exception:
    try:
        found = json.loads(content)
        details = found.get("error", found)
        details = details if isinstance(details, dict) else {"message": str(details)}
    except (*STRANGE, KeyError):
        details = {"message": content[:LONGEST_TEXT].decode(errors="replace").strip()}
    return _meant(details, status, retry_after_s(headers))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3). None without a valid one.

    A date is compared with the server's `Date` header, if there is one.
    """
    given = headers.get("Retry-After") or headers.get("retry-after")
    if not given:
        return None
    try:
        seconds = float(given)
    except ValueError:
        until = _date(given)
        if until is None:
            return None
        here = _date(headers.get("Date") or headers.get("date") or "")
        seconds = until - (here if here is not None else time.time())
    return min(max(0.0, seconds), LONGEST_RETRY_S) if math.isfinite(seconds) else None


def count(value: Any) -> int | None:
    """A positive whole number, also if it is written as text; else None."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= LONGEST_COUNT:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _meant(details: dict[str, Any], status: int, retry_s: float | None) -> Exception:
    text = str(details.get("message") or details.get("detail") or "")[:LONGEST_TEXT]
    code = str(details.get("code") or details.get("type") or "")
    if code in NO_QUOTA or details.get("type") in NO_QUOTA:
        return RequestRejectedError(NO_CREDIT, status, code, said=text)
    is_busy = status in WORTH_WAITING or status > HTTPStatus.INTERNAL_SERVER_ERROR
    names_context = TOO_LONG in {code, details.get("type")} or CONTEXT.search(f"{code} {details.get('type')} {text}")
    if names_context and not is_busy:  # some servers send status 500 for it
        figures = _figures(details, text)
        prompt, most = figures["prompt_tokens"], figures["max_prompt_tokens"] or figures["context_length"]
        sentence = (
            say("too-long-for-model-tokens", tokens=prompt, most=most) if prompt and most else say("too-long-for-model")
        )
        return RequestRejectedError(sentence, status, TOO_LONG, **figures, said=text)
    if not is_busy and _refuses_pictures(details, text):  # llama.cpp and Ollama send status 500 for it
        return _for_its_pictures(details, text, status)
    if is_busy or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServiceUnavailableError(BUSY.get(status, FAILED).format(status=status), retry_s, said=text)
    sentence = say(f"server-{status}") if status in KNOWN else say("server-rejects", status=str(status))
    code = TOO_LARGE if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else code
    return RequestRejectedError(sentence, status, code, said=text)


def _refuses_pictures(details: dict[str, Any], text: str) -> bool:
    is_told = bool(NO_PICTURES & {str(details.get(name)) for name in ("code", "type")})
    return is_told or bool(SEES_NOTHING.search(text) or MANY_PICTURES.search(text))


def _for_its_pictures(details: dict[str, Any], text: str, status: int) -> RequestRejectedError:
    """The refusal of a request for its pictures. The caller may ask again with fewer of them, or with none."""
    if details.get("code") != TOO_MANY_PICTURES and (details.get("code") == BLIND or SEES_NOTHING.search(text)):
        return RequestRejectedError(say("server-blind"), status, BLIND, said=text)
    found = MANY_PICTURES.search(text)
    most = count(found[1] or found[2]) if found else None
    return RequestRejectedError(
        say("server-too-many-pictures"), status, TOO_MANY_PICTURES, max_pictures=most, said=text
    )


def _figures(details: dict[str, Any], text: str) -> dict[str, int | None]:
    """Token counts of a refusal, by the argument names of RequestRejectedError."""
    prompt = count(details.get("prompt_tokens")) or count(details.get("n_prompt_tokens"))
    window = count(details.get("n_ctx"))
    if window is None and (found := WINDOW.search(text)):
        window = int(found[1])
    if prompt is None:
        prompt = next((int(found[1]) for each in PROMPT if (found := each.search(text))), None)
    most = count(details.get("max_prompt_tokens"))
    return {"prompt_tokens": prompt, "max_prompt_tokens": most, "context_length": window}


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except STRANGE:
        return None

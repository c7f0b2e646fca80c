"""Decides which links may be shown, and detects labels that pretend to lead elsewhere."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from glados_bots.markdown.tree import Run, Span

# Characters to percent-encode, because links in chat dialects end at them.
_UNSAFE = re.compile('[\\s\x00-\x20\x7f<>"`{}|\\\\^\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]')
_INVISIBLE = re.compile("[\xad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
# Longer names are not hosts (RFC 1035, 2.3.4), and a search would start again at each of their characters.
_HOST_IN_LABEL = re.compile(r"(?:\w[\w-]{0,62}\.){1,126}[^\W\d_]{2,63}", re.UNICODE)
_SCHEME_IN_LABEL = re.compile(r"(?:https?://|www\.)(?:[^\s/@]{0,255}@)?([^\s/?#:]+)", re.IGNORECASE)
# All characters that can stand for the dot in a host.
_PIECE = 500  # characters
_DOTS = (".", "\u3002", "\uff0e", "\uff61", "\u2024")
# Common top-level domains, used only for labels that are more likely something else, such as `Node.js` or `setup.py`.
_ENDINGS = frozenset(
    "com org net edu gov mil int info biz name pro app dev io ai co me tv cc us uk eu de fr it es nl be ch at se no dk"
    " fi pl cz ru ua jp cn kr in br au ca mx za nz ie pt gr tr il ir xyz online site shop store tech cloud top club"
    " live blog news link click page website space fun bank pay finance money email chat social network systems"
    " services support center zone world life today agency digital media studio example test local internal".split()
)
_FILE_ENDINGS = frozenset(
    "js ts jsx tsx py rb rs go c h cpp hpp cs java kt md txt json yaml yml toml xml html css csv pdf png jpg svg sh"
    " lock cfg ini log sql zip gz exe dll ipynb vue".split()
)


@lru_cache(maxsize=512)
def safe_url(url: str) -> str | None:
    """Return the address in a form that every dialect can hold, or None if it must not be a link.

    Only absolute http and https addresses with a host, and mailto, are allowed. Spaces, quotes, brackets and invisible
    characters are percent-encoded. A user name before the host is removed, because it could look like a host. A host
    that is not ASCII is written in its network form (`xn--…`, RFC 3492), because some letters look like others.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme == "mailto":
        return "mailto:" + _UNSAFE.sub(_percent, url.strip()[7:]) if "@" in parts.path else None
    if parts.scheme not in {"http", "https"} or not host:
        return None
    address = url.strip()
    if "@" in parts.netloc or not host.isascii():
        own = parts.netloc.rpartition("@")[2]
        ascii_host = _ascii(host)
        if ascii_host is None:
            return None
        address = parts._replace(netloc=own if host.isascii() else ascii_host + _port(own)).geturl()
    address = _UNSAFE.sub(_percent, address)
    return address if "[" in parts.netloc else address.replace("[", "%5B").replace("]", "%5D")


def is_as_written(shown: str, url: str) -> bool:
    """Whether an address differs from its safe form only by percent-encoding, so that it may be shown as written."""
    return unquote(shown) == unquote(url)


def host_of(url: str) -> str:
    """The host of a safe address; for mailto, the mail address itself."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "mailto" else parts.hostname or ""


def hidden_host(label: str, url: str, codes: Sequence[str] = ()) -> str:
    """The real host, to show after a label that looks like another host; empty if there is no need.

    `url` is the result of `safe_url`. `codes` are the parts of the label in code style: in code, `functools.wraps` is
    not a host, but `paypal.com` is.
    """
    if not any(dot in label for dot in _DOTS):
        return ""
    plain = _normal(_INVISIBLE.sub("", label)).replace("\u3002", ".")
    shown = {match[1] for match in _SCHEME_IN_LABEL.finditer(plain)}
    in_code = {name for code in codes for name in _HOST_IN_LABEL.findall(code)}
    for name in _HOST_IN_LABEL.findall(plain):
        ending = name.rpartition(".")[2]
        is_known = ending.lower() in _ENDINGS
        is_name = ending.istitle() or name in in_code
        if ending.lower() not in _FILE_ENDINGS and (is_known or not is_name):
            shown.add(name)
    if url.startswith("mailto:"):
        shown = {name for name in shown if name not in url}
    host = host_of(url)
    return host if any(not _belongs(name.lower(), host) for name in shown) else ""


def _normal(text: str) -> str:
    """NFKC. The library sorts the marks of a letter in time that is quadratic in their number, so it gets pieces."""
    return "".join(unicodedata.normalize("NFKC", text[start : start + _PIECE]) for start in range(0, len(text), _PIECE))


def shown_host(span: Span, label: Sequence[Run], url: str) -> str:
    """` (host)`, to show after the label of a link to a safe address if `hidden_host` returns a host; else empty."""
    if not span.may_mislead:
        return ""
    text = "".join([run.text for run in label if run.kind != "html"])
    host = hidden_host(text, url, [run.text for run in label if run.kind == "code"])
    return f" ({host})" if host else ""


def _ascii(host: str) -> str | None:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return None


def _port(netloc: str) -> str:
    _, colon, port = netloc.rpartition(":")
    return colon + port if port.isdigit() and port.isascii() else ""


def _belongs(name: str, host: str) -> bool:
    name = name.removeprefix("www.").strip(".")
    return host == name or host.endswith("." + name)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())

"""E-mails (.eml): who wrote to whom, when, about what, the words, and the names of the files that came along."""

from email import message_from_bytes, policy
from email.message import MIMEPart

from glados_bots.attachments import plain_text
from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters.loading import load
from glados_bots.attachments.converters.markdown import as_markdown

HEADERS = ("From", "To", "Cc", "Date", "Subject")
MOST_NAMES = 50

load("encodings", "email")


def convert(content: bytes) -> Contents:
    mail = message_from_bytes(content, policy=policy.default)
    headers = [f"{name}: {_one_line(mail[name])}" for name in HEADERS if mail[name]]
    names = [_one_line(part.get_filename() or part.get_content_type()) for part in mail.iter_attachments()]
    return Contents(text=letter(headers, _body(mail), names))


def letter(headers: list[str], body: str, names: list[str]) -> str:
    """The parts of an e-mail as text."""
    attached = [f"Attached to this e-mail, and not read: {', '.join(names[:MOST_NAMES])}"] if names else []
    return "\n\n".join(["\n".join(headers), body.strip(), *attached])


def _body(mail: MIMEPart) -> str:
    """Its text, else its HTML made plain."""
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    words = _words(part)
    return as_markdown(words) if part.get_content_subtype() == "html" else words


def _words(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # of its encoding
        payload = part.get_payload(decode=True)
        return plain_text.decoded(payload) or "" if isinstance(payload, bytes) else ""


def _one_line(text: object) -> str:
    return " ".join(str(text).split())

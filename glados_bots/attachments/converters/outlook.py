"""E-mails as Outlook saves them (.msg)."""

import io

from oxmsg import Message

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters.loading import load
from glados_bots.attachments.converters.mail import letter
from glados_bots.attachments.converters.markdown import as_markdown

NO_YEAR = 1601  # of Windows' clock; a mail without a date has it

load("encodings", "email")


def convert(content: bytes) -> Contents:
    mail = Message.load(io.BytesIO(content))
    to = ", ".join(f"{one.name} <{one.email_address}>" for one in mail.recipients)
    sent = mail.sent_date if mail.sent_date and mail.sent_date.year > NO_YEAR else None
    headers = {"From": mail.sender, "To": to, "Date": sent, "Subject": mail.subject}
    body = mail.body or (as_markdown(mail.html_body) if mail.html_body else "")
    names = [one.file_name or "a file" for one in mail.attachments]
    return Contents(text=letter([f"{name}: {value}" for name, value in headers.items() if value], body, names))

"""The files of a message, as Slack announces them. Nothing is fetched here: Slack waits three seconds for an event."""

from collections.abc import Iterable
from dataclasses import replace

from glados_bots.conversation import Attachment
from glados_slack.connection.loose_json import Json, mappings, text_of

MOST_FILES = 50  # of one message that are looked at
# Keys of `Attachment.source`.
URL = "url"  # the file's private address; missing if Slack has told only its id
EXTERNAL = "external"  # it is not on Slack's servers
EARLIER = "earlier"  # it stands in the thread before the question
_GONE = "tombstone"  # the mode of a deleted file
NO_NAME = "file"


def files_of(message: Json) -> tuple[Attachment, ...]:
    """What was uploaded with a message; deleted files are not among it."""
    found = map(attachment_of, mappings(message.get("files"))[:MOST_FILES])
    return tuple(file for file in found if file)


def attachment_of(file: Json) -> Attachment | None:
    """A file as an event, a message or `files.info` tells of it; None if it was deleted."""
    name, mode = text_of(file, "id"), text_of(file, "mode")
    if not name or mode == _GONE:
        return None
    size = file.get("size")
    return Attachment(
        id=name,
        name=text_of(file, "name") or text_of(file, "title") or NO_NAME,
        kind=text_of(file, "mimetype"),
        size=size if isinstance(size, int) else 0,
        source=_source(file, mode),
    )


def _source(file: Json, mode: str) -> dict[str, str]:
    if file.get("is_external") or mode == "external":
        return {EXTERNAL: "1"}
    url = text_of(file, "url_private_download") or text_of(file, "url_private")
    return {URL: url} if url else {}


def earlier(files: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """The same files, marked: an edit of the question does not take them away."""
    return tuple(replace(file, source={**file.source, EARLIER: "1"}) for file in files)


def earlier_of(files: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """Those that were marked."""
    return tuple(file for file in files if EARLIER in file.source)

"""Scenarios around files that were read, in part or not at all."""

from glados_bots.attachments.contents import Contents, refused
from glados_bots.attachments.fitting import MOST_NAMED
from glados_bots.conversation import Picture
from glados_bots.turns import attached
from glados_bots.wording.sentence import Sentence, say
from tests.slack.conftest import answered
from tests.slack.pseudo.stage import QUESTION, Stage, scenario

PICTURE = Picture("iVBORw0KGgo=", "image/png", 1, 1)
REFUSED = (
    "file-no-text", "file-empty", "file-no-words", "file-damaged", "file-locked", "file-too-complex", "file-too-slow",
    "file-audio", "file-video", "file-archive", "file-program",
)  # fmt: skip
PARTS = ("file-characters", "file-pages", "file-slides", "file-sheets", "file-rows")
FIRST = say("file-pages", read=1, whole=2)
CONTENTS = [
    *(refused(Sentence(name)) for name in REFUSED),
    refused(say("file-unpacks", most=1)),
    refused(say("file-too-many-pixels", most=1)),
    refused(say("file-save-as", format="1")),
    *(Contents(text="λ", partly=Sentence(name, {"read": 1, "whole": 2})) for name in PARTS),
]
SEEN = [
    Contents(pictures=(PICTURE,), partly=say("file-scan", read=1, whole=2)),
    *[Contents(pictures=(PICTURE,))] * 20,
]


async def with_files(stage: Stage, contents: list[Contents], **core: object) -> None:
    """Ask with as many files, of which this was read."""
    files = [(f"{number}.1", "text/plain", str(number).encode()) for number in range(len(contents))]

    async def read(content: bytes, _name: str, _kind: str) -> Contents:
        return contents[int(content)]

    stage.patch.setattr(attached, "read", read)
    async with stage.adapter(core={"attachments_max": 50, **core}):
        asked = f"{stage.slack.bot.mention} {QUESTION}"
        await answered(stage.slack, await stage.person().say(stage.channel, asked, files=files))


@scenario(
    " ".join(("not-read file-unread partly-read file-unpacks file-too-many-pixels file-save-as", *REFUSED, *PARTS))
)
async def every_kind_of_file(stage: Stage) -> None:
    for begin in range(0, len(CONTENTS), MOST_NAMED):
        await with_files(stage, CONTENTS[begin : begin + MOST_NAMED])


@scenario("two-sentences file-two-parts")
async def files_that_were_not_read_and_in_part(stage: Stage) -> None:
    await with_files(stage, [CONTENTS[0], Contents(text="λ", partly=say("file-two-parts", first=FIRST, second=FIRST))])


@scenario("file-scan file-too-many-pictures further-files")
async def more_pictures_than_a_prompt_takes(stage: Stage) -> None:
    await with_files(stage, SEEN)


@scenario("file-no-room")
async def files_that_a_question_has_no_room_for(stage: Stage) -> None:
    await with_files(stage, [Contents(text="λ" * 5_000)] * 9, attachment_max_chars=1_000)

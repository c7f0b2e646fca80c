"""Scenarios around files: what is said of those that people attach, and of those that the bot gives back."""

from collections.abc import Iterable

from glados_bots.attachments.contents import Contents, refused
from glados_bots.conversation import Picture
from glados_bots.store.store import Store
from glados_bots.turns import attached, in_hand
from glados_bots.turns.served_models import MOST_PICTURES
from glados_bots.wording.sentence import Sentence, say
from glados_slack.answers import answer
from tests.fakes.slack import MessageRecord, Person
from tests.slack.answers.test_files_out import files
from tests.slack.conftest import answered, kept
from tests.slack.pseudo.stage import QUESTION, Stage, scenario

FILE = "glados_file"
PICTURE = Picture("aGk=", "image/png", 1, 1)
REFUSALS = (
    "archive audio damaged empty locked no-text no-words program too-complex too-slow video".split()
)  # those that need no value
PARAGRAPH = "Λόγος λόγος. " * 30
TABLE = "| α | β |\n| --- | --- |\n" + "| 1 | λ |\n" * 150


async def _attach(stage: Stage, person: Person, contents: Iterable[Contents], text: str = QUESTION) -> MessageRecord:
    """The answer to a question with a file for each of these, as they come out of the process that reads them."""
    given = list(contents)
    rest = iter(given)

    async def read(*_: object) -> Contents:
        return next(rest)

    stage.patch.setattr(attached, "read", read)
    notes = [(f"{number}.txt", "text/plain", b"\xce\xbb") for number in range(len(given))]
    question = await person.say(stage.channel, f"{stage.slack.bot.mention} {text}", files=notes)
    return (await answered(stage.slack, question))[-1]


def _partly(name: str, *, text: str = "λ", pictures: int = 0) -> Contents:
    return Contents(text=text, pictures=(PICTURE,) * pictures, partly=say(name, read=2, whole=3))


@scenario(
    "not-read partly-read file-unread further-files file-archive file-audio file-damaged file-empty file-locked "
    "file-no-text file-no-words file-program file-too-complex file-too-slow file-video file-save-as file-unpacks "
    "file-too-many-pixels file-characters file-pages file-rows file-sheets file-slides file-two-parts file-no-room "
    "two-sentences reading-files"
)
async def files_that_are_read_in_part_or_not_at_all(stage: Stage) -> None:
    anna = stage.person()
    reasons: list[Sentence] = [
        *(say(f"file-{name}") for name in REFUSALS),
        say("file-save-as", format=".pptx"), say("file-unpacks", most=9), say("file-too-many-pixels", most=9),
    ]  # fmt: skip
    parts = [_partly(f"file-{name}") for name in ("characters", "pages", "rows", "sheets", "slides")]
    async with stage.adapter():
        for some in (reasons[:7], reasons[7:]):
            await _attach(stage, anna, map(refused, some))
        await _attach(stage, anna, [refused(reasons[0])] * 10)
        await _attach(stage, anna, [*parts, refused(reasons[0])])
        await _attach(stage, anna, [_partly("file-pages", text="λ" * 90_000)])
        await _attach(stage, anna, [Contents(text="λ" * 300)], text="λ" * 12_000)


@scenario("file-scan file-no-words file-too-many-pictures pictures-unseen pictures-unseen-but-by")
async def pictures_that_a_model_sees_and_another_does_not(stage: Stage) -> None:
    anna = stage.person()
    stage.odd.gate.set()
    scan = _partly("file-scan", text="", pictures=2)
    for stage.odd.names, stage.odd.seeing in ((("α",), ()), (("α", "β"), ("β",)), (("β",), ("β",))):
        async with stage.adapter(core={"inference_url": stage.odd_url}):
            await _attach(stage, anna, [scan, *[Contents(pictures=(PICTURE,))] * MOST_PICTURES])


@scenario("file-follows whole-in-file code-in-file table-in-file as-file")
async def files_given_back(stage: Stage) -> None:
    anna = stage.person()
    stage.patch.setattr(in_hand, "PACE_S", 0.0)
    stage.patch.setattr(answer, "DRAW_EVERY_S", 0.0)
    async with stage.adapter():
        stage.model.gate.clear()
        stage.model.pieces = ["Λόγος. ", f"{PARAGRAPH}\n\n" * 100, "."]
        question = await stage.ask(anna)
        await stage.stands(say("file-follows"))
        stage.model.gate.set()
        await answered(stage.slack, question)
        await stage.stands(say("whole-in-file", file="answer.md"))
        for stage.model.pieces in (["```\n", "λ\n" * 61, "```"], [TABLE]):
            await stage.answer(anna)
        await stage.slack.wait_for(lambda: len(files(stage.slack)) == 3)


@scenario("files-refused slack-files-need-right answer-not-ended too-old")
async def files_that_are_not_given_back(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        given = await stage.answer(anna)
        await kept(stage.client, 1)
        stage.slack.team.installation.scopes -= {"files:write"}
        await anna.click(stage.slack.message(given), FILE)
        await stage.told(anna, "files-refused", files=("answer.md",))
        await stage.told(anna, "slack-files-need-right")

        async def state(*_: object) -> str:
            return "running"

        with stage.patch.context() as patch:
            patch.setattr(Store, "state", state)  # as when it begins again at the same moment
            await anna.click(stage.slack.message(given), FILE)
            await stage.told(anna, "answer-not-ended")
        await stage.run(anna, "reset")
        await anna.click(stage.slack.message(given), FILE)
        await stage.told(anna, "too-old")

"""Makes a `Turn` of a message that is meant for the bot: its text and files, what it refers to, and its place."""

import re
from dataclasses import dataclass

import discord

from glados_bots.conversation import LANGUAGE, Turn, each_once
from glados_bots.intake.desk import Question
from glados_bots.intake.intake import Verdict
from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_discord.access import DiscordAsker, refusal
from glados_discord.answers.places import How, Spot
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.shared import DiscordShared
from glados_discord.incoming.where import Where
from glados_discord.settings import DiscordSettings
from glados_discord.words.heard import Heard, says
from glados_discord.words.quotes import Quotes

LONGEST_TITLE = 80  # Discord allows 100, but its side bar cuts long names
_MARKUP = re.compile(r"```\w*|[`*_~|#>\[\]]+|https?://\S+")


@dataclass(frozen=True, slots=True)
class AskedOnDiscord:
    """A question for the core's desk: the common base of questions by message and by command."""

    shared: DiscordShared
    where: Where
    asker: DiscordAsker
    language: str  # of the bot's own sentences beside the answer

    @property
    def refusal(self) -> Sentence:
        """Why the operator's lists refuse the person; NOTHING if they do not."""
        return refusal(self.shared.rules, self.asker)

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """Note the place of a conversation, if its turn was accepted."""
        where, facts = self.where, self.shared.facts
        if verdict.status != "accepted":
            return
        if where.guild is not None:
            await facts.belongs_to_guild(turn.conversation, where.guild)
        elif where.is_direct:
            await facts.used_dm(int(turn.conversation))
        if where.is_thread:
            await self.shared.core.marks.join(str(where.channel), turn.id)

    def _turn(self, what: Question, number: int, conversation: str, name: str, spot: Spot) -> Turn:
        """The turn of a question. `spot` becomes the turn's place."""
        here = spot_of(what, self.where, self.shared.settings, self.language, is_new=conversation == str(number))
        return Turn(
            id=str(number),
            conversation=conversation,
            author=str(self.asker.user),
            text=what.text,
            author_name=name,
            channel=self.where.settings,
            place={**spot.to_place(), **here.to_place(), LANGUAGE: self.language},
            attachments=what.attachments,
        )


@dataclass(frozen=True, slots=True)
class AskedInDiscordMessage(AskedOnDiscord):
    """A new or edited message, for the core's desk."""

    message: discord.Message  # for the calls that read the messages it refers to
    heard: Heard  # the message as plain data
    quotes: Quotes
    obstacle: Sentence = NOTHING  # what the bot lacks to answer there
    in_passing: bool = False  # it does not name the bot: then only words count as a question

    async def read(self) -> Question:
        """Read its words, and the messages it refers to, if the conversation does not hold them."""
        heard, in_passing, own = self.heard, self.in_passing, self.heard.attachments
        words = says(heard.content, heard.title, with_files=False)
        if in_passing and not heard.has_words:
            return Question()
        about = [await self.quotes.opening(self.message), await self.quotes.answered(self.message)]
        if not (in_passing or own or heard.replies_to):
            about.append(await self.quotes.above(self.message))
        files = each_once([*own, *(file for one in about for file in one.files)])
        text = "\n\n".join(filter(None, [*(one.text for one in about), words]))
        named = heard.content.text or words or " ".join(file.name for file in own)
        return Question(text, files, len(words), named)

    async def turn(self, question: Question) -> Turn:
        """Make the turn of a message. Redis gets a hash of it, which tells an edit from other changes."""
        heard, where, shared = self.heard, self.where, self.shared
        conversation = await conversation_of(heard, where, shared.facts, shared.settings)
        await shared.facts.note_asked(where.guild, where.channel, heard.id)
        await shared.facts.note_content(heard.id, heard.editable)
        spot = Spot(str(where.channel), question=str(heard.id))
        return self._turn(question, heard.id, conversation, heard.name, spot)


async def conversation_of(heard: Heard, where: Where, facts: DiscordFacts, settings: DiscordSettings) -> str:
    """The conversation of a message: that of its thread or reply chain, or a new one."""
    if where.guild is None or where.is_thread:
        return await facts.conversation(where.channel) or str(where.channel)
    if heard.replies_to and (known := await facts.conversation(heard.replies_to)):
        return known
    return str(where.channel) if settings.answer_in == "channel" else str(heard.id)


def spot_of(question: Question, where: Where, settings: DiscordSettings, language: str, *, is_new: bool) -> Spot:
    """Where to answer a question, and which sentences belong there; `is_new` if it begins its conversation."""
    how = how_to_answer(where, settings, is_new=is_new)
    return Spot(
        channel=str(where.channel),
        guild=str(where.guild or ""),
        how=how,
        title=title(question.title, say("a-question").in_language(language)) if how == "thread" else "",
        patient="yes" if where.is_slow and how != "thread" else "",  # a thread of our own needs no fewer edits
    )


def how_to_answer(where: Where, settings: DiscordSettings, *, is_new: bool) -> How:
    """How to answer: in a text channel by a thread, elsewhere by a reply, in direct messages by the next message."""
    if where.is_direct or (settings.answer_in == "channel" and where.has_threads):
        return "plain"
    may_be_thread = is_new and where.has_threads and where.may_open_threads
    return "thread" if settings.answer_in == "thread" and may_be_thread else "reply"


def title(question: str, fallback: str) -> str:
    """A title of one line: the first words of a question, cut between words."""
    words = _MARKUP.sub(" ", question).split()
    name = ""
    for word in words:
        longer = f"{name} {word}".strip()
        if len(longer) > LONGEST_TITLE - 1:
            return f"{name or longer[: LONGEST_TITLE - 1]}…"
        name = longer
    return name or fallback

"""What a message says and whom it addresses, on real messages of discord.py that were made from Discord's JSON."""

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_discord.incoming.addressing import addressed
from glados_discord.incoming.desk import DiscordDesk
from glados_discord.incoming.shared import DiscordShared
from glados_discord.settings import DiscordSettings
from glados_discord.words.code_spans import pieces
from glados_discord.words.heard import MOST_CHARS, Content, Heard, says
from glados_discord.words.hearing import hear
from glados_discord.words.tokens import Names, readable

ME, ADA, BOB, GUILD, ROOM, ROLE, OWN_ROLE = (
    11 * 10**17,
    12 * 10**17,
    13 * 10**17,
    14 * 10**17,
    15 * 10**17,
    16 * 10**17,
    17 * 10**17,
)
NOW = "2026-11-27T12:00:00+00:00"
LATER = "2026-11-27T12:05:00+00:00"
Json = dict[str, Any]


def user(number: int, name: str, *, bot: bool = False) -> Json:
    return {"id": str(number), "username": name, "discriminator": "0", "global_name": name, "avatar": None, "bot": bot}


def role(number: int, name: str, **more: Any) -> Json:
    colors = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    return {
        "id": str(number), "name": name, "permissions": "0", "mentionable": True, "managed": False, "position": 1,
        "color": 0, "colors": colors, "hoist": False, "flags": 0, **more,
    }  # fmt: skip


def channel(kind: int = 0) -> discord.TextChannel | discord.Thread:
    """A text channel of a server where the bot has a role of its own."""
    state = discord.Client(intents=discord.Intents(guilds=True))._connection
    room: Json = {"id": str(ROOM), "type": kind, "name": "general", "position": 0, "permission_overwrites": []}
    roles = [role(GUILD, "@everyone"), role(ROLE, "oncall"), role(OWN_ROLE, "GLaDOS", tags={"bot_id": str(ME)})]
    state.user = discord.ClientUser(state=state, data=user(ME, "GLaDOS", bot=True))  # type: ignore[arg-type]
    data: Any = {"id": str(GUILD), "name": "g", "roles": roles, "channels": [room]}
    guild = discord.Guild(state=state, data=data)
    found = guild.get_channel(ROOM)
    assert isinstance(found, discord.TextChannel)
    return found


def body(content: str = "", **more: Any) -> Json:
    return {
        "id": str(18 * 10**17), "channel_id": str(ROOM), "author": user(ADA, "ada"), "content": content,
        "timestamp": NOW, "edited_timestamp": None, "tts": False, "mention_everyone": False, "mentions": [],
        "mention_roles": [], "attachments": [], "embeds": [], "components": [], "pinned": False, "type": 0,
        "flags": 0, **more,
    }  # fmt: skip


def message(content: str = "", **more: Any) -> discord.Message:
    room = channel()
    return discord.Message(state=room._state, channel=room, data=body(content, **more))  # type: ignore[arg-type]


def said(content: str = "", **more: Any) -> str:
    heard = hear(message(content, **more), ME)
    return says(heard.content, heard.title)


HOOK: Json = {"author": user(BOB, "hook", bot=True), "webhook_id": str(BOB)}
EMBED: Json = {
    "type": "rich", "title": "Pump 3", "description": "too hot at <t:1795428000:F>",
    "fields": [{"name": "bearing", "value": "91 °C", "inline": True}], "footer": {"text": "never read"},
}  # fmt: skip
PUMP: Json = {"type": "rich", "title": "Pump 3"}
FILE: Json = {"id": "1", "filename": "pump.log", "size": 1, "url": "http://x", "proxy_url": "http://x"}
POLL: Json = {
    "question": {"text": "Lunch?"}, "expiry": LATER, "allow_multiselect": False, "layout_type": 1,
    "answers": [{"answer_id": 1, "poll_media": {"text": "Pizza"}}, {"answer_id": 2, "poll_media": {"text": "Soup"}}],
}  # fmt: skip
THREAD: Json = {
    "id": str(18 * 10**17), "type": 11, "parent_id": str(ROOM), "owner_id": str(ME), "name": "why?", "message_count": 1,
    "member_count": 1, "thread_metadata": {
        "archived": False, "auto_archive_duration": 60, "archive_timestamp": NOW, "locked": False,
    },
}  # fmt: skip
STICKER: Json = {"id": "5", "name": "Wave", "format_type": 1}


def snapshot(content: str = "", **more: Any) -> Json:
    return {"message": body(content, **more)}


# --- what it says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"content": "hello"}, "hello"),
        ({**HOOK, "embeds": [EMBED]}, "Pump 3\ntoo hot at 2026-11-23 10:00 UTC\nbearing: 91 °C"),
        ({**HOOK, "content": "alert", "embeds": [EMBED, {"type": "rich", "title": "Pump 4"}]},
         "alert\n\nPump 3\ntoo hot at 2026-11-23 10:00 UTC\nbearing: 91 °C\n\nPump 4"),
        ({"poll": POLL}, "Poll: Lunch?\n- Pizza\n- Soup"),
        ({"sticker_items": [STICKER]}, "(sticker: Wave)"),
        ({"content": "see", "attachments": [FILE]}, "see\n\n(attached: pump.log)"),
        ({"message_snapshots": [snapshot("why is it hot?")]}, "A forwarded message:\n> why is it hot?"),
        ({"content": "?", "message_snapshots": [snapshot("one\ntwo", embeds=[PUMP], attachments=[FILE])]},
         "?\n\nA forwarded message:\n> one\n> two\n> \n> Pump 3\n> \n> (attached: pump.log)"),
        ({**HOOK, "components": [{"type": 17, "id": 1, "components": [{"type": 10, "id": 2, "content": "Pump 3"}]}]},
         "Pump 3"),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_message_says_more_than_its_text(more: Json, expected: str) -> None:
    assert said(**more) == expected


@pytest.mark.parametrize(
    ("kind", "url"), [("link", "https://lemon.example/"), ("rich", "https://lemon.example"), ("article", None)]
)
@pytest.mark.parametrize("author", [{}, HOOK])
def test_the_preview_of_a_link_says_nothing(kind: str, url: str | None, author: Json) -> None:
    embed = {"type": kind, "title": "Lemons", "url": url}
    assert said("see https://lemon.example", embeds=[embed], **author) == "see https://lemon.example"


def test_what_a_message_says_is_bounded() -> None:
    embeds = [{"type": "rich", "description": "x" * 4096} for _ in range(10)]
    assert len(said("y", embeds=embeds, **HOOK)) == MOST_CHARS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"<@{ADA}>", "@ada"),
        (f"<@!{ADA}> and <@{BOB}>", "@ada and @somebody"),
        (f"<@&{ROLE}> in <#{ROOM}>", "@oncall in #general"),
        ("<:heart:12345678901234567> <a:dance:12345678901234567>", ":heart: :dance:"),
        (f"<@{ME}>, why?", "why?"),
        (f"and <@!{ME}> why", "and why"),
        (f"<@&{OWN_ROLE}> why", "why"),
        ("<t:1795428000>", "2026-11-23 10:00 UTC"),
        *((f"at <t:1795428000:{style}>", "at 2026-11-23 10:00 UTC") for style in "tTdDfFRsS"),
        ("<t:1795428007:R>", "2026-11-23 10:00:07 UTC"),
        ("<t:-1:R>", "1969-12-31 23:59:59 UTC"),
        ("<t:99999999999999999:R>", "<t:99999999999999999:R>"),
        ("</cmd:1> </glados ask:123456789012345678>", "/cmd /glados ask"),
        ("<id:customize>", "#customize"),
        (f"<@{'9' * 5000}>", f"<@{'9' * 5000}>"),
    ],
)  # fmt: skip
def test_tokens_are_read_as_people_see_them(text: str, expected: str) -> None:
    assert said(text, mentions=[user(ADA, "ada")]) == expected


@pytest.mark.parametrize(
    "token", [f"<@{ME}>", f"<@{ADA}>", f"<#{ROOM}>", "<:heart:12345678901234567>", "<t:1:F>", "</cmd:1>"]
)
@pytest.mark.parametrize(
    "code", ["`{}`", "``a ` {}``", "```\n{}\n```", "```py\nx = '{}'\n```", "a ```{}``` b", "`a\n{}`"]
)
def test_code_is_verbatim(token: str, code: str) -> None:
    text = f"why {code.format(token)} ?"
    assert said(text, mentions=[user(ADA, "ada")]) == text


@pytest.mark.parametrize("open_", ["`", "```", "``", "a`b` ` "])
def test_what_is_never_closed_is_no_code(open_: str) -> None:
    assert said(f"{open_}<#{ROOM}>") == f"{open_}#general".strip()


@given(st.text(alphabet="`\na<@1>", max_size=60))
def test_pieces_of_code_and_prose_are_the_whole_text(text: str) -> None:
    assert "".join(piece for piece, _ in pieces(text)) == text


@pytest.mark.parametrize("unit", ["`", "` ", "``` ", "`a``b```c", "<@1", "<:a", "</a ", "<t:1", "@here", "<"])
def test_the_longest_texts_are_read_at_once(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    assert readable(text, Names(own=frozenset({ME}))) in {text, text.strip()}


# --- whom it addresses ----------------------------------------------------------------------------------------------


def reason(content: str = "", **more: Any) -> str | None:
    return addressed(hear(message(content, **more), ME), "joined")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"content": f"<@{ME}> why?", "mentions": [user(ME, "GLaDOS")]}, "mention"),
        ({"content": f"`<@{ME}>` why?"}, None),
        ({"content": f"```\n<@{ME}>\n```"}, None),
        ({"content": f"``<@!{ME}>``"}, None),
        ({"content": f"<@&{OWN_ROLE}> why?", "mention_roles": [str(OWN_ROLE)]}, "mention"),
        ({"content": f"`<@&{OWN_ROLE}>`"}, None),
        ({"content": "@everyone", "mention_everyone": True}, None),
        ({"content": f"<@{ME}>", "mentions": [user(ME, "GLaDOS")], **HOOK}, None),
    ],
)  # fmt: skip
def test_the_bot_is_named_where_discord_says_so(more: Json, expected: str | None) -> None:
    assert reason(**more) == expected


@pytest.mark.parametrize(
    ("heard", "joined", "expected"),
    [
        (Heard(5, is_in_thread=True), 4, "thread"),
        (Heard(5, is_in_thread=True), 5, None),
        (Heard(5, is_in_thread=True), 6, None),
        (Heard(5, is_in_thread=True), None, None),
        (Heard(5, is_in_thread=True, joined=4), None, "thread"),
        (Heard(5, is_in_thread=True, joined=9), 4, "thread"),
        (Heard(5, is_in_thread=True, joined=9), None, None),
        (Heard(5, is_in_thread=True, is_thread_ours=True), None, "thread"),
        (Heard(5, is_in_thread=True, is_named=True), 6, "mention"),
        (Heard(5, is_in_thread=True, is_for_others=True), 4, None),
    ],
)
def test_without_a_mention_a_thread_s_message_counts_only_after_the_joining(
    heard: Heard, joined: int | None, expected: str | None
) -> None:
    assert addressed(heard, "joined", joined) == expected


@pytest.mark.parametrize(
    "content", [Content(stickers=("Wave",)), Content(poll="Lunch?"), Content(files=("cat.png",)), Content()]
)
def test_only_words_are_words(content: Content) -> None:
    assert not Heard(1, content=content).has_words
    assert not Heard(1, content=Content(text="\u200b")).has_words
    assert Heard(1, content=Content(forwarded=(Content(text="why?"),))).has_words


# --- edits ----------------------------------------------------------------------------------------------------------

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "edited_timestamp": st.sampled_from([NOW, LATER, None]),
    "pinned": st.booleans(),
    "flags": st.integers(0, 2**16 - 1),
    "embeds": st.lists(st.sampled_from([EMBED, {"type": "link", "title": "Lemons", "url": "https://lemon.example"}])),
    "attachments": st.lists(st.just(FILE), max_size=2),
    "mention_everyone": st.booleans(),
    "mentions": st.lists(st.sampled_from([user(ADA, "ada"), user(BOB, "bob"), user(ME, "renamed")]), max_size=2),
    "mention_roles": st.lists(st.just(str(ROLE)), max_size=1),
    "components": st.lists(st.just({"type": 10, "id": 1, "content": "x"}), max_size=1),
    "reactions": st.lists(st.just({"count": 1, "me": False, "emoji": {"id": None, "name": "👍"}}), max_size=1),
    "sticker_items": st.lists(st.just(STICKER), max_size=1),
    "message_snapshots": st.lists(st.just(snapshot("why?")), max_size=1),
    "poll": st.just(POLL),
    "tts": st.booleans(),
    "nonce": st.just("7"),
    "author": st.sampled_from([user(ADA, "ada"), user(ADA, "ada lovelace")]),
    "thread": st.just(THREAD),
}  # fmt: skip
CHANGES = st.fixed_dictionaries({}, optional=FIELDS)


def edited(before: discord.Message | None, after: discord.Message, *, is_question: bool) -> None:
    """Hand an edit to the desk; `before` is what discord.py remembers. Asking needs Redis, which is away."""
    turn = Turn("1", "1", str(ADA), "an earlier, joined question", place={}) if is_question else None
    noted = {after.id: hear(after, ME).editable} if is_question else {}

    async def do(channel: int, work: Any, **more: Any) -> None:
        del channel, more
        await work()

    async def away(*_: Any) -> None:
        raise StoreUnavailableError("away")

    async def found(_: str) -> Turn | None:
        return turn

    async def has_content(number: int, content: str) -> bool:
        return noted.get(number) == content

    core: Any = SimpleNamespace(
        store=SimpleNamespace(turn=found), desk=SimpleNamespace(ask_anew=away), marks=SimpleNamespace(was=away)
    )
    memory: Any = SimpleNamespace(has_content=has_content, is_turn=away)
    current: Any = SimpleNamespace(heard=set())
    order: Any = SimpleNamespace(do=do)
    shared = DiscordShared(core, memory, current, DiscordSettings(_env_file=None), order)
    asyncio.run(DiscordDesk(shared).edited(after, ME, before))


def names_me(fields: Json) -> bool:
    return any(one["id"] == str(ME) for one in fields["mentions"])


@settings(deadline=None, max_examples=60)
@given(CHANGES, CHANGES, st.sampled_from(["why?", f"<@{ME}> why?", ""]), st.booleans())
def test_a_change_of_all_but_words_and_files_asks_nothing(first: Json, second: Json, text: str, known: bool) -> None:
    named = [user(ME, "GLaDOS")] if text.startswith("<@") else []
    earlier, later = {"mentions": named, **first}, {"mentions": named, **first, **second}
    assume(names_me(earlier) == names_me(later))  # only words and replies name somebody
    before, after = message(text, **earlier), message(text, **later)
    edited(before, after, is_question=known)
    if known:  # discord.py has forgotten the message, as after a restart
        edited(None, after, is_question=True)


@pytest.mark.parametrize("is_remembered", [True, False])
def test_an_edit_that_names_the_bot_does_ask(is_remembered: bool) -> None:
    after = message(f"<@{ME}> why?", edited_timestamp=LATER, mentions=[user(ME, "GLaDOS")])
    with pytest.raises(StoreUnavailableError):
        edited(message("why?") if is_remembered else None, after, is_question=False)

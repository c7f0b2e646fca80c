"""Makes plain data of discord.py's messages, once per message. All decisions use this data."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import discord

from glados_discord.connection import attachments
from glados_discord.connection.embeds import Holder, card, is_preview
from glados_discord.words.code_spans import without_code
from glados_discord.words.heard import Content, Heard
from glados_discord.words.tokens import Names, ids_in, readable

_EVERYBODY = re.compile(r"@(?:everyone|here)\b")  # also from people who may not notify everybody
_FROM_PEOPLE = {discord.MessageType.default, discord.MessageType.reply}


def hear(message: discord.Message, me: int) -> Heard:
    mentioned = {user.id for user in message.mentions}  # Discord skips mentions in code
    roles = {role.id for role in message.role_mentions} | ids_in(message.content, "role")
    others = (mentioned | ids_in(message.content, "user")) - {me}
    calls_all = message.mention_everyone or _EVERYBODY.search(without_code(message.content)) is not None
    answered, own_role = _answered_author(message), _own_role(message.guild)
    direct = is_direct(message.channel)
    heard = Heard(
        id=message.id,
        channel=message.channel.id,
        author=message.author.id,
        name=message.author.display_name if message.guild else "",
        roles=roles_of(message.author),
        replies_to=message.reference.message_id if message.reference else None,
        age_s=(message.edited_at - message.created_at).total_seconds() if message.edited_at else 0.0,
        is_from_person=is_from_person(message),
        is_direct=direct,
        is_placed=direct or message.guild is not None,
        is_named=me in mentioned or own_role in roles,
        is_for_others=bool(others or roles or calls_all) or answered not in {None, me},
        is_reply_to_us=answered == me,
        raw=message.content,
        attachments=attachments.of(message, has_cards=not is_from_person(message)),
        content=_whole_content(message, me),
    )
    return in_place(heard, message.channel, me)


def in_place(heard: Heard, channel: object, me: int) -> Heard:
    """The message with the facts that its channel tells."""
    if not isinstance(channel, discord.Thread):
        return heard
    is_post = isinstance(channel.parent, discord.ForumChannel)  # a post's title is the name of its thread
    return replace(
        heard,
        is_in_thread=True,
        is_thread_ours=channel.owner_id == me,
        joined=discord.utils.time_snowflake(channel.me.joined_at, high=True) if channel.me else None,
        title=channel.name if is_post and channel.id == heard.id else "",
    )


def by_member(heard: Heard, member: discord.Member) -> Heard:
    """The message with the facts that the server tells about its author. Discord's history lacks them."""
    return replace(heard, name=member.display_name, roles=roles_of(member))


def roles_of(person: discord.User | discord.Member) -> frozenset[int]:
    """The roles of a member, without @everyone; empty if Discord did not tell them."""
    roles = person.roles if isinstance(person, discord.Member) else ()
    return frozenset(role.id for role in roles if not role.is_default())


def is_from_person(message: discord.Message) -> bool:
    """Whether the author is no bot (this one included), no webhook, and not Discord itself."""
    return not message.author.bot and message.webhook_id is None and message.type in _FROM_PEOPLE


def typed(text: str, me: int, guild: discord.Guild | None) -> str:
    """The text typed into a command, as a model should read it."""
    return readable(text, _names([text], me, guild, ()))


def is_direct(channel: object) -> bool:
    return getattr(channel, "type", None) is discord.ChannelType.private


def _own_role(guild: discord.Guild | None) -> int:
    return guild.self_role.id if guild and guild.self_role else 0


def _answered_author(message: discord.Message) -> int | None:
    """The author of the message that this one replies to; None without a reply, or if that message is gone."""
    target = message.reference.resolved if message.reference else None
    return target.author.id if isinstance(target, discord.Message) else None


def _whole_content(message: discord.Message, me: int) -> Content:
    held: list[Holder] = [message, *message.message_snapshots]
    names = _names([text for one in held for text in _texts(one)], me, message.guild, message.mentions)
    return _content(
        message,
        names,
        poll=_poll(message.poll),
        forwarded=tuple(_content(one, names) for one in message.message_snapshots),
        has_cards=not is_from_person(message),  # people's messages have only previews of links
    )


def _content(
    held: Holder, names: Names, *, poll: str = "", forwarded: tuple[Content, ...] = (), has_cards: bool = True
) -> Content:
    cards = [card(embed) for embed in held.embeds if has_cards and not is_preview(embed, held.content)]
    return Content(
        text=readable(held.content, names),
        cards=tuple(readable(one, names) for one in [*cards, *_displays(held.components)]),
        poll=readable(poll, names),
        stickers=tuple(sticker.name for sticker in held.stickers),
        files=tuple(map(attachments.name_of, held.attachments)),
        forwarded=forwarded,
    )


def _texts(held: Holder) -> Iterator[str]:
    yield held.content
    yield from map(card, held.embeds)
    yield from _displays(held.components)


def _names(
    texts: Iterable[str], me: int, guild: discord.Guild | None, mentioned: Iterable[discord.User | discord.Member]
) -> Names:
    """The names of all mentions in these texts, as far as they are known without a call to Discord."""
    own = frozenset({me, _own_role(guild)} - {0})
    users = {user.id: user.display_name for user in mentioned}
    if guild is None:
        return Names(users, own=own)
    text = "\n".join(texts)
    members = {one: guild.get_member(one) for one in ids_in(text, "user") - users.keys()}
    roles = {one: guild.get_role(one) for one in ids_in(text, "role")}
    channels = {one: guild.get_channel_or_thread(one) for one in ids_in(text, "channel")}
    return Names(
        users | {one: member.display_name for one, member in members.items() if member},
        {one: role.name for one, role in roles.items() if role},
        {one: channel.name for one, channel in channels.items() if channel},
        own,
    )


def _displays(components: Iterable[object]) -> Iterator[str]:
    """The texts of a message that a program made of components."""
    for part in components:
        if isinstance(part, discord.TextDisplay):
            yield part.content
        yield from _displays(getattr(part, "children", ()))


def _poll(poll: discord.Poll | None) -> str:
    if poll is None:
        return ""
    return "\n".join([f"Poll: {poll.question}", *(f"- {answer.text}" for answer in poll.answers)])

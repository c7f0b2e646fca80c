"""The audit log: every act is a line and an entry, whoever did it and whatever it is called."""

import logging

import pytest

from glados_bots.admins import Admins, check
from glados_bots.operations import audit
from glados_bots.store.connection import Client, connect


async def test_acts_are_kept_in_order_and_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await audit.record(client, "web:ada@example.org", "turns retry", "abc")
    await audit.record(client, audit.operator(), "restore")
    newest, oldest = await audit.entries(client)
    assert (oldest.actor, oldest.act, oldest.target) == ("web:ada@example.org", "turns retry", "abc")
    assert newest.actor.startswith("cli:")
    assert newest.at >= oldest.at
    assert "audit: web:ada@example.org: turns retry abc" in caplog.text


async def test_the_log_is_capped(client: Client, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_ENTRIES", 100)
    async with client.pipeline(transaction=False) as pipe:
        for number in range(500):
            pipe.xadd(audit.KEY, {"actor": "a", "act": str(number), "target": ""})
        await pipe.execute()
    await audit.record(client, "a", "last")
    assert await admin.xlen(audit.KEY) <= 200  # Redis trims whole blocks, of a hundred entries
    assert (await audit.entries(client, 1))[0].act == "last"


async def test_what_is_old_goes(client: Client) -> None:
    await client.xadd(audit.KEY, {"actor": "a", "act": "long ago", "target": ""}, id="1000-0")
    await audit.record(client, "a", "now")
    assert [entry.act for entry in await audit.entries(client)] == ["now"]


async def test_names_from_outside_forge_no_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await audit.record(client, "web:x\nINFO forged", "act\x1b[31m", "y" * 10_000)
    (entry,) = await audit.entries(client)
    assert entry.actor == "web:x�INFO forged"
    assert len(entry.target) == audit.LONGEST_FIELD
    assert all("\n" not in record.getMessage() and "\x1b" not in record.getMessage() for record in caplog.records)


async def test_an_act_is_logged_when_redis_is_away(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    away = connect("unix:///nowhere/valkey.sock")
    await audit.attempt(away, "cli:root@here", "keys revoke", "abc")
    await away.aclose()
    assert "audit: cli:root@here: keys revoke abc" in caplog.text
    assert "not in the audit log" in caplog.text


def test_nobody_is_an_admin_who_is_not_named() -> None:
    admins = Admins.parse("discord:123, slack:T1/U2,web:Ada@example.org")
    assert admins.has("discord", "123")
    assert admins.has("slack", "T1/U2")
    assert admins.has("web", "ada@Example.org")
    for platform, person in (("slack", "123"), ("discord", "1234"), ("web", ""), ("web", "local"), ("discord", "12")):
        assert not admins.has(platform, person)
    assert not Admins.parse("").has("web", "")


@pytest.mark.parametrize("text", ["ada@example.org", "web:", ":x", "we b:x", "web:a,b"])
def test_a_name_without_a_platform_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="PLATFORM:ID"):
        check(text)

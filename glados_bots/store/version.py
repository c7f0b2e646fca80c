"""The format of the data in Redis, as a number in `glados:version`, and the migrations from one number to the next.

Every role checks the format before it takes its first turn, and refuses a format that it does not know: an old program
must not write into new data, nor a new program into old data. `glados migrate` runs the migrations while no role runs.
A change that old and new programs can both handle (a new field, a new key) needs no new format.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import cast

from glados_bots.errors import ConfigError
from glados_bots.store.connection import Client, reply_of

KEY = "glados:version"
DATA_VERSION = 1

Step = Callable[[Client], Awaitable[None]]
# Each step leads from its number to the next one. A step may run again after it was interrupted.
MIGRATIONS: dict[int, Step] = {}


async def stored_version(client: Client) -> int:
    """The format of the data in Redis. A Redis without a number is new and gets our number.

    Raises:
        ConfigError: the key holds something other than a number.
        StoreUnavailableError: Redis does not answer.
    """
    await reply_of(client.set(KEY, DATA_VERSION, nx=True))
    found = await reply_of(cast("Awaitable[str | None]", client.get(KEY)))
    if found is None or not found.isdecimal():
        raise ConfigError(
            f"{KEY} holds {found!r}, not a format number; set GLADOS_REDIS_URL to a Redis that no other program uses"
        )
    return int(found)


async def require_version(client: Client) -> None:
    """Return if this program may work on the data in Redis.

    Raises:
        ConfigError: the program is too old for the data, or the data must be migrated first.
        StoreUnavailableError: Redis does not answer.
    """
    found = await stored_version(client)
    if found > DATA_VERSION:
        raise ConfigError(
            f"the conversations have format {found}, this GLaDOS knows {DATA_VERSION}; install a newer GLaDOS, "
            "or restore a backup from before the upgrade into an empty Redis"
        )
    if found < DATA_VERSION:
        raise ConfigError(
            f"the conversations have format {found}, this GLaDOS needs {DATA_VERSION}; stop all roles, "
            "make a backup, and run `glados migrate`"
        )


async def migrate(
    client: Client,
    steps: Mapping[int, Step] = MIGRATIONS,
    target: int = DATA_VERSION,
    walk: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> list[tuple[int, int]]:
    """Run the migrations from the format in Redis to `target`, and record each one. Returns (from, to) of each.

    Args:
        client: connected to a Redis no role works on.
        steps: from each format to the next one.
        target: the format to arrive at.
        walk: goes through the formats, and may show how far it is.

    Raises:
        ConfigError: the data is newer, or no migration leads on from its format.
        StoreUnavailableError: Redis does not answer; the next call continues where this one stopped.
    """
    found = await stored_version(client)
    if found > target:
        raise ConfigError(
            f"the conversations have format {found}, newer than {target}; only a restored backup leads back"
        )
    missing = [number for number in range(found, target) if number not in steps]
    if missing:
        raise ConfigError(f"no migration leads on from format {missing[0]}; upgrade to an earlier GLaDOS first")
    gone = []
    for number in walk(range(found, target)):
        await steps[number](client)
        await reply_of(client.set(KEY, number + 1))
        gone.append((number, number + 1))
    return gone

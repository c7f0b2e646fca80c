"""The format of what lies in Redis, as a number in `glados:version`, and the steps from one number to the next.

Every role checks it before it takes its first turn, and refuses a format it does not know: an old program must not
write into new data, nor a new one into old. `glados migrate` goes the steps, while no role runs. A change that old and
new programs can both live with (a new field, a new key) is no new format.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import cast

from glados_bots.errors import ConfigError
from glados_bots.store.connection import Client, reply_of

KEY = "glados:version"
DATA_VERSION = 1

Step = Callable[[Client], Awaitable[None]]
# From the number to the next one. A step may be run again after it was cut off in the middle.
MIGRATIONS: dict[int, Step] = {}


async def stored_version(client: Client) -> int:
    """The format in Redis. One without a number is new: it gets ours.

    Raises:
        ConfigError: what lies under the key is no number.
        StoreUnavailableError: Redis does not answer.
    """
    await reply_of(client.set(KEY, DATA_VERSION, nx=True))
    found = await reply_of(cast("Awaitable[str | None]", client.get(KEY)))
    if found is None or not found.isdecimal():
        raise ConfigError(
            f"{KEY} holds {found!r}, which is no format; set GLADOS_REDIS_URL to a Redis that no other program uses"
        )
    return int(found)


async def require_version(client: Client) -> None:
    """Return when this program may work on these data.

    Raises:
        ConfigError: it is too old for them, or they must be migrated first.
        StoreUnavailableError: Redis does not answer.
    """
    found = await stored_version(client)
    if found > DATA_VERSION:
        raise ConfigError(
            f"the conversations are of format {found}, this GLaDOS knows {DATA_VERSION}; install a newer GLaDOS, "
            "or restore a backup from before the upgrade into an empty Redis"
        )
    if found < DATA_VERSION:
        raise ConfigError(
            f"the conversations are of format {found}, this GLaDOS needs {DATA_VERSION}; stop all roles, "
            "make a backup, and call `glados migrate`"
        )


async def migrate(
    client: Client,
    steps: Mapping[int, Step] = MIGRATIONS,
    target: int = DATA_VERSION,
    walk: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> list[tuple[int, int]]:
    """Go the steps from the format in Redis to `target`, noting each one as it is done; returns those gone.

    Args:
        client: connected to a Redis no role works on.
        steps: from each format to the next one.
        target: the format to arrive at.
        walk: goes through the formats, and may show how far it is.

    Raises:
        ConfigError: the data are newer, or there is no way from their format.
        StoreUnavailableError: Redis does not answer; calling again goes on where it stopped.
    """
    found = await stored_version(client)
    if found > target:
        raise ConfigError(
            f"the conversations are of format {found}, newer than {target}; install a newer GLaDOS, or restore a backup"
        )
    missing = [number for number in range(found, target) if number not in steps]
    if missing:
        raise ConfigError(f"format {missing[0]} cannot be converted; upgrade to an earlier GLaDOS first")
    gone = []
    for number in walk(range(found, target)):
        await steps[number](client)
        await reply_of(client.set(KEY, number + 1))
        gone.append((number, number + 1))
    return gone

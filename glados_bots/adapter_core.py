"""Everything that an adapter process needs from the core, wired once."""

from collections.abc import Callable
from typing import Generic, TypeVar

from glados_bots.commands import Commands
from glados_bots.intake.desk import Desk
from glados_bots.intake.intake import Intake
from glados_bots.operations.exporter import exported
from glados_bots.processes.watchdog import lag_histogram, watched_loop
from glados_bots.settings import Settings
from glados_bots.store.channels import ChannelBook
from glados_bots.store.connection import connect
from glados_bots.store.limits import Limit, Limits
from glados_bots.store.marks import Marks
from glados_bots.store.records import Records
from glados_bots.store.store import Store
from glados_bots.surface import Surface
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from glados_bots.wording.languages import first_known

S = TypeVar("S", bound=Surface)
LOOP_LAG = lag_histogram(labelnames=["platform"])


class AdapterCore(Generic[S]):
    """One platform's store, intake, commands and worker.

    Args:
        settings: the settings of the core.
        platform: the platform's name, as its keys in Redis have it.
        make_surface: makes the adapter's surface; called once.
        server_per_minute: questions per minute and server, if the platform has servers; 0 for no limit.
    """

    def __init__(
        self,
        settings: Settings,
        platform: str,
        make_surface: Callable[[Store, Pacer], S],
        *,
        server_per_minute: int = 0,
    ) -> None:
        self.settings = settings
        self.store = Store(
            connect(settings.resolved_redis_url),
            platform,
            ttl=settings.ttl_of(platform),
            max_exchanges=settings.conversation_max_messages // 2,
            max_queued=settings.conversation_max_queued,
            lease_s=settings.lease,
            limits=_limits(settings, server_per_minute),
            owner=settings.owner,
        )
        key = settings.key
        self.client = InferenceClient(
            settings.resolved_inference_url,
            key,
            show_reasoning=settings.show_reasoning,
            named=settings.inference_model,
            context=settings.inference_context,
        )
        self.pacer = Pacer(self.store.client, self.store.prefix)
        self.marks = Marks(self.store)
        self.records = Records(self.store)
        self.book = ChannelBook(self.store)
        self.intake = Intake(self.store, settings.join_window)
        self.desk = Desk(self.intake, settings.message_max_chars)
        self.commands = Commands(self.store, self.records, self.book, self.client)
        self.surface = make_surface(self.store, self.pacer)
        self.worker = Worker(self.store, self.surface, self.client, self.pacer, settings)

    async def language(self, channel: str, *tags: str) -> str:
        """The language for a reader in a channel: the channel's own, else the first of the reader's `tags` we have.

        Readers without such a tag get the operator's language. The channel's is skipped if Redis is not reachable.
        """
        return await self.book.language(channel, first_known(tags, self.settings.language))

    async def run(self) -> None:
        """Answer turns until `drain` is called. Redis and the model need not be reachable all the time.

        Raises ConfigError when GLADOS_METRICS_PORT is in use, or the data in Redis have another format than ours.
        """
        lag = LOOP_LAG.labels(self.store.platform)
        async with watched_loop(lag.observe), exported(self.settings, self.store):
            await self.worker.run()

    async def drain(self) -> None:
        """Claim no more turns. Running ones get the grace time to finish, the rest continue after the restart."""
        await self.worker.drain(self.settings.grace)

    async def aclose(self) -> None:
        await self.client.aclose()
        await self.store.client.aclose()


def _limits(settings: Settings, server_per_minute: int) -> Limits:
    return Limits(
        Limit(settings.limit_user_per_minute, settings.limit_user_tokens_per_day),
        Limit(settings.limit_channel_per_minute, settings.limit_channel_tokens_per_day),
        Limit(settings.limit_per_minute, settings.limit_tokens_per_day),
        held=settings.max_answer_tokens,
        server=Limit(server_per_minute),
    )

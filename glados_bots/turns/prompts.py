"""Makes the prompts of one turn: the system text, earlier exchanges, the question and what its files bring."""

from collections.abc import Mapping
from dataclasses import replace

from glados_bots.attachments.fitting import retold
from glados_bots.conversation import Exchange, Picture, Turn
from glados_bots.store.leases import Lease
from glados_bots.store.store import Store
from glados_bots.turns.attached import AttachedFiles, Brought, Patience
from glados_bots.turns.served_models import ServedModels
from glados_bots.turns.window import Prompt, fit
from glados_bots.wording.languages import english_name


class Prompts:
    """The history and the files of one turn are read once, and fitted into a window as often as that takes."""

    def __init__(self, store: Store, models: ServedModels, files: AttachedFiles, patiently: Patience) -> None:
        self._store = store
        self._models = models
        self._files = files
        self._patiently = patiently
        self._history: list[Exchange] = []
        self.brought = Brought()

    async def read_history(self, turn: Turn) -> None:
        """Read the exchanges before this turn. A turn that is answered again does not see later exchanges."""
        history = await self._patiently(lambda: self._store.history(turn.conversation))
        turns = [exchange.turn for exchange in history]
        self._history = history[: turns.index(turn.id)] if turn.id in turns else history

    def has_unread(self, turn: Turn) -> bool:
        """Whether files came with the question that nobody has read for this attempt."""
        return bool(turn.attachments) and not self.brought.files

    async def read_files(self, lease: Lease) -> None:
        """Raises LeaseLostError."""
        self.brought.files = await self._files.of(lease, self._patiently)

    async def fitted(self, turn: Turn, model: str, persona: str, budget: int | None) -> Prompt:
        """The prompt within `budget` tokens. Files and pictures are in it as far as there is room, and the model sees.

        `persona` replaces the operator's system text; empty for none.
        """
        sees = self._models.sees.get(model) is not False
        most = self._models.picture_room(model, self.brought.all_pictures, budget) if sees else 0
        room = self._models.file_room(turn, budget, self.brought.all_pictures[:most])
        self.brought.fit(room, most, blind="" if sees else model, seeing=self._models.seeing)
        pictures = {turn.id: self.brought.pictures}
        if sees:
            left = self._models.most_pictures_of(model) - len(self.brought.pictures)
            pictures |= await self._patiently(lambda: self._files.pictures_of(self._history, left))
        history = [_as_shown(exchange, pictures) for exchange in self._history]
        return fit(
            _told_language(persona or self._models.system, turn), history, turn, budget,
            chars_per_token=self._models.chars_per_token, attached=self.brought.text, pictures=pictures,
        )  # fmt: skip


def _as_shown(exchange: Exchange, pictures: Mapping[str, tuple[Picture, ...]]) -> Exchange:
    """An exchange whose words about its pictures are true for the model that is asked now."""
    if not exchange.pictures:
        return exchange
    return replace(exchange, attached=retold(exchange.attached, is_seen=bool(pictures.get(exchange.turn))))


def _told_language(system: str, turn: Turn) -> str:
    """The system text of a turn. `{language}` in it becomes the reader's language."""
    return system.replace("{language}", english_name(turn.language))

"""How a worker speaks to the models: which are served, how long their windows are, how many characters a token has."""

from dataclasses import dataclass, field

from glados_bots.errors import GladosError, InferenceError
from glados_bots.inference.client import InferenceClient
from glados_bots.window import CHARS_PER_TOKEN, Prompt


class UnknownModelError(GladosError):
    """A channel asks for a model that is not served (any more)."""


@dataclass(slots=True)
class Voice:
    """Shared by the turns of one worker, which all learn from each other's figures.

    Attributes:
        system: the text every conversation starts with, unless its channel has a persona.
        max_tokens: longest answer.
        show_model: whether answers name their model.
        named: the default model by the operator's will; empty: the first that is listed.
        context: tokens of prompt and answer together where the service does not say; None: not known.
        patience_s: how long a turn waits for a model that is away.
        served: tokens of prompt and answer together by model, the default model first; empty while not known.
        chars_per_token: present estimate, corrected by every answer.
    """

    system: str
    max_tokens: int
    show_model: bool = False
    named: str = ""
    context: int | None = None
    patience_s: float = 900.0
    served: dict[str, int | None] = field(default_factory=dict)
    chars_per_token: float = CHARS_PER_TOKEN

    async def choose(self, client: InferenceClient, wanted: str) -> str:
        """The model to ask: the wanted one, or the default. What is served is asked for once, and when in doubt.

        Raises:
            UnknownModelError: the wanted one is not served.
            InferenceError: the service does not say.
        """
        if not self.served or (wanted and wanted not in self.served):
            self.served = await self._listed(client)
        if wanted and wanted not in self.served:
            names = ", ".join(self.served)
            raise UnknownModelError(f"this channel is set to the model {wanted}, which is not here any more; "
                                    f"choose one that is: {names}")  # fmt: skip
        return wanted or next(iter(self.served))

    async def _listed(self, client: InferenceClient) -> dict[str, int | None]:
        """What is served, the default first. Not every foreign service has a list; a model that is named needs none."""
        try:
            listed = {model.id: model.context_length or self.context for model in await client.models()}
        except InferenceError:
            if not self.named:
                raise
            listed = {}
        return {self.named: listed.get(self.named, self.context), **listed} if self.named else listed

    def prompt_budget(self, model: str) -> int | None:
        """Tokens a prompt may have; at least half of the window, however long answers may be. None: not known."""
        context = self.served.get(model)
        return None if context is None else max(context - self.max_tokens, context // 2)

    def learn(self, prompt: Prompt, tokens: int) -> None:
        """Correct the estimate by a true figure, leaning to the safe side."""
        if tokens > 0 and prompt.chars:
            self.chars_per_token = max(0.25, 0.95 * prompt.chars / tokens)

    def tokens(self, chars: int) -> int:
        """About how many tokens so many characters are."""
        return round(chars / self.chars_per_token)

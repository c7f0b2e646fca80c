"""Chooses the next token of each sequence in a batch, by the settings of its own request.

transformers' continuous batching runs one chain of processors for all requests of a step, inside its forward pass.
There, this sampler only notes which request each row belongs to. It chooses after the forward pass, row by row, with
the request's own settings and random generator. So a seed gives the same answer whatever else is in the batch (up to
rounding, which depends on the batch's shape). Greedy and sampled requests can mix, a row that fails ends only its own
request, and a captured CUDA graph contains no choice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.transformers_engine.sampling import bound
from glados_bots.inference.transformers_engine.sampling.biasing import biased_rows
from glados_bots.inference.transformers_engine.sampling.choosing import choose
from glados_bots.inference.transformers_engine.sampling.drawing import COLDEST, draw_allowed, draw_rows
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings
from glados_bots.inference.transformers_engine.sampling.scoring import scored


class Sampler(ContinuousBatchingLogitsProcessor):  # type: ignore[misc] # transformers is untyped here
    """The engine's only logits processor. All methods except `add` and `drop` run in the generation thread."""

    supported_kwargs: dict[str, type] = {}  # noqa: RUF012 - the base class declares it so
    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self, on_failure: Callable[[str, Exception], None]) -> None:
        self._settings: dict[str, RowSettings] = {}
        self.rows: list[Any] = []  # the request of each row of the next step, in the library's form
        self._on_failure = on_failure

    def add(self, request_id: str, settings: RowSettings) -> None:
        self._settings[request_id] = settings

    def drop(self, request_id: str) -> None:
        self._settings.pop(request_id, None)

    def scores_prompt(self, request_id: str) -> bool:
        """Whether the request wants the scores of its prompt, so that a scheduler must read all of it."""
        settings = self._settings.get(request_id)
        return settings is not None and settings.prompt_scores is not None

    def keep_scores(self, request_id: str, start: int, scores: torch.Tensor) -> None:
        """Keep the scores after a piece of a prompt, see `PromptScores.add`. A failure ends only this request."""
        settings = self._settings.get(request_id)
        if settings is None or settings.prompt_scores is None:
            return
        try:
            settings.prompt_scores.add(start, scores)
        except torch.OutOfMemoryError:
            raise  # the scheduler repeats the step
        except Exception as error:  # noqa: BLE001 - a failed request must not end the others
            self._on_failure(request_id, error)

    def rewind(self, request_id: str, length: int) -> None:
        """Forget tokens whose step was lost. Args: length: of the prompt and the answer, in tokens, that remain."""
        row = self._settings.get(request_id)
        if row is None:
            return
        count = max(0, length - len(row.prompt))
        for token in row.said[count : row.counted]:
            row.counts[token] -= 1
        row.counts = {token: times for token, times in row.counts.items() if times}
        row.counted = min(row.counted, count)
        del row.said[count:], row.scores[count:]
        if row.matcher:
            row.matcher.rewind(count)

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        """Zero the tensor: we pass nothing through it, and remember the step's rows instead."""
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> torch.Tensor:
        """Remember which request each row of the next step belongs to."""
        self.rows = [request.state for request in requests_with_new_token]
        return torch.zeros(len(self.rows), dtype=torch.int32)

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        """Return the scores unchanged; `choose_all` chooses later."""
        del tensor_arg
        return scores

    def choose_all(self, states: Sequence[Any], scores: torch.Tensor) -> list[int]:
        """The next token of each request. Args: scores (rows, vocabulary), float32, one row per state."""
        rows = self._of(states)
        if all(row is not None and row.temperature < COLDEST and row.is_free for row in rows):
            return [int(token) for token in scores[: len(states)].argmax(dim=-1).tolist()]
        return [self._choose_row(*row) for row in zip(states, rows, scores, strict=False)]

    def choose_on_device(self, states: Sequence[Any], scores: torch.Tensor) -> torch.Tensor:
        """The next token of each request, shape (rows,). Only those that are alone wait for the device."""
        rows = self._of(states)
        scores = scores[: len(rows)]
        changed = biased_rows(scores, {n: row.bias for n, row in enumerate(rows) if row and row.bias})
        tokens = draw_rows(changed, rows)
        for index, (state, row) in enumerate(zip(states, rows, strict=True)):
            if row is not None and row.is_alone:
                tokens[index] = self._choose_row(state, row, scores[index])
        forms = {place: row.matcher for place, row in enumerate(rows) if row and row.matcher and not row.is_alone}
        if forms:
            self._bind(states, rows, changed, tokens, forms)
        return tokens

    def _bind(
        self,
        states: Sequence[Any],
        rows: Sequence[RowSettings | None],
        scores: torch.Tensor,
        tokens: torch.Tensor,
        forms: Mapping[int, Matcher],
    ) -> None:
        """Draw again, and change `tokens`, where a row's form does not allow the drawn one. Waits for the device."""
        drawn = zip(forms.items(), tokens[list(forms)].tolist(), strict=True)
        wrong = bound.masks(
            {place: (matcher, token) for (place, matcher), token in drawn},
            lambda place, error: self._on_failure(states[place].request_id, error),
        )
        if not wrong:
            return
        places, allowed = list(wrong), torch.stack(list(wrong.values())).to(scores.device)
        again = draw_allowed(scores[places], [row for place in places if (row := rows[place])], allowed)
        tokens[places] = again
        for place, token in zip(places, again.tolist(), strict=True):
            forms[place].take(token)

    def _of(self, states: Sequence[Any]) -> list[RowSettings | None]:
        """The settings of each request; None for a cancelled request, whose token is discarded."""
        return [self._settings.get(state.request_id) for state in states]

    def _choose_row(self, state: Any, settings: RowSettings | None, scores: torch.Tensor) -> int:
        if settings is None:
            return 0
        try:
            token = choose(scores, settings, settings.said)
            if settings.logprobs is not None:
                settings.scores.append(scored(scores, token, settings.logprobs))
        except Exception as error:  # noqa: BLE001 - a failed request must not end the others
            self._on_failure(state.request_id, error)
            return 0
        settings.said.append(token)
        return token

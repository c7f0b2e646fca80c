"""Makes the library's forward pass end with scores, and chooses tokens after it.

The library chooses tokens inside the pass. No code in a captured CUDA graph may read a number, but penalties, forbidden
words and seeds per request need that. So the captured part stores the scores in a separate tensor, and we choose tokens
after it has run. On a GPU nothing waits for this, so batching stays asynchronous; only requests that look back at their
own tokens wait for their row.
"""

from types import SimpleNamespace
from typing import Any

import torch
from transformers.generation.continuous_batching.utils import stream_context

from glados_bots.inference.transformers_engine.sampling.sampler import Sampler


class AfterForward:
    """Replaces parts of one batch processor's model runner; see `install`."""

    def __init__(self, processor: Any, sampler: Sampler, vocabulary: int) -> None:
        self._places = processor.inputs_and_outputs
        self._sampler = sampler
        rows = processor.cb_config.max_requests_per_batch
        self._scores = torch.zeros(rows, vocabulary, device=processor.model_device)
        self._forward = processor.model_runner.compute_batch

    def keep(self, scores: torch.Tensor, output_ids: torch.Tensor) -> None:
        """Replaces the library's choice. Args: scores (1, rows, vocabulary); output_ids stay as they are."""
        del output_ids
        self._scores[: scores.shape[1]].copy_(scores[0])

    def compute(self, model: Any, batch_data: Any) -> None:
        """Run the forward pass, then write the tokens of its rows to where the library reads them."""
        states = self._sampler.rows
        _, _, output_ids = self._places.get_cb_kwargs()
        self._forward(model, batch_data)
        if not states:
            return
        with stream_context(self._places.compute_stream):
            if self._scores.device.type == "cpu":
                tokens = torch.tensor(self._sampler.choose_all(states, self._scores))
            else:
                tokens = self._sampler.choose_on_device(states, self._scores)
            output_ids[0, : len(states)].copy_(tokens)


def install(processor: Any, sampler: Sampler, vocabulary: int) -> None:
    """Install the sampler. Call this before the first request, and before the library captures graphs."""
    after, runner = AfterForward(processor, sampler, vocabulary), processor.model_runner
    runner.logit_processor = SimpleNamespace(do_processing=False)
    runner._sample = after.keep  # noqa: SLF001 - the library has no hook between forward pass and choice
    runner.compute_batch = after.compute

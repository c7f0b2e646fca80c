"""Makes the library's forward pass end with scores, and chooses tokens after it.

The library chooses tokens inside the pass. No code in a captured CUDA graph may read a number, but penalties, forbidden
words and seeds per request need that. So the captured part stores the scores in a separate tensor, and we choose tokens
after it has run. On a GPU nothing waits for this, so batching stays asynchronous; only requests that look back at their
own tokens wait for their row.

A step that reads a prompt whose scores are wanted ends with the scores of more tokens, so it runs without a graph.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from transformers.generation.continuous_batching.utils import stream_context

from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.sampling.wanted import Wanted


class AfterForward:
    """Replaces parts of one batch processor's model runner; see `install`."""

    def __init__(self, processor: Any, sampler: Sampler, vocabulary: int) -> None:
        self._places = processor.inputs_and_outputs
        self._sampler = sampler
        rows = processor.cb_config.max_requests_per_batch
        self._scores = torch.zeros(rows, vocabulary, device=processor.model_device)
        self._runner = processor.model_runner
        self._forward = self._runner.compute_batch
        self._prepare = self._places.prepare_batch_tensors
        self._wanted = Wanted((), sampler)
        self._of_wanted = self._scores  # the scores of a step that reads such a prompt

    def prepare(self, requests_in_batch: Sequence[Any], *args: Any, **kwargs: Any) -> None:
        """Do what the library does before a step, and note which tokens are wanted."""
        self._prepare(requests_in_batch, *args, **kwargs)
        self._wanted = Wanted(requests_in_batch, self._sampler)

    def keep(self, scores: torch.Tensor, output_ids: torch.Tensor) -> None:
        """Replaces the library's choice. Args: scores (1, rows, vocabulary); output_ids stay as they are."""
        del output_ids
        if self._wanted.has_prompts:
            self._of_wanted = scores[0].to(self._scores.device)
        else:
            self._scores[: scores.shape[1]].copy_(scores[0])

    def compute(self, model: Any, batch_data: Any) -> None:
        """Run the forward pass, then write the tokens of its rows to where the library reads them."""
        states = self._sampler.rows
        _, _, output_ids = self._places.get_cb_kwargs()
        if self._wanted.has_prompts:
            scores = self._read_prompts(model, batch_data)
        else:
            self._forward(model, batch_data)
            scores = self._scores
        if not states:
            return
        with stream_context(self._places.compute_stream):
            if scores.device.type == "cpu":
                tokens = torch.tensor(self._sampler.choose_all(states, scores))
            else:
                tokens = self._sampler.choose_on_device(states, scores)
            output_ids[0, : len(states)].copy_(tokens)

    def _read_prompts(self, model: Any, batch_data: Any) -> torch.Tensor:
        """Run the pass for all wanted tokens, and keep the scores of prompts. Returns those to choose from."""
        with stream_context(self._places.compute_stream):
            places = torch.tensor(list(self._wanted.places), device=batch_data["input_ids"].device)
            batch_data["logits_indices"] = places
            if self._runner.supports_logits_to_keep(model):
                batch_data["logits_to_keep"] = places
            self._runner._forward_process_and_sample(model, batch_data, *self._places.get_cb_kwargs())  # noqa: SLF001
            scores, self._of_wanted = self._of_wanted, self._scores
            return self._wanted.chosen_from(scores)


def install(processor: Any, sampler: Sampler, vocabulary: int) -> None:
    """Install the sampler. Call this before the first request, and before the library captures graphs."""
    after, runner = AfterForward(processor, sampler, vocabulary), processor.model_runner
    runner.logit_processor = SimpleNamespace(do_processing=False)
    runner._sample = after.keep  # noqa: SLF001 - the library has no hook between forward pass and choice
    runner.compute_batch = after.compute
    processor.inputs_and_outputs.prepare_batch_tensors = after.prepare

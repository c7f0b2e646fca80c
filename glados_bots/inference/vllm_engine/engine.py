"""The engine on vLLM, for fast GPUs: our service starts its own `vllm serve`.

vLLM pins other versions of transformers than we do, so it has its own environment, from which we start it
(GLADOS_VLLM_COMMAND). We make the prompts here, with the same cards, and send token ids. So users cannot forge turns,
just as with our own engine.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from transformers import AutoConfig, GenerationConfig

from glados_bots.errors import ConfigError, EngineDeadError, GenerationFailedError
from glados_bots.inference.card_engine import CardEngine, EngineRequest, chosen
from glados_bots.inference.decoding.answer import Tokens
from glados_bots.inference.decoding.logprobs import Scored
from glados_bots.inference.engine import EngineOptions, EngineStats
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.loras import BASE_NAME, loras_of
from glados_bots.inference.model_files.shapes import wanted_window, window_of
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.vllm_engine import scoring
from glados_bots.inference.vllm_engine.loras import VllmLoras, run_time_loading
from glados_bots.inference.vllm_engine.process import VllmProcess
from glados_bots.wire.event_stream import EventStream
from glados_bots.wire.events import FinishReason, Sampling

log = logging.getLogger(__name__)


class VllmEngine(CardEngine):
    """One model, computed by vLLM. See `Engine` for the contract."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        super().__init__(card, options)
        self._loras = loras_of(card, options.loras, base_only=options.base_only)
        self._vllm = VllmProcess(options.vllm_command)
        self._shelf = VllmLoras(card, options, self._loras, self._vllm)

    async def start(self) -> None:
        """Start vLLM and wait until it has loaded the model. Raises ConfigError with vLLM's own reason if it fails."""
        try:
            folder = await asyncio.to_thread(self._read)
            await asyncio.to_thread(self.forms.compiler.prepare)
        except (ValueError, RuntimeError, AttributeError, ImportError, OSError, KeyError, TypeError) as error:
            raise ConfigError(f"{self._card.name}: cannot read its files ({error}); choose another model") from error
        if self._card.sampling.no_repeat_ngram_size:
            log.warning("%s: vLLM has no no_repeat_ngram_size; ignoring the card's value", self._card.name)
        await self._vllm.start(self._arguments(folder), _environment(self._options))

    async def stop(self) -> None:
        await self._vllm.stop()

    def _read(self) -> Path:
        folder = weights.fetch(self._card, self._options.data_dir, self._options.hf_token)
        config = AutoConfig.from_pretrained(folder)
        window = wanted_window(self._card, window_of(config), self._options.context_length)
        self._encoder = Encoder(self._card, folder, config.get_text_config(), window)
        has_config = (folder / "generation_config.json").is_file()
        generation = GenerationConfig.from_pretrained(folder) if has_config else GenerationConfig()
        self._ends = sorted(self._encoder.ends(generation))
        return folder

    def _arguments(self, folder: Path) -> list[str]:
        options = self._options
        if options.quantize in {"8bit", "4bit"}:
            raise ConfigError(
                f"GLADOS_QUANTIZE={options.quantize}: vLLM does not quantise weights while it loads them; "
                "choose a quantised model, or use --engine transformers"
            )
        names = [self._card.name] if self._card.name not in self._loras else [BASE_NAME]
        arguments = [
            str(folder), "--served-model-name", *names, "--max-model-len", str(self.encoder.context),
            "--max-num-seqs", str(options.max_running), "--dtype", options.dtype, "--enable-prefix-caching",
            "--enable-prompt-tokens-details", "--generation-config", "vllm",
            "--structured-outputs-config", json.dumps({"backend": "guidance"}),
        ]  # fmt: skip
        if options.multi_gpu:
            import torch  # noqa: PLC0415 - only to count the GPUs

            arguments += ["--tensor-parallel-size", str(max(1, torch.cuda.device_count()))]
        return [*arguments, *self._shelf.arguments(), *options.vllm_arguments]

    def _body(self, request: EngineRequest, prompt: list[int], limit: int) -> dict[str, Any]:
        """What we ask of vLLM. Forbidden words are also stop strings, because vLLM forbids only their usual tokens.

        With a form, neither is sent: both could break it.
        """
        card, sampling, form = self._card.sampling, request.sampling, request.form
        body = {
            "model": request.model or self.models[0],
            "prompt": prompt,
            "max_tokens": limit,
            "stream": True,
            "stream_options": {"include_usage": True},
            **scoring.wished(sampling.logprobs),
            "temperature": chosen(sampling.temperature, card.temperature),
            "top_p": chosen(sampling.top_p, card.top_p),
            "top_k": chosen(sampling.top_k, card.top_k),
            "repetition_penalty": chosen(sampling.repetition_penalty, card.repetition_penalty),
            "presence_penalty": sampling.presence_penalty,
            "frequency_penalty": sampling.frequency_penalty,
            "stop": self._stops(sampling) if form is None else None,
            "stop_token_ids": [*self._ends, *sampling.stop_tokens],
            "return_token_ids": True,  # the text would lack special tokens, which mark the reasoning
            "skip_special_tokens": False,
            "bad_words": list(self._card.bad_words) if form is None else None,
            "structured_outputs": {"grammar": form.lark(prompt)} if form else None,
            "seed": sampling.seed,
            "min_p": sampling.min_p or None,
            "min_tokens": sampling.min_tokens or None,
            "logit_bias": {str(token): value for token, value in sampling.logit_bias.items()} or None,
            "cache_salt": request.domain or None,
        }
        return {name: value for name, value in body.items() if value is not None}

    def _stops(self, sampling: Sampling) -> list[str]:
        return [*super()._stops(sampling), *self._card.bad_words]

    async def _answer(self, request: EngineRequest, prompt: list[int], limit: int) -> AsyncGenerator[Tokens]:
        """Read vLLM's stream. If the reader leaves, vLLM stops computing. The last tokens wait for the usage.

        The request has no pictures: vLLM takes them in chats only, and we send it tokens. So no model is in `seeing`.
        """
        reason: FinishReason = "stop"
        usage: dict[str, Any] = {}
        last = Tokens(())
        async with aclosing(self._chunks(self._body(request, prompt, limit))) as chunks:
            async for chunk in chunks:
                usage = chunk.get("usage") or usage
                for choice in chunk.get("choices", ()):
                    ids, scores = _ids(choice), scoring.of_choice(choice, request.sampling.logprobs)
                    if choice.get("finish_reason"):
                        last = Tokens(ids, scores=scores)
                        reason = "length" if choice["finish_reason"] == "length" else "stop"
                    elif ids:
                        yield Tokens(ids, scores=scores)
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        yield replace(last, cached=cached, reason=reason)

    async def _score(self, request: EngineRequest, prompt: list[int], count: int) -> list[Scored]:
        """Let vLLM score the prompt. It scores none in a stream, and always answers with a token."""
        request = replace(request, sampling=Sampling(temperature=0.0), form=None)
        body = self._body(request, prompt, 1) | {"prompt_logprobs": count, "stream": False}
        del body["stream_options"]
        with self._our_errors():
            response = await self._vllm.http.post("/v1/completions", json=body)
            _require(response, response.text)
            return scoring.of_prompt(response.json()["choices"][0], prompt, count)

    async def _chunks(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The events of one request. Raises GenerationFailedError, or EngineDeadError if vLLM has ended."""
        with self._our_errors():
            async with self._vllm.http.stream("POST", "/v1/completions", json=body) as response:
                _require(response, (await response.aread()).decode("utf-8", "replace") if response.is_error else "")
                stream = EventStream()
                async for piece in response.aiter_bytes():
                    for _, data in stream.feed(piece):
                        if data == "[DONE]":
                            return
                        chunk = json.loads(data) if data else {}
                        if "error" in chunk:
                            raise GenerationFailedError(f"this answer failed inside vLLM: {chunk['error']}")
                        if chunk:
                            yield chunk
            raise httpx.RemoteProtocolError("the stream ended before the answer did")

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Raise GenerationFailedError for an error of HTTP, or EngineDeadError if vLLM has ended."""
        try:
            yield
        except httpx.HTTPError as error:
            if self.fatal:
                raise EngineDeadError(self.fatal) from error
            raise GenerationFailedError(f"vLLM ended this answer early: {error!r}") from error

    @property
    def shelf(self) -> VllmLoras:
        return self._shelf

    @property
    def fatal(self) -> str | None:
        return self._vllm.fatal

    def stats(self) -> EngineStats:
        """The current counts; those of the cache are vLLM's last report."""
        return EngineStats(self._line.waiting, self._line.running, *self._vllm.pages)


def _require(response: httpx.Response, text: str) -> None:
    if response.is_error:
        raise GenerationFailedError(f"vLLM refused this request: {text[:300]}")


def _ids(choice: dict[str, Any]) -> list[int]:
    """The new tokens of a chunk. Raises GenerationFailedError if vLLM sends text alone."""
    ids = choice.get("token_ids")
    if ids is None and choice.get("text"):
        raise GenerationFailedError("this vLLM does not send token ids; install a newer one")
    return list(ids or ())


def _environment(options: EngineOptions) -> dict[str, str]:
    """Variables for vLLM: no usage reports, no hub, none of our tokens, and on a CPU the size of the cache."""
    quiet = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"}
    cache = {} if options.cache_gb is None else {"VLLM_CPU_KVCACHE_SPACE": str(max(1, round(options.cache_gb)))}
    others = {name: value for name, value in os.environ.items() if not name.startswith("GLADOS_")}
    return {**others, **quiet, **cache, **run_time_loading(options)}

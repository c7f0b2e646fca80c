"""The forms of one model's answers."""

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.grammars import blame, sources
from glados_bots.inference.grammars.compiler import Compiler
from glados_bots.inference.grammars.form import Form
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.wire.events import Grammar, Sampling


class Forms:
    """Makes them in a thread of their own, so that nobody's words wait for a form to be compiled.

    Args:
        encoder: of the model.
        ends: tokens that end an answer.
    """

    def __init__(self, encoder: Encoder, ends: Collection[int]) -> None:
        self.compiler = Compiler(encoder.tokenizer, encoder.vocabulary, ends, encoder.marks)
        self._decode = encoder.tokenizer.decode
        self._thread = ThreadPoolExecutor(1, "forms")

    async def of(self, sampling: Sampling, prompt: Sequence[int], *, raw: bool) -> Form | None:
        """The form of an answer, if the request wants one.

        Args:
            sampling: the wishes of the request.
            prompt: token ids.
            raw: see `Form`.

        Raises:
            ParameterRefusedError: it cannot be kept, or not beside another wish.
        """
        if sampling.grammar is None:
            return None
        if sampling.stop_tokens:
            raise ParameterRefusedError(
                "stop_token_ids", "an answer with a form ends where the form does; leave it out"
            )
        make = partial(self._made, sampling.grammar, prompt, raw=raw)
        return await asyncio.get_running_loop().run_in_executor(self._thread, make)

    def _made(self, grammar: Grammar, prompt: Sequence[int], *, raw: bool) -> Form:
        source, is_written = sources.lark(grammar), grammar.kind == "grammar"
        try:
            return Form(self.compiler, source, grammar.field, prompt, self._decode, raw=raw, is_written=is_written)
        except ParameterRefusedError as error:
            raise blame.located(grammar, error) from error

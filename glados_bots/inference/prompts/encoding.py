"""Converts between messages and tokens, for every engine.

It handles prompts in the card's format, the room that they leave, reasoning that a template opens, and forbidden words.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from glados_bots.conversation import Message, Picture
from glados_bots.errors import (
    GenerationFailedError,
    ParameterRefusedError,
    PromptRefusedError,
    PromptTooLongError,
)
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.prompts.chat_template import ChatTemplate
from glados_bots.inference.prompts.formats import as_read, chat_prompt, glados_prompt, special_strings, tools_as_read
from glados_bots.inference.prompts.reasoning_marks import CodedReasoning, ReasoningMarks
from glados_bots.inference.prompts.template_variables import TemplateVariables
from glados_bots.inference.prompts.token_texts import TokenTexts
from glados_bots.inference.prompts.turn_marks import TurnMarks
from glados_bots.inference.tools.envelope import in_text
from glados_bots.inference.tools.formats import TEXT_MARKS
from glados_bots.inference.tools.spelling import Spellings
from glados_bots.wire.events import Sampling, Tool

NO_WISHES = Sampling()
SHORTEST_ANSWER = 16  # tokens that must be left for the answer
IN_TEXT = TurnMarks(TEXT_MARKS)  # of calls that stand in texts
TAIL = 24  # tokens searched for a forbidden word, or for the opening of reasoning


class Encoder:
    """One card with its tokenizer. Several threads may call its methods.

    Args:
        card: the model's card.
        folder: folder of its tokenizer.
        config: the model's text config, from transformers.
        context: the window that is served, in tokens of prompt and answer together.
    """

    def __init__(self, card: Card, folder: Path, config: Any, context: int) -> None:
        self._card = card
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.context = context
        self.vocabulary: int = config.vocab_size  # rows of the embedding; a larger token id would crash all requests
        self.texts = TokenTexts(self.tokenizer)
        self._specials = special_strings(self.tokenizer)
        self.marks = ReasoningMarks(self.tokenizer, card.reasoning)
        own = card.prompt_format == "chat_template"
        self._template = ChatTemplate(self.tokenizer, self._specials) if own else None
        self.spellings = Spellings(self.tokenizer, self._template.format if self._template else None)
        self._picture = ""  # what the template writes for a picture; `require_pictures` finds it
        self.variables = TemplateVariables(self._template, card.thinking)  # type: ignore[arg-type] # a level is a text

    def encode(
        self, messages: Sequence[Message], sampling: Sampling = NO_WISHES, pictures: Sequence[str] = ()
    ) -> list[int]:
        """The prompt as token ids. People's text never becomes a control token, and none stands for a picture.

        Args:
            messages: the conversation.
            sampling: the wishes of the request.
            pictures: what stands for each picture of the messages.

        Raises:
            ParameterRefusedError: the request wants a variable or a level of thinking that the template lacks.
            PromptRefusedError: the template leaves out pictures, or refuses the messages.
        """
        variables = self.variables.of(sampling)
        tools: Sequence[Tool] = sampling.tools.tools if sampling.tools else ()
        if not self.spellings.of(sampling).form.is_native:
            messages, tools = in_text(messages, sampling.tools, IN_TEXT.broken), ()
        messages = as_read(messages, self.tokenizer)
        if self._template is None:
            if pictures:
                raise PromptRefusedError("the format of the first GLaDOS has no pictures")
            return list(self.tokenizer(glados_prompt(messages, self._specials))["input_ids"])
        tools = tools_as_read(tools, self.tokenizer)
        text = chat_prompt(messages, self._specials, self.tokenizer, self._template, variables, tools=tools)
        if pictures:
            text = self._shown(text, pictures)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def raw(self, prompt: str | Sequence[int], *, special: bool = True) -> list[int]:
        """The tokens of a prompt that is not a conversation. Names of control tokens in its text become these tokens.

        Args:
            prompt: text, or token ids.
            special: whether to add the tokens with which the tokenizer begins every text.

        Raises:
            ParameterRefusedError: the prompt is empty, or holds numbers that are no tokens of this model.
        """
        if isinstance(prompt, str):
            tokens = list(self.tokenizer(prompt, add_special_tokens=special)["input_ids"])
        else:
            tokens = list(prompt)
            self.require_tokens("prompt", tokens)
        if not tokens:
            raise ParameterRefusedError("prompt", "it has no tokens; give some text")
        return tokens

    def info(self) -> dict[str, str | None]:
        """The tokenizer's kind, its control tokens and the chat template, by the names of transformers."""
        names = ("bos_token", "eos_token", "pad_token")
        told = {name: getattr(self.tokenizer, name, None) for name in names}
        template = self.tokenizer.chat_template if self._template else None
        return {"tokenizer_class": type(self.tokenizer).__name__, **told, "chat_template": template}

    def require_tokens(self, field: str, tokens: Iterable[int]) -> None:
        """Raise ParameterRefusedError, which names the field, if a number is no token of this model."""
        wrong = next((token for token in tokens if not 0 <= token < self.vocabulary), None)
        if wrong is not None:
            raise ParameterRefusedError(
                field, f"{wrong} is no token of this model; its tokens are 0 to {self.vocabulary - 1}"
            )

    def require_pictures(self, written: str, *others: str) -> None:
        """Prepare for pictures. Raises PromptRefusedError if the template shows none, or people could imitate one.

        Args:
            written: what the chat template writes for a picture.
            others: further texts that stand for pictures.
        """
        if not {written, *others} <= set(self._specials):
            raise PromptRefusedError("its tokenizer has no control token for pictures")
        self._picture = written
        self.encode([Message("user", "Hi", (Picture("", "", 1, 1),))], pictures=[written])

    def _shown(self, text: str, pictures: Sequence[str]) -> str:
        pieces = text.split(self._picture) if self._picture else [text]
        if len(pieces) != len(pictures) + 1:
            raise PromptRefusedError(f"it shows {len(pieces) - 1} of {len(pictures)} pictures")
        return "".join(map("".join, zip_longest(pieces, pictures, fillvalue="")))

    def room(self, prompt: Sequence[int], least: int = SHORTEST_ANSWER) -> int:
        """Number of tokens that are left for the answer.

        Raises:
            PromptTooLongError: fewer than `least` are left.
            GenerationFailedError: the tokenizer and the model do not belong together.
        """
        room = self.context - len(prompt)
        if room < least:
            raise PromptTooLongError(len(prompt), self.context - least, self.context)
        if max(prompt) >= self.vocabulary:
            raise GenerationFailedError("the tokenizer has tokens that the model lacks; they do not belong together")
        return room

    def ends(self, generation_config: Any) -> set[int]:
        """All tokens that end an answer, from the model's generation config and from the tokenizer."""
        ends = generation_config.eos_token_id
        several = ends if isinstance(ends, list) else [ends]
        return {token for token in (*several, self.tokenizer.eos_token_id) if token is not None}

    def reasoning(self, prompt: Sequence[int], *, calls: bool = False) -> CodedReasoning:
        """The reader of one answer. If the template itself opens the reasoning, the model generates only its end.

        Args:
            prompt: token ids.
            calls: whether the answer may hold calls of tools.
        """
        return self.marks.reader(self.tokenizer.decode(prompt[-TAIL:]), calls=calls)

    def closing(self, reasoning: CodedReasoning) -> list[int]:
        """The tokens that end the reasoning of an answer now."""
        return list(self.tokenizer(self.marks.written(reasoning.closing), add_special_tokens=False)["input_ids"])

    def completes_bad_word(self, generated: Sequence[int], token: int) -> bool:
        """Whether this token, after the generated ones, would complete a word that the model must not say."""
        tail = list(generated[-TAIL:])
        before, after = (self.tokenizer.decode(tokens, skip_special_tokens=True) for tokens in (tail, [*tail, token]))
        return any(after.count(word) > before.count(word) for word in self._card.bad_words)

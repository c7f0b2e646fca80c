"""Requests of POST /tokenize and POST /detokenize, checked field by field. Source: vLLM's "Tokenizer API"."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from glados_bots.inference.api import fields
from glados_bots.inference.api.chat.messages import ChatMessage
from glados_bots.inference.api.chat.requests import MOST_MESSAGES
from glados_bots.inference.api.chat.tools import Tools, tool_use
from glados_bots.inference.api.checking import MOST_TOKENS, TOO_LONG, StrictSchema, TemplateKwargs, Text, are_too_long
from glados_bots.inference.api.choosing import TokenId
from glados_bots.wire.events import Sampling


class TokenizeRequest(StrictSchema):
    """Body of POST /tokenize: a raw prompt, or a conversation, which gets the prompt that the model would read."""

    harmless = fields.HARMLESS

    model: Annotated[Text, Field(max_length=500)] | None = None
    prompt: Text | None = None
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)] | None = None
    add_special_tokens: bool | None = None
    return_token_strings: bool | None = None
    tools: Tools | None = None
    chat_template_kwargs: TemplateKwargs | None = None

    @field_validator("prompt", "messages")
    @classmethod
    def _is_bounded(cls, value: str | list[ChatMessage] | None) -> str | list[ChatMessage] | None:
        if are_too_long([value] if isinstance(value, str) else (message.words for message in value or ())):
            raise ValueError(TOO_LONG)
        return value

    @model_validator(mode="after")
    def _is_one(self) -> "TokenizeRequest":
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give either prompt or messages")
        if self.messages is not None and self.add_special_tokens:
            raise ValueError("add_special_tokens is for a prompt; the chat template begins a conversation")
        return self

    def sampling(self) -> Sampling:
        """The wishes that change a conversation's prompt."""
        tools = tool_use(self.tools or (), None, parallel=True)
        return Sampling(tools=tools, variables=self.chat_template_kwargs or {})


class DetokenizeRequest(StrictSchema):
    """Body of POST /detokenize."""

    harmless = fields.HARMLESS

    model: Annotated[Text, Field(max_length=500)] | None = None
    tokens: Annotated[list[TokenId], Field(max_length=MOST_TOKENS)]

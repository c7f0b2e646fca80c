"""The fields of a request that ask for the form of the answer, for every endpoint that offers them.

Sources: the OpenAI API reference ("response_format"), and vLLM's "Structured outputs" (`structured_outputs`, and the
older `guided_*`). What the form itself may hold is checked in a thread, see grammars/sources.py.
"""

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from glados_bots.inference.api.checking import StrictSchema, Text, or_none
from glados_bots.wire.events import Grammar, GrammarKind

MOST_CHOICES = 10_000
Schema = dict[str, Any] | bool
Choices = Annotated[Annotated[list[Text], Field(max_length=MOST_CHOICES)] | None, BeforeValidator(or_none)]
Expression = Annotated[Text | None, BeforeValidator(or_none)]


class NamedSchema(StrictSchema):
    """A JSON schema with a name. We keep every schema strictly, whatever `strict` says."""

    harmless: ClassVar[frozenset[str]] = frozenset(["description", "name"])  # for people, and for tools of a model

    schema_: Schema = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(StrictSchema):
    """OpenAI's `response_format`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> "ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("give json_schema with the type json_schema, and with no other type")
        return self

    @property
    def grammar(self) -> Grammar | None:
        if self.json_schema is not None:
            return _schema(self.json_schema.schema_, "response_format.json_schema.schema")
        return Grammar("json_object", field="response_format") if self.type == "json_object" else None


class StructuredOutputs(StrictSchema):
    """VLLM's `structured_outputs`: exactly one of its fields."""

    # A compact document is all that we write
    harmless: ClassVar[frozenset[str]] = frozenset(["disable_any_whitespace", "disable_fallback"])

    json_: Schema | Text | None = Field(None, alias="json")
    regex: Expression = None
    choice: Choices = None
    grammar: Expression = None
    json_object: bool | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "StructuredOutputs":
        if len(self.grammars("structured_outputs.")) != 1:
            raise ValueError("give exactly one of json, regex, choice, grammar and json_object")
        return self

    def grammars(self, prefix: str) -> list[Grammar]:
        """The forms that the fields name. Args: prefix: of the names of the fields."""
        found = [
            None if self.json_ is None else _schema(self.json_, f"{prefix}json"),
            _text("regex", self.regex, f"{prefix}regex"),
            None if self.choice is None else Grammar("choice", json.dumps(self.choice), f"{prefix}choice"),
            _text("grammar", self.grammar, f"{prefix}grammar"),
            Grammar("json_object", field=f"{prefix}json_object") if self.json_object else None,
        ]
        return [one for one in found if one is not None]


class WithForm(StrictSchema):
    """The fields of a request for the form of its answer. At most one of them may be given."""

    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    guided_json: Schema | Text | None = None
    guided_regex: Expression = None
    guided_choice: Choices = None
    guided_grammar: Expression = None

    @model_validator(mode="after")
    def _has_one_form(self) -> "WithForm":
        if len(found := self._grammars()) > 1:
            names = " and ".join(grammar.field.partition(".")[0] for grammar in found)
            raise ValueError(f"{names} each ask for a form of the answer; give one of them")
        return self

    @property
    def grammar(self) -> Grammar | None:
        """The form that the whole answer must have."""
        return next(iter(self._grammars()), None)

    def _grammars(self) -> list[Grammar]:
        guided = StructuredOutputs.model_construct(
            json_=self.guided_json, regex=self.guided_regex, choice=self.guided_choice, grammar=self.guided_grammar
        )
        ours = self.response_format.grammar if self.response_format else None
        return [
            *([ours] if ours else []),
            *(self.structured_outputs.grammars("structured_outputs.") if self.structured_outputs else []),
            *guided.grammars("guided_"),
        ]


def _schema(schema: Schema | str, field: str) -> Grammar:
    """Args: schema: an object, or the JSON of one."""
    try:
        return Grammar("json_schema", schema if isinstance(schema, str) else json.dumps(schema), field)
    except RecursionError as error:
        raise ValueError(f"{field}: it is nested too deeply; use $defs and $ref") from error


def _text(kind: GrammarKind, value: str | None, field: str) -> Grammar | None:
    return None if value is None else Grammar(kind, value, field)

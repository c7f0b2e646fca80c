"""The shape of every request: strict types, and the fields that several endpoints share."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from glados_bots.inference.api import fields

MOST_STOPS = 16
MOST_TOKENS = 1_000_000
LARGEST_TOKEN = 2**31 - 1  # no model has more ids of tokens
MOST_WORDS = 2 * 2**20  # bytes of all texts together; only pictures make a body larger
TOO_LONG = f"the texts may have at most {MOST_WORDS} bytes together; send fewer or shorter messages"
LEAST_TOP_P = 1e-6  # at this value and below, only the likeliest token remains; float32 has no much smaller values


def well_formed(text: str) -> str:
    """Refuse half of a surrogate pair: JSON can hold it, but no tokenizer and no UTF-8 stream can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair is not a character") from error
    return text


def are_too_long(texts: Iterable[str]) -> bool:
    """Whether these texts of one request have more than MOST_WORDS bytes together."""
    return sum(len(text.encode()) for text in texts) > MOST_WORDS


def listed(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


def or_unlimited(value: Any) -> Any:
    return None if type(value) is int and value == fields.UNLIMITED else value


def whole(value: Any) -> Any:
    """JSON has one kind of number, so that 8.0 is an integer. Larger ones than 64 bits stay, and are refused."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value


def refused(remedy: str, *neutral: Any) -> Callable[[Any], Any]:
    """Refuses a field with the remedy. Args: neutral: values that ask for nothing, beside null, false and empty."""

    def check(value: Any) -> Any:
        if value not in (None, False, "", [], {}, *neutral):
            raise ValueError(remedy)
        return value

    return check


def is_token(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_TOKEN


def or_nothing(value: Any) -> Any:
    return None if value in (False, "", []) else value


def or_none(value: Any) -> Any:
    return None if value in ("", []) else value


Text = Annotated[str, AfterValidator(well_formed)]
StopString = Annotated[Text, Field(min_length=1, max_length=200)]
StopStrings = Annotated[list[StopString], Field(max_length=MOST_STOPS)]
NotOffered = Annotated[Any, AfterValidator(refused("not offered by this service; leave it out"))]
TokenLimit = Annotated[Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None, BeforeValidator(or_unlimited)]
Effort = Literal["none", "minimal", "low", "medium", "high"]
EFFORT_OF_SWITCH = {None: None, True: "medium", False: "none"}
TemplateName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
TemplateValue = Annotated[Text, Field(max_length=1_000)] | int | float | bool | None
TemplateKwargs = Annotated[dict[TemplateName, TemplateValue], Field(max_length=16)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class StrictSchema(BaseModel):
    """Strict types: "5" is not 5, true is not 1, NaN is not a number, and a field that we do not read is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    harmless: ClassVar[frozenset[str]] = frozenset()  # fields that are ignored

    @model_validator(mode="before")
    @classmethod
    def _without_noise(cls, values: Any) -> Any:
        read = {field.alias or name for name, field in cls.model_fields.items()}
        told = fields.without_noise(values, read, cls.harmless)
        return {name: whole(value) for name, value in told.items()} if isinstance(told, dict) else told

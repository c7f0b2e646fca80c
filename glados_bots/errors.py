"""Every error the project raises on purpose, as one tree.

GladosError                 the person who caused it may read its text
├── ConfigError             a setting, card or file is wrong: fix it and start again
├── StoreUnavailableError   Redis does not answer; nothing is lost, try again later
├── InferenceError          the inference service could not answer
│   ├── ServiceUnavailableError   it is not reachable, starting or stopping: worth waiting for
│   └── RequestRejectedError      it refused this request: a retry does not help
└── EngineError             raised by an engine inside the service
    ├── PromptTooLongError
    ├── PromptRefusedError        the model's chat template refuses these messages
    ├── ParameterRefusedError     this model cannot do what a field of the request asks for
    ├── PictureRefusedError       a picture of the request is none, is damaged, or is too large
    ├── InputRefusedError         a text to embed, or a wish about its vector, cannot be met
    ├── LoraRefusedError          a LoRA cannot be loaded or unloaded now
    ├── ModelNotServedError       the model was unloaded before the request began
    ├── QueueFullError
    ├── GenerationFailedError     this one request failed; the engine lives
    │   └── FormTooHardError      the form that it asks for takes too much work
    └── EngineDeadError           the engine is broken; the process must restart
"""

from glados_bots.wording.sentence import NOTHING, Sentence

EXIT_CONFIG = 2  # exit code after a ConfigError: a restart would not help


def first_line(error: Exception) -> str:
    """The first line of a library's error, short enough for a sentence. An error without text gives its type."""
    return (str(error).strip().splitlines() or [""])[0] or type(error).__name__


class GladosError(Exception):
    """Base of all our errors. `str(error)` is English, for operators.

    Args:
        message: what is wrong; a `Sentence` if people in a chat or on the page will read it.
    """

    def __init__(self, message: str | Sentence) -> None:
        super().__init__(message)

    @property
    def sentence(self) -> Sentence:
        """The sentence for a person in a chat or on the page; NOTHING if the error is for operators only."""
        message = self.args[0]
        return message if isinstance(message, Sentence) else NOTHING

    @property
    def in_full(self) -> str:
        """The text for a log that may hold people's words."""
        return str(self)


class ConfigError(GladosError):
    """A setting, model card or file is wrong. The text names it and the remedy."""


class StoreUnavailableError(GladosError):
    """Redis does not answer or refuses writes."""


class InferenceError(GladosError):
    """The inference service could not answer.

    Args:
        message: our own words.
        said: the service's text, which may quote the question or hold secrets.
    """

    def __init__(self, message: str | Sentence, said: str = "") -> None:
        super().__init__(message)
        self._said = said

    @property
    def in_full(self) -> str:
        return f"{self}: {self._said}" if self._said else str(self)


class ServiceUnavailableError(InferenceError):
    """The service is not reachable, starting, full or stopping. The same request may succeed later."""

    def __init__(self, message: str, retry_after: float | None = None, *, said: str = "") -> None:
        super().__init__(message, said)
        self.retry_after = retry_after  # seconds to wait before a retry, if the service told them


class RequestRejectedError(InferenceError):
    """The service understood the request and refused it. Numbers are None if the service did not tell them."""

    def __init__(
        self,
        message: Sentence,
        status: int,
        code: str = "",
        *,
        prompt_tokens: int | None = None,
        max_prompt_tokens: int | None = None,
        context_length: int | None = None,
        max_pictures: int | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message, said)
        self.status = status  # the HTTP status
        self.code = code  # OpenAI-style, such as `context_length_exceeded`
        self.prompt_tokens = prompt_tokens  # of this prompt
        self.max_prompt_tokens = max_prompt_tokens  # that a prompt may have
        self.context_length = context_length  # of prompt and answer together, in tokens
        self.max_pictures = max_pictures  # that a prompt may have


class EngineError(GladosError):
    """Raised by an engine inside the inference service."""


class PromptTooLongError(EngineError):
    """The prompt does not fit the context window. All numbers are tokens."""

    def __init__(self, prompt_tokens: int, max_tokens: int, context_length: int) -> None:
        super().__init__(  # OpenAI's sentence: clients look for its words
            f"This model's maximum context length is {context_length} tokens. However, your messages resulted in "
            f"{prompt_tokens} tokens, and at most {max_tokens} leave room for an answer. "
            "Please reduce the length of the messages."
        )
        self.prompt_tokens = prompt_tokens  # of this prompt
        self.max_tokens = max_tokens  # that a prompt may have on this engine
        self.context_length = context_length  # of prompt and answer together


class PromptRefusedError(EngineError):
    """The model's chat template refuses these messages; the text is its own sentence."""


class ParameterRefusedError(EngineError):
    """This model cannot do what a field of the request asks for."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name  # of the field


class PictureRefusedError(EngineError):
    """A picture of the request cannot be read. The text says why, and the remedy."""


class InputRefusedError(EngineError):
    """A text to embed, or a wish about its vector, cannot be met. The text names the place and the remedy."""

    def __init__(self, name: str, reason: str, code: str = "invalid_value", **figures: int) -> None:
        super().__init__(reason)
        self.name = name  # of the request's field
        self.code = code  # OpenAI-style
        self.figures = figures  # more numbers for the error object


class LoraRefusedError(EngineError):
    """A LoRA cannot be loaded or unloaded now. The text says why, and the remedy.

    Args:
        message: for the operator who sent the request.
        code: `invalid_lora`, `lora_not_found`, `loras_full` or `lora_loading_off`.
        retry_after: seconds after which the same request may succeed.
    """

    def __init__(self, message: str, code: str = "invalid_lora", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class ModelNotServedError(EngineError):
    """The model of a request is not served any more."""

    def __init__(self, model: str) -> None:
        super().__init__(f"model {model[:100]!r} is not served here any more; see /v1/models")


class QueueFullError(EngineError):
    """Too many requests are waiting already."""

    def __init__(self, waiting: int, retry_after: float) -> None:
        super().__init__(f"{waiting} requests are waiting already; try again in about {retry_after:.0f} s")
        self.retry_after = retry_after  # seconds until a place is probably free


class GenerationFailedError(EngineError):
    """One request failed inside the engine. Other requests are not affected."""


class FormTooHardError(GenerationFailedError):
    """Following the form that this request asks for takes too much work. Another request can ask for a simpler one."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name  # of the field


class EngineDeadError(EngineError):
    """The engine is broken. The service reports "not ready" and its process ends, to be restarted."""

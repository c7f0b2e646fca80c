"""Every error the project raises on purpose, as one tree.

GladosError                 its text may be shown to the person who caused it
├── ConfigError             a setting, card or file is wrong: fix it and start again
├── StoreUnavailableError   Redis does not answer; nothing was lost, try again later
├── InferenceError          the inference service could not answer
│   ├── ServiceUnavailableError   it is away, starting or stopping: worth waiting for
│   └── RequestRejectedError      it refused this request: asking again will not help
└── EngineError             raised by an engine inside the service
    ├── PromptTooLongError
    ├── PromptRefusedError        the model's chat template takes no such messages
    ├── QueueFullError
    ├── GenerationFailedError     this one request failed; the engine lives
    └── EngineDeadError           the engine cannot go on; the process must restart
"""

from glados_bots.wording.sentence import NOTHING, Sentence

EXIT_CONFIG = 2  # the exit code of a process that ends with a ConfigError: to start it again would not help


def first_line(error: Exception) -> str:
    """What a library's error says, short enough for a sentence; its type where it says nothing."""
    return (str(error).splitlines() or [""])[0] or type(error).__name__


class GladosError(Exception):
    """Base of all errors below; `str(error)` is English, for operators.

    Args:
        message: what is wrong; a `Sentence` where somebody in a chat or on the page is to read it.
    """

    def __init__(self, message: str | Sentence) -> None:
        super().__init__(message)

    @property
    def sentence(self) -> Sentence:
        """What a person in a chat or on the page is told; nothing where the error is for operators alone."""
        message = self.args[0]
        return message if isinstance(message, Sentence) else NOTHING

    @property
    def in_full(self) -> str:
        """The sentence for a log that may hold people's words."""
        return str(self)


class ConfigError(GladosError):
    """A setting, model card or file is wrong. The text names it and the remedy."""


class StoreUnavailableError(GladosError):
    """Redis does not answer or refuses writes."""


class InferenceError(GladosError):
    """The inference service could not answer.

    Args:
        message: our own words.
        said: the service's text, which may quote the question, or hold what is nobody's business.
    """

    def __init__(self, message: str | Sentence, said: str = "") -> None:
        super().__init__(message)
        self._said = said

    @property
    def in_full(self) -> str:
        return f"{self}: {self._said}" if self._said else str(self)


class ServiceUnavailableError(InferenceError):
    """The service is away, starting, full or stopping; the same request may succeed later."""

    def __init__(self, message: str, retry_after: float | None = None, *, said: str = "") -> None:
        super().__init__(message, said)
        self.retry_after = retry_after  # seconds to wait before asking again, where the service said so


class RequestRejectedError(InferenceError):
    """The service understood the request and refused it. Numbers of tokens are there where it said them."""

    def __init__(
        self,
        message: Sentence,
        status: int,
        code: str = "",
        *,
        prompt_tokens: int | None = None,
        max_prompt_tokens: int | None = None,
        context_length: int | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message, said)
        self.status = status  # of HTTP
        self.code = code  # OpenAI-style, such as `context_length_exceeded`
        self.prompt_tokens = prompt_tokens  # of this prompt
        self.max_prompt_tokens = max_prompt_tokens  # that a prompt may have
        self.context_length = context_length  # tokens of prompt and answer together


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


class QueueFullError(EngineError):
    """Too many requests wait already."""

    def __init__(self, waiting: int, retry_after: float) -> None:
        super().__init__(f"{waiting} requests are waiting already; try again in about {retry_after:.0f} s")
        self.retry_after = retry_after  # seconds after which a place is likely to be free


class GenerationFailedError(EngineError):
    """One request failed inside the engine; others are not touched."""


class EngineDeadError(EngineError):
    """The engine cannot go on. The service turns not ready and the process ends, to be started anew."""

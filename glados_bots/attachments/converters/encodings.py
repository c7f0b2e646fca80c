"""All encodings of Python. It imports each from a file when it is first used, and that would be too late here."""

import encodings
import importlib
import pkgutil

WINDOWS_ONLY = ("mbcs", "oem")


def load_encodings() -> None:
    """Takes some 50 ms."""
    import charset_normalizer  # noqa: F401, PLC0415 - guesses

    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in WINDOWS_ONLY:
            importlib.import_module(f"encodings.{module.name}")

"""Modules that Python imports from files when they are first used, which would be too late in attachments/child.py."""

import importlib
import pkgutil

import charset_normalizer  # noqa: F401 - what guesses encodings

WINDOWS_ONLY = ("encodings.mbcs", "encodings.oem")


def load(*packages: str) -> None:
    """Import all modules of some packages: `encodings` for words in any encoding. That one takes some 50 ms."""
    for package in packages:
        path = importlib.import_module(package).__path__
        for module in pkgutil.iter_modules(path, f"{package}."):
            if module.name not in WINDOWS_ONLY:
                importlib.import_module(module.name)

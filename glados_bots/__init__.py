"""GLaDOS bots: the assistant a team owns.

The core of the project. No chat platform's SDK is imported here, and torch only under `inference/`.
"""

__version__: str


def __getattr__(name: str) -> str:
    """`__version__`, looked up at its first use: that takes 50 ms, and every attached file starts a process."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # noqa: PLC0415

    return version("glados-bots")

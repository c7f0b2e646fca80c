"""discord.py still imports `audioop`, which warns on Python 3.11 and 3.12; warnings are errors in this suite."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import discord  # noqa: F401 - imported here once, so that no later import warns

"""GLaDOS bots: the assistant a team owns.

The core of the project. No chat platform's SDK is imported here, and torch only under `inference/`.
"""

from importlib.metadata import version

__version__ = version("glados-bots")

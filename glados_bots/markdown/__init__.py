"""Markdown, parsed once into a small tree. Renderers make an answer look native in each client.

`parse` reads a text, `locate` finds its code and tables, and `open_fence` finds code that has no end. `Stream` follows
an answer while it is written. Each platform has its own renderer. Apart from the names exported here, renderers may
import `tree`, `links`, `tags` and `pairs`, and in `drawing` the modules `chat` (text dialects), `inline`, `mentions`,
`leaves`, `packer`, `cut`, `grid` and `math`. A contract in pyproject.toml forbids the others.
"""

from glados_bots.markdown.fences import open_fence
from glados_bots.markdown.parsing.parser import locate, parse
from glados_bots.markdown.streaming.stream import Stream, Update
from glados_bots.markdown.tree import Document

__all__ = ["Document", "Stream", "Update", "locate", "open_fence", "parse"]

"""Markdown, parsed once into a small tree. Renderers make an answer look native in each client.

`parse` reads a text, `Stream` follows an answer while it is written. The renderers live with their platforms. Open to
them are, beside what stands here: `tree`, `links`, `tags` and `pairs`; of `drawing` the modules `chat` (dialects that
are text), `inline`, `mentions`, `leaves`, `packer`, `cut`, `grid` and `math`. A contract in pyproject.toml keeps the
others closed.
"""

from glados_bots.markdown.parsing.parser import parse
from glados_bots.markdown.streaming.stream import Stream, Update
from glados_bots.markdown.tree import Document

__all__ = ["Document", "Stream", "Update", "parse"]

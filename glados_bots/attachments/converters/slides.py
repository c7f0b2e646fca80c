"""PowerPoint (.pptx): titles, text, tables and notes, slide by slide. Pictures and charts are left out."""

import io
from collections.abc import Iterator
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters import is_enough, table
from glados_bots.wording.sentence import NOTHING, say

DEEPEST_GROUP = 20


def convert(content: bytes) -> Contents:
    slides = Presentation(io.BytesIO(content)).slides
    read: list[str] = []
    characters = 0
    for slide in slides:
        words = [*_words(slide.shapes), *_notes(slide)]
        read.append("\n\n".join(words))
        characters += len(read[-1])
        if is_enough(characters):
            break
    text = "\n\n".join(f"Slide {number}\n\n{words}" for number, words in enumerate(read, 1)) if any(read) else ""
    return Contents(
        text=text, partly=say("file-slides", read=len(read), whole=len(slides)) if len(read) < len(slides) else NOTHING
    )


def _words(shapes: Any, depth: int = 0) -> Iterator[str]:
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP and depth < DEEPEST_GROUP:
            yield from _words(shape.shapes, depth + 1)
        elif getattr(shape, "has_table", False):
            yield table([[cell.text for cell in row.cells] for row in shape.table.rows])
        elif shape.has_text_frame and (words := shape.text_frame.text.strip()):
            yield words


def _notes(slide: Any) -> Iterator[str]:
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if frame is not None and (words := frame.text.strip()):
        yield f"Notes: {words}"

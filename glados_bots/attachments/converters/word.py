"""Word (.docx): headings, lists, tables and links as markdown. Its pictures are left out."""

import io

import defusedxml
import mammoth

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters.markdown import as_markdown

defusedxml.defuse_stdlib()


def convert(content: bytes) -> Contents:
    found = mammoth.convert_to_html(io.BytesIO(content), convert_image=lambda _: [], external_file_access=False)
    return Contents(text=as_markdown(found.value))

"""Files made to hurt: bombs, loops, lies and noise.

`FILES` is a list of (name, content, refusals), where `refusals` are the names of the sentences that may answer. An
empty set means that anything but a crash will do.
"""

from tests.attachments.hostile import documents, mixed, pictures, zips

FILES = [*zips.files(), *documents.files(), *pictures.files(), *mixed.files()]

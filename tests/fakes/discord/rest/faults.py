"""Scripted faults of the REST side."""

import fnmatch
from dataclasses import dataclass

from tests.fakes.common.faults import BaseFault


@dataclass(kw_only=True)
class Fault(BaseFault):
    """One thing that goes wrong.

    Attributes:
        method: HTTP method, or "*".
        path: Path below the base URL with `*` for any part, such as "/channels/*/messages".
        code: Discord's JSON error code in the body.
        message: Text in the body.
        retry_after_s: For status 429: the seconds in the body.
        cloudflare: Answer in the manner of the edge: no `Via` header, a page instead of JSON.
        uploads: Hit only calls with files.
    """

    method: str = "*"
    path: str = "*"
    code: int = 0
    message: str = ""
    retry_after_s: float = 1.0
    cloudflare: bool = False
    uploads: bool = False

    def hits_call(self, method: str, path: str, *, uploads: bool = False) -> bool:
        """Whether this fault is about such a call."""
        if self.uploads and not uploads:
            return False
        return self.method in {"*", method} and fnmatch.fnmatchcase(path, self.path)

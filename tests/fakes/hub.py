"""A Hugging Face hub as far as its own client asks: listings, files by range, gated and missing repositories.

The answers' headers are those of huggingface_hub's documentation of `/resolve/`; the client is the unpatched library,
told of this hub by HF_ENDPOINT.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """The repository ORG/NAME.

    Attributes:
        files: contents by path; those of weights are listed with their sha256.
        gated: only this token may fetch, where one is set.
        cut: bytes after which the first download of a large file breaks off, where set.
        lies: the listing has another sha256 than the file.
        asked: method, path, and range of every request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    gated: str | None = None
    cut: int | None = None
    lies: bool = False
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def app(self) -> FastAPI:
        """The hub as an ASGI app."""
        app = FastAPI()

        @app.get("/api/models/{org}/{name}")
        @app.get("/api/models/{org}/{name}/revision/{revision}")
        async def info(org: str, name: str, revision: str = "main") -> Response:
            if refusal := self._refusal(f"{org}/{name}", revision):
                return refusal
            files = [self._listed(path, content) for path, content in self.files.items()]
            return JSONResponse({"id": f"{org}/{name}", "sha": COMMIT, "siblings": files, "tags": [], "downloads": 0})

        @app.get("/api/models/{org}/{name}/tree/{revision}")
        async def tree(org: str, name: str, revision: str) -> Response:
            if refusal := self._refusal(f"{org}/{name}", revision):
                return refusal
            return JSONResponse([self._entry(path, content) for path, content in self.files.items()])

        @app.api_route("/{org}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
        async def resolve(request: Request, org: str, name: str, revision: str, path: str) -> Response:
            self.asked.append((request.method, path, request.headers.get("range")))
            refusal = self._refusal(f"{org}/{name}", revision) or self._locked(request)
            if refusal:
                return refusal
            if path not in self.files:
                return Response(status_code=404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return self._file(request, self.files[path])

        return app

    def _refusal(self, repository: str, revision: str) -> Response | None:
        if repository != "ORG/NAME":
            return Response(status_code=401, headers={"X-Error-Code": "RepoNotFound"})
        if revision not in {"main", COMMIT}:
            return Response(status_code=404, headers={"X-Error-Code": "RevisionNotFound"})
        return None

    def _locked(self, request: Request) -> Response | None:
        if self.gated and request.headers.get("authorization") != f"Bearer {self.gated}":
            return Response(status_code=403, headers={"X-Error-Code": "GatedRepo"})
        return None

    def _listed(self, path: str, content: bytes) -> dict[str, object]:
        listed: dict[str, object] = {"rfilename": path, "size": len(content)}
        if path.endswith((".safetensors", ".bin")):
            digest = hashlib.sha256(b"another" if self.lies else content).hexdigest()
            listed["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 100}
        return listed

    def _entry(self, path: str, content: bytes) -> dict[str, object]:
        entry = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}  # noqa: S324
        if "lfs" in self._listed(path, content):
            return {
                **entry,
                "lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 100},
            }
        return entry

    def _file(self, request: Request, content: bytes) -> Response:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        begin = int(found[1]) if found else 0
        part = content[begin:]
        headers = {
            "X-Repo-Commit": COMMIT,
            "ETag": f'"{hashlib.sha1(content).hexdigest()}"',  # noqa: S324 - as git names a file
            "Content-Length": str(len(part)),
            "Accept-Ranges": "bytes",
        }
        if found:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        if request.method == "HEAD":
            return Response(headers=headers)
        cut, large = self.cut, self.cut is not None and len(part) > self.cut
        if large:
            self.cut = None

        async def pieces() -> AsyncIterator[bytes]:
            if large:
                yield part[:cut]
                raise ConnectionResetError("the hub's connection breaks off")
            yield part

        return StreamingResponse(pieces(), status_code=206 if found else 200, headers=headers)

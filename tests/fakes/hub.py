"""A Hugging Face hub as far as its own client asks: listings, commits, files by range, storage behind a redirect.

The answers' headers are those of huggingface_hub's documentation of `/resolve/`; the client is the unpatched library,
told of this hub by HF_ENDPOINT. Files of weights are stored as LFS does: `/resolve/` redirects to another host, which
refuses requests that carry the hub's token.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")
PIECE = 2**18  # bytes between two looks at what shall go wrong


@dataclass
class Hub:
    """The repository ORG/NAME.

    Attributes:
        files: contents by path of the newest commit of the branch `main`.
        head: that commit.
        past: the files of earlier commits.
        titles: the titles of all commits, newest first.
        gated: only this token may fetch, where one is set.
        cuts: bytes after which the next downloads of large files break off, one after the other.
        statuses: what the next requests for large files get instead of bytes.
        hold: bytes after which downloads of large files wait until `released`, where set.
        ignores_ranges: large files always come from their beginning.
        shifts: by how many bytes the next ranges of large files begin elsewhere, one after the other.
        names: what the listing tells instead of hashes of files.
        lies: the listing has another sha256 than the file.
        bare: it knows no sha256 and no storage, as some mirrors do.
        rotten: paths whose bytes are not those of the listing, though as many.
        asked: method, path, and range of every request for a file.
        looked: paths of all other requests.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    head: str = COMMIT
    past: dict[str, dict[str, bytes]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=lambda: {COMMIT: "first"})
    gated: str | None = None
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    hold: int | None = None
    ignores_ranges: bool = False
    shifts: list[int] = field(default_factory=list)
    names: str | None = None
    lies: bool = False
    bare: bool = False
    rotten: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, title: str, **changed: bytes) -> str:
        """A new commit on `main`, with `.` in paths written as `__`."""
        self.past[self.head] = dict(self.files)
        self.head = hashlib.sha1(title.encode()).hexdigest()  # noqa: S324 - as git names a commit
        self.titles = {self.head: title, **self.titles}
        self.files = {**self.files, **{path.replace("__", "."): content for path, content in changed.items()}}
        return self.head

    def ranges(self, path: str) -> list[int]:
        """The first byte of each download of this file."""
        found = [part or "" for method, asked, part in self.asked if method == "GET" and asked == path]
        return [int((re.findall(r"\d+", part) or ["0"])[0]) for part in found]

    def app(self) -> FastAPI:
        """The hub as an ASGI app."""
        app = FastAPI()

        @app.get("/api/models/{org}/{name}")
        @app.get("/api/models/{org}/{name}/revision/{revision}")
        async def info(request: Request, org: str, name: str, revision: str = "main") -> Response:
            files = self._look(request, f"{org}/{name}", revision)
            if isinstance(files, Response):
                return files
            listed = [self._listed(path, content) for path, content in files.items()]
            sha = self._commit(revision)
            return JSONResponse({"id": f"{org}/{name}", "sha": sha, "siblings": listed, "tags": [], "downloads": 0})

        @app.get("/api/models/{org}/{name}/tree/{revision}")
        async def tree(request: Request, org: str, name: str, revision: str) -> Response:
            files = self._look(request, f"{org}/{name}", revision)
            if isinstance(files, Response):
                return files
            return JSONResponse([self._entry(path, content) for path, content in files.items()])

        @app.get("/api/models/{org}/{name}/commits/{revision}")
        async def commits(request: Request, org: str, name: str, revision: str) -> Response:
            files = self._look(request, f"{org}/{name}", revision)
            if isinstance(files, Response):
                return files
            ids = list(self.titles)
            return JSONResponse([self._change(commit) for commit in ids[ids.index(self._commit(revision)) :]])

        @app.api_route("/{org}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
        async def resolve(request: Request, org: str, name: str, revision: str, path: str) -> Response:
            files = self._contents(f"{org}/{name}", revision)
            if not isinstance(files, Response):
                self.asked.append((request.method, path, request.headers.get("range")))
                files = self._locked(request) or files
            if isinstance(files, Response):
                return files
            commit = {"X-Repo-Commit": self._commit(revision)}
            if path not in files:
                return Response(status_code=404, headers={"X-Error-Code": "EntryNotFound", **commit})
            if path.endswith(LARGE) and not self.bare:
                return self._redirect(request, self._commit(revision), path, files[path])
            return self._small(request, files[path], commit)

        @app.get("/storage/{commit}/{path:path}")
        async def storage(request: Request, commit: str, path: str) -> Response:
            if "authorization" in request.headers:
                return Response("only one way to sign a request is allowed", status_code=400)
            if self.statuses:
                return Response(status_code=self.statuses.pop(0), headers={"Retry-After": "0"})
            content = (self.files if commit == self.head else self.past[commit])[path]
            return self._large(request, bytes(len(content)) if path in self.rotten else content)

        return app

    def _look(self, request: Request, repository: str, revision: str) -> dict[str, bytes] | Response:
        self.looked.append(request.url.path)
        return self._contents(repository, revision)

    def _contents(self, repository: str, revision: str) -> dict[str, bytes] | Response:
        if repository != "ORG/NAME":
            return Response(status_code=401, headers={"X-Error-Code": "RepoNotFound"})
        commit = self._commit(revision)
        if commit != self.head and commit not in self.past:
            return Response(status_code=404, headers={"X-Error-Code": "RevisionNotFound"})
        return self.files if commit == self.head else self.past[commit]

    def _commit(self, revision: str) -> str:
        return self.head if revision == "main" else revision

    def _change(self, commit: str) -> dict[str, object]:
        at = {"date": "2026-11-24T21:00:00.000Z", "authors": [], "message": ""}
        return {"id": commit, "title": self.titles[commit], **at}

    def _locked(self, request: Request) -> Response | None:
        if self.gated and request.headers.get("authorization") != f"Bearer {self.gated}":
            return Response(status_code=403, headers={"X-Error-Code": "GatedRepo"})
        return None

    def _sha256(self, content: bytes) -> str:
        return self.names or hashlib.sha256(b"another" if self.lies else content).hexdigest()

    def _listed(self, path: str, content: bytes) -> dict[str, object]:
        listed: dict[str, object] = {"rfilename": path, "size": len(content), "blobId": _git_name(content)}
        if path.endswith(LARGE) and not self.bare:
            listed["lfs"] = {"sha256": self._sha256(content), "size": len(content), "pointerSize": 100}
        return listed

    def _entry(self, path: str, content: bytes) -> dict[str, object]:
        entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": _git_name(content)}
        if path.endswith(LARGE) and not self.bare:
            entry["lfs"] = {"oid": self._sha256(content), "size": len(content), "pointerSize": 100}
        return entry

    def _redirect(self, request: Request, commit: str, path: str, content: bytes) -> Response:
        headers = {
            "Location": f"http://localhost:{request.url.port}/storage/{commit}/{path}",
            "X-Repo-Commit": commit,
            "X-Linked-Etag": f'"{self._sha256(content)}"',
            "X-Linked-Size": str(len(content)),
        }
        return Response(status_code=302, headers=headers)

    def _small(self, request: Request, content: bytes, commit: dict[str, str]) -> Response:
        headers = {**commit, "ETag": f'"{_git_name(content)}"', "Content-Length": str(len(content))}
        return Response(b"" if request.method == "HEAD" else content, headers=headers)

    def _large(self, request: Request, content: bytes) -> Response:
        found = None if self.ignores_ranges else re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        begin = int(found[1]) if found else 0
        begin += self.shifts.pop(0) if begin and self.shifts else 0
        if begin >= len(content):
            return Response(status_code=416)
        headers = {"ETag": '"storage"', "Content-Length": str(len(content) - begin), "Accept-Ranges": "bytes"}
        if found:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        cut = self.cuts.pop(0) if self.cuts else None
        pieces = self._pieces(content[begin:], cut)
        return StreamingResponse(pieces, status_code=206 if found else 200, headers=headers)

    async def _pieces(self, content: bytes, cut: int | None) -> AsyncIterator[bytes]:
        for begin in range(0, len(content), PIECE):
            if cut is not None and begin >= cut:
                raise ConnectionResetError("the hub's connection breaks off")
            if self.hold is not None and begin >= self.hold:
                self.held.set()
                await self.released.wait()
            yield content[begin : begin + PIECE]


def _git_name(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - as git names a file

"""The web app manifest, with which browsers install the page. It tells strangers only what the sign-in page shows."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from glados_bots.wording.sentence import say
from glados_web.pages import language_headers, language_of

PATH = "/manifest.webmanifest"  # public: browsers fetch it without cookies
GROUND = "#16191d"  # as dark as app.css; a manifest has one colour for both schemes
ICONS = [
    {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
    *[
        {"src": f"/static/icons/{name}-{size}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for name, purpose in (("icon", "any"), ("maskable", "maskable"))
        for size in (192, 512)
    ],
]


def add_manifest(app: FastAPI) -> None:
    @app.get(PATH)
    async def manifest(request: Request) -> JSONResponse:
        language = language_of(request)
        return JSONResponse(
            _manifest(language), headers=language_headers(language), media_type="application/manifest+json"
        )


def _manifest(language: str) -> dict[str, Any]:
    return {
        "id": "/",
        "name": "GLaDOS",
        "short_name": "GLaDOS",
        "lang": language,
        "dir": "ltr",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": GROUND,
        "icons": ICONS,
        "shortcuts": [{"name": say("page-new-chat").in_language(language), "url": "/?new"}],
    }

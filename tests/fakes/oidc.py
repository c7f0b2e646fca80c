"""A small OpenID Connect provider: discovery, authorization code with PKCE, tokens signed with real keys.

It refuses whatever a real one would refuse: an unknown client or address, a wrong secret, a code used twice, a verifier
that does not fit. What it says of people, and how it signs, a test may bend in every way.
"""

import base64
import functools
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "glados", "the-client-secret"
Claims = dict[str, Any]


def rsa_key() -> RSAKey:
    """A signing key."""
    return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})


@functools.cache
def usual_key() -> RSAKey:
    """The one most tests use: making one takes a while."""
    return rsa_key()


def ec_key() -> ECKey:
    """A signing key of the other kind."""
    return ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig"})


@dataclass
class FakeProvider:
    """The provider.

    Attributes:
        issuer: what it calls itself; set once it runs.
        redirect_uri: the one address it sends people back to.
        person: claims about whoever signs in next.
        bend: changes the claims of the next tokens before they are signed.
        sign: makes the token; replaces the whole of it when a test says so.
        keys: what it publishes; the last one signs.
        grants: codes given out and not yet used.
        asked: parameters of every authorization request.
    """

    issuer: str = ""
    redirect_uri: str = ""
    person: Claims = field(default_factory=lambda: {"sub": "1", "email": "ada@example.org", "email_verified": True})
    bend: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[Claims], str] | None = None
    keys: list[RSAKey | ECKey] = field(default_factory=lambda: [usual_key()])
    algorithm: str = "RS256"
    secret: str = SECRET
    named_issuer: str = ""
    answers_as: str = ""
    refuses: bool = False
    grants: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> FastAPI:
        """Its ASGI app."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def describe() -> dict[str, Any]:
            return {
                "issuer": self.named_issuer or self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": True,
            }

        @app.get("/keys")
        async def keys() -> dict[str, Any]:
            return {"keys": [key.as_dict(private=False) for key in self.keys]}

        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        return app

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        if asked.get("client_id") != CLIENT or asked.get("redirect_uri") != self.redirect_uri:
            return JSONResponse({"error": "invalid_request"}, 400)
        answer = {"state": asked["state"], "iss": self.answers_as or self.issuer}
        if self.refuses:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.grants[answer["code"]] = asked
        return RedirectResponse(f"{self.redirect_uri}?{urlencode(answer)}", 303)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.grants.pop(form.get("code", ""), None)
        if self.secret and request.headers.get("authorization") != f"Basic {_basic(CLIENT, self.secret)}":
            return JSONResponse({"error": "invalid_client"}, 401)
        fits = asked is not None and asked.get("code_challenge_method") == "S256"
        if not (fits and asked and asked["code_challenge"] == _challenge(form.get("code_verifier", ""))):
            return JSONResponse({"error": "invalid_grant"}, 400)
        if form.get("redirect_uri") != self.redirect_uri:
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = self.claims(asked["nonce"])
        token = self.sign(claims) if self.sign else self.signed(claims)
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def claims(self, nonce: str) -> Claims:
        """What the next token says."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce, **self.person}
        return {name: value for name, value in self.bend(claims).items() if value is not None}

    def signed(self, claims: Claims, key: RSAKey | ECKey | None = None, **header: str) -> str:
        """A token of these claims, signed with our key or another."""
        key = key or self.keys[-1]
        full = {"alg": self.algorithm, "kid": str(key.kid), **header}
        return jwt.encode(full, claims, key, algorithms=[full["alg"]])


def unsigned(claims: Claims) -> str:
    """A token that nobody signed (`alg: none`)."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(_b64(str(part).replace("'", '"').replace("True", "true").encode()) for part in parts) + "."


def _basic(name: str, secret: str) -> str:
    return base64.b64encode(f"{name}:{secret}".encode()).decode()


def _challenge(verifier: str) -> str:
    return _b64(hashlib.sha256(verifier.encode()).digest())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

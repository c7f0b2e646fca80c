"""Sign-in with an OpenID Connect provider: authorization code flow with PKCE, state and nonce, by Authlib.

An ID token is valid if one of the provider's current keys signed it with an asymmetric algorithm. It must name exactly
our issuer and only us, answer our very request, and be neither expired nor from the future. The person may sign in if
the provider vouches for an address or a group on our lists.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from glados_bots.errors import GladosError
from glados_bots.http_server.listening import is_loopback
from glados_bots.settings import words
from glados_bots.wording.sentence import say
from glados_web.settings import WebSettings

log = logging.getLogger(__name__)

SCOPE = "openid email profile"
# No symmetric algorithm: whoever knows our secret could sign. Not `none`: anybody could.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
LEEWAY_S = 60
TIMEOUT_S = 10.0
METADATA_S = 3600.0
STRANGE = (ValueError, TypeError, KeyError, AttributeError)


class SignInFailedError(GladosError):
    """The provider is not reachable, or its answer is not valid. The text is for the person who signs in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person the provider vouches for. `owner` stays the same even if their address changes."""

    owner: str
    email: str


@dataclass(frozen=True, slots=True)
class Request:
    """What we store about a request to the provider until its answer comes."""

    state: str
    nonce: str
    verifier: str


class Provider:
    """One provider. We fetch its addresses and keys when somebody signs in, and again when they are old."""

    def __init__(self, web: WebSettings) -> None:
        self._web = web
        self._issuer = web.oidc_issuer
        self._is_elsewhere = not is_loopback(urlsplit(web.oidc_issuer).hostname or "")  # else we use no proxy
        self._redirect = f"{web.public_url}/sign-in/callback"
        self._metadata: tuple[float, dict[str, Any]] = (0.0, {})
        self._keys: KeySet | None = None

    async def address(self, request: Request) -> str:
        """Return the provider's address where the person signs in. Raises SignInFailedError."""
        metadata = await self._read_metadata()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=request.state,
                nonce=request.nonce,
                code_verifier=request.verifier,
            )
        return str(url)

    async def identity(self, request: Request, answer: dict[str, str]) -> Identity:
        """Return who came back with this answer. Raises SignInFailedError if it is invalid, or they may not sign in."""
        metadata = await self._read_metadata()
        said = answer.get("iss")
        if (said or metadata.get("authorization_response_iss_parameter_supported")) and said != self._issuer:
            raise _refused("the answer came from another provider")  # RFC 9207
        if "error" in answer or "code" not in answer:
            raise SignInFailedError(say("door-not-finished"))
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"], code=answer["code"], code_verifier=request.verifier
                )
            claims = await self._claims(token, request)
        except httpx2.HTTPError as error:
            raise _away(error) from error
        except (AuthlibBaseError, JoseError, *STRANGE) as error:
            raise _refused(f"{type(error).__name__}: {error}") from error
        return self._admitted(claims)

    async def _claims(self, token: dict[str, Any], request: Request) -> dict[str, Any]:
        text, us = str(token["id_token"]), self._web.oidc_client_id
        try:
            decoded = await self._decode(text, fresh=False)
        except JoseError:
            decoded = await self._decode(text, fresh=True)  # the provider may have changed its keys
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"essential": True, "value": self._issuer}, "aud": {"essential": True, "value": us}},
            {"nonce": request.nonce, "client_id": us, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=LEEWAY_S)
        if claims["aud"] not in (us, [us]):
            raise ValueError("the token is for others as well")
        return dict(claims)

    async def _decode(self, text: str, *, fresh: bool) -> jwt.Token:
        keys = await self._read_keys(fresh=fresh)
        return jwt.decode(text, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))

    def _admitted(self, claims: dict[str, Any]) -> Identity:
        email = str(claims.get("email", "")).casefold() if claims.get("email_verified") is True else ""
        groups = claims.get("groups")
        emails = {word.casefold() for word in words(self._web.oidc_emails)}
        by_address = bool(email) and (email in emails or f"@{email.rpartition('@')[2]}" in emails)
        by_group = isinstance(groups, list) and not set(map(str, groups)).isdisjoint(words(self._web.oidc_groups))
        if not (by_address or by_group):
            log.warning("sign-in refused: the provider vouches for somebody who is on no list of ours")
            raise SignInFailedError(say("door-not-listed"))
        return Identity(f"oidc|{self._issuer}|{claims['sub']}", email)

    async def _read_metadata(self) -> dict[str, Any]:
        at, metadata = self._metadata
        if not metadata or time.monotonic() - at > METADATA_S:
            metadata = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if metadata.get("issuer") != self._issuer:
                itself = str(metadata.get("issuer"))
                log.error("GLADOS_WEB_OIDC_ISSUER=%s: the provider calls itself %.200r", self._issuer, itself)
                raise _refused("the provider calls itself by another name")
            self._metadata = (time.monotonic(), metadata)
        return metadata

    async def _read_keys(self, *, fresh: bool) -> KeySet:
        if self._keys is None or fresh:
            metadata = await self._read_metadata()
            self._keys = KeySet.import_key_set(await self._get(str(metadata["jwks_uri"])))
        return self._keys

    async def _get(self, url: str) -> Any:
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=self._is_elsewhere) as http:
                response = await http.get(url)
                response.raise_for_status()
                return response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise _away(error) from error

    def _client(self) -> AsyncOAuth2Client:
        secret = self._web.oidc_client_secret
        return AsyncOAuth2Client(
            self._web.oidc_client_id,
            secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=SCOPE,
            redirect_uri=self._redirect,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            trust_env=self._is_elsewhere,
        )


def _refused(reason: str) -> SignInFailedError:
    log.warning("sign-in refused: %.300s", reason.replace("\n", " "))
    return SignInFailedError(say("door-provider-answer"))


def _away(error: Exception) -> SignInFailedError:
    log.warning("the sign-in provider does not answer: %s: %.200s", type(error).__name__, error)
    return SignInFailedError(say("door-provider-unreachable"))

"""Signed tokens of API sign-ins (JWT, RFC 7519, with the advice of RFC 8725)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from flask import current_app

from app.config import Settings
from app.database import now

ISSUER, AUDIENCE = "gatehouse", "gatehouse-api"
ACCESS, REFRESH = "access", "refresh"
CLAIMS = ("iss", "aud", "iat", "exp", "jti", "sub", "sid", "token_type")
LEEWAY = timedelta(seconds=5)  # the clocks of two machines may differ
LONGEST = 2048  # ours have about 400 characters


@dataclass(frozen=True)
class Claims:
    """What a token says: which sign-in of whom it belongs to, and which token it is."""

    user_id: int
    sid: str
    jti: str


def signed(kind: str, claims: Claims, expires_at: datetime) -> str:
    """A token of that kind."""
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now(),
        "exp": expires_at,
        "jti": claims.jti,
        "sub": str(claims.user_id),
        "sid": claims.sid,
        "token_type": kind,
    }
    return jwt.encode(payload, key_for(kind), algorithm=_settings().algorithm)


def opened(kind: str, token: str) -> Claims | None:
    """What a token of that kind says; nothing unless it is whole, ours, of today and of that kind.

    The algorithm is ours to choose, whatever the token's header says.
    """
    if len(token) > LONGEST:
        return None
    try:
        payload = jwt.decode(
            token,
            key_for(kind),
            algorithms=[_settings().algorithm],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY,
            options={"require": list(CLAIMS), "enforce_minimum_key_length": True},
        )
        claims = Claims(int(payload["sub"]), payload["sid"], payload["jti"])
    except (jwt.PyJWTError, ValueError, RecursionError):  # a deep header is no token either
        return None
    return claims if payload["token_type"] == kind else None


def key_for(kind: str) -> bytes:
    """A key for each kind, so that none passes for the other; as long as the longest hash."""
    secret = _settings().secret_key.get_secret_value().encode()
    return hmac.digest(secret, f"gatehouse api {kind} token".encode(), hashlib.sha512)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings

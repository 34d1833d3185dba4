"""A token is taken only as we signed it: whole, of its kind, of today, and by our algorithm."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from app import create_app
from app.config import load_settings
from app.extensions import db
from tests.auth.coming_in import sessions_of
from tests.auth.programs import Program, claims_of, forged, long_ago
from tests.users.saved import everything


@pytest.fixture
def program(app: Flask) -> Program:
    return Program(app, "bob")


def with_header(token: str, **header: Any) -> str:
    """The token under another header, its signature as before."""
    first = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return ".".join([first, *token.split(".")[1:]])


def test_what_is_signed_anew_with_the_key_is_taken(app: Flask, program: Program) -> None:
    """So that the refusals below are for what they change, and for nothing else."""
    assert program.is_in(forged(app, program.access))
    assert program.refresh(forged(app, program.cookie, "refresh")).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": long_ago()},
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"token_type": "refresh"},
        {"sub": "1"},
        {"sub": "x"},
        {"sid": "1-1"},
        {"sid": "x"},
        {"iat": 99999999999},
        *({name: None} for name in ("exp", "iss", "aud", "iat", "jti", "sub", "sid", "token_type")),
    ],
    ids=str,
)
def test_claims_that_are_wrong_or_missing(
    app: Flask, program: Program, claims: dict[str, Any]
) -> None:
    kind = {"token_type": "access"} if claims == {"token_type": "refresh"} else claims

    assert not program.is_in(forged(app, program.access, **claims))
    assert program.refresh(forged(app, program.cookie, "refresh", **kind)).status_code == 401


def test_one_kind_never_passes_for_the_other(app: Flask, program: Program) -> None:
    access, refresh = program.access, program.cookie

    assert not program.is_in(refresh)
    assert not program.is_in(forged(app, refresh, "access"))
    assert not program.is_in(forged(app, refresh, "refresh", token_type="access"))
    assert program.refresh(access).status_code == 401
    assert program.refresh(forged(app, access, "refresh")).status_code == 401
    assert program.refresh(forged(app, access, "access", token_type="refresh")).status_code == 401
    assert len(sessions_of(app, "bob")) == 1


def test_the_algorithm_is_ours_to_choose(app: Flask, program: Program) -> None:
    claims, whole = claims_of(program.access), program.access
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    tokens = [
        jwt.encode(claims, None, algorithm="none"),
        forged(app, whole, algorithm="HS384"),
        forged(app, whole, algorithm="HS512"),
        jwt.encode(claims, private, algorithm="RS256"),
        with_header(whole, alg="none"),
        with_header(whole, alg="none").rpartition(".")[0] + ".",
        with_header(whole, alg="RS256", typ="JWT"),
        with_header(whole, alg="HS256", typ="JWT", jwk={"kty": "oct", "k": "AAAA"}),
        with_header(whole, alg="HS256", crit=["b64"], b64=False),
        jwt.encode(claims, app.config["SECRET_KEY"], algorithm="HS256"),
        jwt.encode(claims, public.hex(), algorithm="HS256"),
    ]

    assert [program.is_in(token) for token in tokens] == [False] * len(tokens)


def test_a_token_that_was_touched(program: Program) -> None:
    header, body, signature = program.access.split(".")
    claims = {**claims_of(program.access), "sub": "1"}
    other = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    deep = base64.urlsafe_b64encode(b"[" * 1400).rstrip(b"=").decode()
    tokens = [
        f"{header}.{other}.{signature}",
        f"{header}.{body}.",
        f"{header}.{body}",
        f"{header}.{body}.{signature[:-6]}AAAAAA",
        f"{deep}.{body}.{signature}",
        f"{header}.{body}.{signature}{'A' * 100_000}",
    ]

    assert [program.is_in(token) for token in tokens] == [False] * len(tokens)


def test_another_algorithm_of_the_settings_is_used(
    app: Flask, program: Program, monkeypatch: Any
) -> None:
    settings = app.config["SETTINGS"].model_copy(update={"algorithm": "HS512"})
    monkeypatch.setitem(app.config, "SETTINGS", settings)

    assert not program.is_in()
    other = Program(app, "bob")
    assert jwt.get_unverified_header(other.access)["alg"] == "HS512"
    assert other.is_in()


def test_another_key_opens_nothing(app: Flask, program: Program, mode_settings: Any) -> None:
    settings = load_settings(**{**mode_settings, "secret_key": "another key, long enough for it"})
    elsewhere = create_app(settings)

    assert not Program(elsewhere).is_in(program.access)
    with elsewhere.app_context():
        db.engine.dispose()


def test_a_number_that_is_given_out_again_opens_nothing(app: Flask, program: Program) -> None:
    """SQLite gives the number of a deleted row to the next one."""
    access, refresh = program.access, program.cookie
    program.logout(access)
    again = Program(app, "bob")
    before = everything(app)

    assert not program.is_in(access)
    assert program.refresh(refresh).status_code == 401
    assert everything(app) == before
    assert again.is_in()

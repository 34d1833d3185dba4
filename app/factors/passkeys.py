"""Passkeys (WebAuthn): what a browser is asked for, and whether its answer is right."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import current_app, request
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    generate_challenge,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.audit.trail import record
from app.config import Settings
from app.extensions import db
from app.factors.checks import changed
from app.factors.models import Passkey
from app.users.models import User

PREFERRED, REQUIRED = UserVerificationRequirement.PREFERRED, UserVerificationRequirement.REQUIRED
PATIENCE_MILLISECONDS = 300_000
LONGEST_ID = 1023  # bytes, as WebAuthn says


def site_name() -> str | None:
    """The host that passkeys are bound to; None at a bare IP address, where there are none."""
    name = urlsplit(f"//{request.host}").hostname or ""
    try:
        ip_address(name)
    except ValueError:
        return name or None
    return None


def named_address() -> str:
    """This site by its name, for whoever opened it by a number on their own machine."""
    port = urlsplit(f"//{request.host}").port
    return f"{request.scheme}://localhost" + (f":{port}" if port else "")


def origin() -> str:
    return request.host_url.rstrip("/")


def new_challenge() -> str:
    """Random text that an authenticator signs: an answer to another one is worth nothing."""
    return bytes_to_base64url(generate_challenge())


def creation_options(user: User, challenge: str) -> str:
    """What navigator.credentials.create() is given, as JSON."""
    settings: Settings = current_app.config["SETTINGS"]
    options = generate_registration_options(
        rp_id=site_name() or "",
        rp_name=settings.app_name,
        user_id=user.uuid.bytes,
        user_name=user.username,
        user_display_name=user.name,
        challenge=base64url_to_bytes(challenge),
        timeout=PATIENCE_MILLISECONDS,
        exclude_credentials=descriptors(user),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=PREFERRED
        ),
    )
    return options_to_json(options)


def request_options(challenge: str, user: User | None) -> str:
    """What navigator.credentials.get() is given, as JSON.

    Without ``user`` the passkey itself says who it is; then it has to check that it is them.
    """
    options = generate_authentication_options(
        rp_id=site_name() or "",
        challenge=base64url_to_bytes(challenge),
        timeout=PATIENCE_MILLISECONDS,
        allow_credentials=descriptors(user) if user else None,
        user_verification=PREFERRED if user else REQUIRED,
    )
    return options_to_json(options)


def descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    keys = db.session.scalars(Passkey.of(user))
    return [PublicKeyCredentialDescriptor(base64url_to_bytes(key.credential_id)) for key in keys]


def registered(user: User, answer: str, challenge: str, name: str) -> Passkey | None:
    """The new passkey of an answer to ``creation_options``, not yet added; None if it is none."""
    try:
        credential = parse_registration_credential_json(answer)
        proof = verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site_name() or "",
            expected_origin=origin(),
        )
    except Exception:  # whatever a browser may send: the parsers raise all kinds
        return None
    if len(proof.credential_id) > LONGEST_ID:
        return None
    return Passkey(
        user_id=user.id,
        credential_id=bytes_to_base64url(proof.credential_id),
        public_key=proof.credential_public_key,
        sign_count=proof.sign_count,
        transports=[each.value for each in credential.response.transports or []],
        name=name,
        is_synced=proof.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
    )


def check(answer: str | None, challenge: str, user: User | None = None) -> Passkey | None:
    """The passkey that signed ``challenge``, if it is one of ``user`` or of whomever it names.

    The caller commits, also after None: a passkey that counts backwards is put on record.
    """
    credential = parsed(answer or "")
    if credential is None:
        return None
    # By its bytes: the text beside them can be anything, also what no database takes.
    passkey = db.session.scalar(Passkey.by_credential(bytes_to_base64url(credential.raw_id)))
    if passkey is None or not belongs(passkey, credential, user):
        return None
    count = signed_count(passkey, credential, challenge, is_alone=user is None)
    return passkey if count is not None and counts_forward(passkey, count) else None


def parsed(answer: str) -> AuthenticationCredential | None:
    try:
        return parse_authentication_credential_json(answer)
    except Exception:  # whatever a browser may send: the parser raises all kinds
        return None


def belongs(passkey: Passkey, credential: AuthenticationCredential, user: User | None) -> bool:
    """Whether it is of ``user``; without one, of whom the authenticator itself names."""
    named = credential.response.user_handle
    if user is not None and passkey.user_id != user.id:
        return False
    return named == passkey.user.uuid.bytes or (user is not None and not named)


def signed_count(
    passkey: Passkey, credential: AuthenticationCredential, challenge: str, *, is_alone: bool
) -> int | None:
    """How often the passkey says it was used; None when the signature is not right."""
    try:
        proof = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site_name() or "",
            expected_origin=origin(),
            credential_public_key=passkey.public_key,
            # The library compares counts before it looks at the signature, so that anybody could
            # make a passkey look copied. We compare them ourselves, afterwards.
            credential_current_sign_count=0,
            require_user_verification=is_alone,
        )
    except Exception:  # whatever a browser may send: the parsers raise all kinds
        return None
    return proof.new_sign_count


def counts_forward(passkey: Passkey, count: int) -> bool:
    """Note that the passkey was used, unless its counter went back: then it may be a copy.

    Many passkeys do not count and say 0 for ever.
    """
    if changed(Passkey.used(passkey.id, count)):
        return True
    record(
        "factor.passkey_copied",
        passkey.user.as_subject,
        actor=passkey.user.as_subject,
        detail=passkey.name,
    )
    return False

"""Keeping the secret of an authenticator app so that the database alone does not give it away.

The key comes from SECRET_KEY (HKDF, RFC 5869), one for each person, so that a secret copied to
another account's row opens nothing there. After a change of SECRET_KEY the stored secrets cannot
be read any more: such an app counts as one that cannot be checked, and the person comes in with a
passkey or a recovery code and adds the app anew.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from os import urandom
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

NONCE_BYTES = 12  # NIST SP 800-38D, 5.2.1.1


def seal(secret: str, owner: UUID) -> str:
    """``secret`` encrypted and authenticated (AES-256-GCM), readable for ``owner`` only."""
    nonce = urandom(NONCE_BYTES)
    sealed = _cipher(owner).encrypt(nonce, secret.encode(), owner.bytes)
    return urlsafe_b64encode(nonce + sealed).decode()


def unseal(sealed: str, owner: UUID) -> str | None:
    """The secret; None when it was sealed for somebody else or under another SECRET_KEY."""
    try:
        raw = urlsafe_b64decode(sealed)
        nonce, rest = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
        return _cipher(owner).decrypt(nonce, rest, owner.bytes).decode()
    except (InvalidTag, ValueError):
        return None


def _cipher(owner: UUID) -> AESGCM:
    purpose = b"authenticator app of " + owner.bytes
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    return AESGCM(derived.derive(str(current_app.secret_key or "").encode()))

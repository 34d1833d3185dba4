"""Keeping the secret of an authenticator app so that the database alone does not give it away.

The key comes from SECRET_KEY (HKDF, RFC 5869), one for each person, so that a secret copied to
another account's row opens nothing there. After a change of SECRET_KEY the stored secrets cannot
be read any more: such an app counts as one that cannot be checked, and the person comes in with a
passkey or a recovery code and adds the app anew.
"""

from base64 import urlsafe_b64encode
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app


def seal(secret: str, owner: UUID) -> str:
    """``secret`` encrypted and authenticated, readable for ``owner`` only."""
    return _box(owner).encrypt(secret.encode()).decode()


def unseal(sealed: str, owner: UUID) -> str | None:
    """The secret; None when it was sealed for somebody else or under another SECRET_KEY."""
    try:
        return _box(owner).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _box(owner: UUID) -> Fernet:
    purpose = b"authenticator app of " + owner.bytes
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    key = str(current_app.secret_key or "").encode()
    return Fernet(urlsafe_b64encode(derived.derive(key)))

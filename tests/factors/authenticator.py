"""An authenticator made of a few lines: what a device would answer, and what a liar would."""

import json
import secrets
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url as text

PRESENT, VERIFIED, SYNCABLE, HAS_KEY = 0x01, 0x04, 0x08, 0x40
SITE, ORIGIN = "localhost", "http://localhost"


class Authenticator:
    """Holds one key. ``count`` is the counter it reports next; None for one that never counts."""

    def __init__(self, user: bytes = b"", count: int | None = 1, *, verifies: bool = True) -> None:
        self.user = user
        self.count = count
        self.flags = PRESENT | (VERIFIED if verifies else 0)
        self.identifier = secrets.token_bytes(16)
        self.key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any], origin: str = ORIGIN) -> str:
        """The answer to navigator.credentials.create(options)."""
        attested = bytes(16) + len(self.identifier).to_bytes(2, "big") + self.identifier
        data = self._data(HAS_KEY) + attested + self._public_key()
        statement = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._answer(
            clientDataJSON=self._client("create", options["challenge"], origin),
            attestationObject=cbor2.dumps(statement),
        )

    def get(self, options: dict[str, Any], origin: str = ORIGIN, *, named: bool = True) -> str:
        """The answer to navigator.credentials.get(options)."""
        data, client = self._data(), self._client("get", options["challenge"], origin)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        more = {"userHandle": self.user} if named else {}
        return self._answer(
            clientDataJSON=client, authenticatorData=data, signature=signature, **more
        )

    def _data(self, flags: int = 0) -> bytes:
        count = self.count or 0
        if self.count is not None:
            self.count += 1
        name = sha256(SITE.encode()).digest()
        return name + bytes([self.flags | flags]) + count.to_bytes(4, "big")

    def _public_key(self) -> bytes:
        point = self.key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    @staticmethod
    def _client(deed: str, challenge: str, origin: str) -> bytes:
        said = {"type": f"webauthn.{deed}", "challenge": challenge, "origin": origin}
        return json.dumps(said).encode()

    def _answer(self, **parts: bytes) -> str:
        name = text(self.identifier)
        response = {part: text(value) for part, value in parts.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

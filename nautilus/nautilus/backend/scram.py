"""Passwords as Postgres stores them, so that none is ever sent to it, or logged by it."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

ROUNDS = 4096
SALT_BYTES = 16


def verifier(password: str, salt: bytes | None = None, rounds: int = ROUNDS) -> str:
    """What Postgres' pg_authid.rolpassword holds for this password: RFC 5803, SCRAM-SHA-256."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    server = _keyed(salted, b"Server Key")
    return f"SCRAM-SHA-256${rounds}:{_text(salt)}${_text(stored)}:{_text(server)}"


def matches(found: str | None, password: str) -> bool:
    """Whether a stored verifier is this password's."""
    method, _, rest = (found or "").partition("$")
    parameters, _, _ = rest.partition("$")
    rounds, _, salt = parameters.partition(":")
    if method != "SCRAM-SHA-256" or not rounds.isdecimal():
        return False
    return hmac.compare_digest(verifier(password, b64decode(salt), int(rounds)), found or "")


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, "sha256").digest()


def _text(content: bytes) -> str:
    return b64encode(content).decode()

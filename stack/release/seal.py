"""Encryption of what may not be read by everybody, with a key that the user keeps in a file.

Fernet, of the `cryptography` package: AES-128-CBC with an HMAC, so that a wrong key and a changed
byte are both noticed.
"""

import base64
import binascii
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from stack.errors import DrydockError

KEY_BYTES = 32


def read_key(path: str | None) -> bytes:
    """The key in a file, as `openssl rand -base64 32` writes it; DrydockError for any other."""
    if not path:
        raise DrydockError(
            "say which key secrets are encrypted with: --data key_file=FILE;"
            " make one with: (umask 077; openssl rand -base64 32 >FILE)"
        )
    file = Path(path).expanduser()
    make = f"make one with: (umask 077; openssl rand -base64 32 >{path})"
    try:
        text = file.read_bytes()
        mode = file.stat().st_mode
    except OSError as error:
        raise DrydockError(
            f"key_file = {path!r} can't be read: {error.strerror}; {make}"
        ) from error
    if mode & 0o077:
        raise DrydockError(f"key_file = {path!r} can be read by others: chmod 600 {path}")
    try:
        raw = base64.b64decode(text.strip().replace(b"-", b"+").replace(b"_", b"/"), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise DrydockError(f"key_file = {path!r} holds no key of 32 bytes in base64; {make}")
    return base64.urlsafe_b64encode(raw)


def seal(key: bytes, content: bytes) -> bytes:
    """Encrypt; `key` is what `read_key` gave."""
    return Fernet(key).encrypt(content)


def unseal(key: bytes, sealed: bytes) -> bytes | None:
    """Decrypt; None when the key is another, or a byte was changed."""
    try:
        return Fernet(key).decrypt(sealed)
    except InvalidToken:
        return None

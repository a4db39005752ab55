"""Encrypt and decrypt with age (https://age-encryption.org), by public keys.

The machine that makes backups has public keys only, so whoever takes it over cannot read them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import pyrage

from grps_site.backup.errors import BackupError

SECRET = "AGE-SECRET-KEY-"  # noqa: S105 - how a line with an identity begins


class Writer(Protocol):
    """A file that is only written."""

    def write(self, part: bytes, /) -> int: ...
    def flush(self) -> None: ...


def parse_recipients(texts: Sequence[str]) -> list[Any]:
    """Return public keys, as `age-keygen` or `ssh-keygen` prints them. Raises BackupError."""
    if not texts:
        raise BackupError(
            "BACKUP_RECIPIENTS is empty: set it to the public key that `age-keygen` prints."
        )
    return [_recipient(text) for text in texts]


def read_identities(path: Path) -> list[Any]:
    """Return the private keys of a file from `age-keygen`, or of an SSH key. Raises BackupError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BackupError(f"The private key {path} cannot be read: {error.strerror}.") from None
    lines = [line.strip() for line in content.decode(errors="replace").splitlines()]
    keys = [line for line in lines if line.startswith(SECRET)]
    try:
        if keys:
            return [pyrage.x25519.Identity.from_str(key) for key in keys]
        return [pyrage.ssh.Identity.from_buffer(content)]
    except pyrage.IdentityError as error:
        raise BackupError(f"{path} does not hold a private key of age or SSH: {error}.") from None


def encrypt(source: IO[bytes], target: Writer, recipients: Sequence[Any]) -> None:
    """Encrypt to the end of `source`. Raises OSError if `target` cannot be written."""
    writer = _Writer(target)
    try:
        pyrage.encrypt_io(source, writer, recipients)
    except (pyrage.EncryptError, OSError):
        if writer.error is not None:
            raise writer.error from None
        raise


def decrypt(source: IO[bytes], target: Writer, identities: Sequence[Any]) -> None:
    """Decrypt to the end of `source`. Raises BackupError, and OSError of `target`."""
    writer = _Writer(target)
    try:
        pyrage.decrypt_io(source, writer, identities)
    except pyrage.DecryptError:
        raise BackupError(
            "The private key does not fit this backup: its manifest names the public keys."
        ) from None
    except OSError:
        if writer.error is not None:
            raise writer.error from None
        raise BackupError("The dump cannot be decrypted: it is damaged or cut off.") from None


class _Writer:
    """Writes to a file, and keeps the error that the library would replace by its own."""

    def __init__(self, file: Writer) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, part: bytes) -> int:
        try:
            return self._file.write(part)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def _recipient(text: str) -> Any:
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise BackupError(
            f"BACKUP_RECIPIENTS holds {text!r}, which is not a public key: {error}."
        ) from None

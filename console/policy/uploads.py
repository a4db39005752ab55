"""Read uploaded policy documents: the files, a zip of them, or one JSON object."""

import io
import json
import zipfile
from collections.abc import Iterable

from django.core.files.base import File

from common.errors import Refused
from players.policy.validation import FILES

LARGEST = 1_000_000  # bytes of one document, much more than any real one has
BY_FILE = {name: key for key, name in FILES.items()}


def texts_of(files: Iterable["File[bytes]"]) -> dict[str, str]:
    """Return the uploaded documents by the keys of FILES. Raises Refused naming the invalid file."""
    found: dict[str, str] = {}
    for file in files:
        name = file.name or ""
        body = file.read(LARGEST + 1)
        found |= _zipped(name, body) if name.endswith(".zip") else _single(name, body)
    return found


def _single(name: str, body: bytes) -> dict[str, str]:
    text = _text(name, body)
    key = BY_FILE.get(name.rsplit("/", 1)[-1])
    return {key: text} if key else _whole(name, text)


def _whole(name: str, text: str) -> dict[str, str]:
    """Parse one JSON object with all documents, as the console's download has it."""
    try:
        documents = json.loads(text)
    except (ValueError, RecursionError):
        documents = None
    if not isinstance(documents, dict) or not documents.keys() & FILES.keys():
        raise Refused(
            f"files: {name[:80]!r} is none of {', '.join(BY_FILE)}, nor one JSON object with {', '.join(FILES)}."
        )
    return {key: pretty(documents[key]) for key in FILES if key in documents}


def _zipped(name: str, body: bytes) -> dict[str, str]:
    if len(body) > LARGEST:
        raise Refused(f"files: {name[:80]!r} is larger than {LARGEST} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            inside = [
                one for one in archive.infolist() if one.filename.rsplit("/", 1)[-1] in BY_FILE
            ]
            found: dict[str, str] = {}
            for one in inside[: len(FILES)]:
                with archive.open(one) as file:
                    found |= _single(one.filename, file.read(LARGEST + 1))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        raise Refused(f"files: {name[:80]!r} is no zip file that can be read.") from None
    if not found:
        raise Refused(f"files: {name[:80]!r} holds none of {', '.join(BY_FILE)}.")
    return found


def _text(name: str, body: bytes) -> str:
    if len(body) > LARGEST:
        raise Refused(f"files: {name[:80]!r} is larger than {LARGEST} bytes.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"files: {name[:80]!r} is no text in UTF-8.") from None


def pretty(document: object) -> str:
    """Return a document formatted for editing."""
    return json.dumps(document, indent=2, ensure_ascii=False)

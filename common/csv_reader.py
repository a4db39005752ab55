"""Read CSV as spreadsheets write it, one record at a time.

Separators are commas, semicolons or tabs, found in the header or named by a `sep=` line. Lines end
with LF, CRLF or CR. The encoding is UTF-8, or UTF-16 with a byte order mark. Texts may contain line
breaks inside quotes.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

from common.csv_stream import plain

LONGEST = 10_000  # characters of a line, and of a record
SEPARATORS = ",;\t"
SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[^\w\s"]|\t)"?[,;\s]*', re.IGNORECASE)
SURROGATE = re.compile("[\ud800-\udfff]")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MOST_UNCLOSED = 100  # records; each is read twice, at most LONGEST characters of it
ENCODING = "must be UTF-8; save the file as UTF-8"
QUOTES = 'must be closed, and doubled ("") inside a text'
STOPPED = f"{QUOTES}; nothing after {MOST_UNCLOSED} such lines was read"

Line = tuple[int, str]
Report = Callable[[int, str, str], None]  # line, name of what is wrong, how to correct it


class Records:
    """The records of a file, as lists of values. `separator` is known from the first record on."""

    def __init__(self, stream: IO[bytes], report: Report) -> None:
        self.separator = ""
        self._lines = _decoded(stream, report)
        self._again: deque[Line] = deque()
        self._report = report
        self._unclosed = 0

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Yield line numbers from 1 and values. Lines with blank values only are left out."""
        while (line := self._next()) is not None:
            if not self.separator and self._finds_separator(line[1]):
                continue
            values = self._values(line)
            if values is not None and any(value.strip() for value in values):
                yield line[0], [plain(value) for value in values]

    def _next(self) -> Line | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _finds_separator(self, text: str) -> bool:
        """Return whether the line says nothing but the separator."""
        named = SEPARATOR_LINE.fullmatch(text)
        if named:
            self.separator = named["separator"]
        elif text.strip():
            self.separator = max(SEPARATORS, key=text.count)
        return bool(named)

    def _values(self, line: Line) -> list[str] | None:
        number, text = line
        if '"' not in text:
            return text.split(self.separator)
        return self._quoted(number, text)

    def _quoted(self, number: int, text: str) -> list[str] | None:
        """Return the values of a record that may end on a later line.

        If it does not end within LONGEST characters, its first line alone is reported.
        """
        taken: list[Line] = []
        source = self._continued(text, taken)
        try:
            return next(csv.reader(source, delimiter=self.separator, strict=True))
        except csv.Error:
            self._unclosed += bool(taken)
        self._again.extendleft(reversed(taken))
        if self._unclosed < MOST_UNCLOSED:
            self._report(number, "quotes", QUOTES)
        else:
            self._report(number, "quotes", STOPPED)
            self._again.clear()
            self._lines = iter(())
        return None

    def _continued(self, text: str, taken: list[Line]) -> Iterator[str]:
        """Yield a line and the next ones, at most LONGEST characters. Adds the next to `taken`."""
        size = len(text)
        yield f"{text}\n"
        while (line := self._next()) is not None:
            taken.append(line)
            size += len(line[1]) + 1
            if size > LONGEST:
                return
            yield f"{line[1]}\n"


def lines(stream: IO[bytes], report: Report) -> Iterator[Line]:
    """Yield line numbers from 1 and texts of the lines that are not blank."""
    for number, text in _decoded(stream, report):
        if stripped := text.strip():
            yield number, stripped


def _decoded(stream: IO[bytes], report: Report) -> Iterator[Line]:
    """Yield all lines without their ends. Lines that are too long or not UTF-8 are reported."""
    start = stream.read(2)
    stream.seek(0)
    encoding, errors = ("utf-16", "strict") if start in UTF_16 else ("utf-8-sig", "surrogateescape")
    reader = io.TextIOWrapper(stream, encoding, errors, newline=None)
    try:
        yield from _checked(reader, report)
    finally:
        reader.detach()


def _checked(reader: io.TextIOWrapper, report: Report) -> Iterator[Line]:
    number = 0
    while text := _line(reader):
        number += 1
        if "\0" in text:
            report(number, "encoding", ENCODING)
            return
        if len(text) > LONGEST:
            report(number, "line", f"must be at most {LONGEST} characters long")
            _skip_line(reader)
        elif SURROGATE.search(text):  # a byte that is not UTF-8
            report(number, "encoding", ENCODING)
        else:
            yield number, text.rstrip("\n")


def _line(reader: io.TextIOWrapper) -> str:
    """Return the next line, NUL if it cannot be decoded, and an empty text at the end."""
    try:
        return reader.readline(LONGEST + 1)
    except UnicodeDecodeError:
        return "\0"


def _skip_line(reader: io.TextIOWrapper) -> None:
    while (text := reader.readline(LONGEST)) and not text.endswith("\n"):
        pass

"""Read an import from CSV or JSON lines, one line in memory at a time."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from common import csv_reader, strict_json
from players.imports import columns
from players.imports.columns import NoColumns
from players.imports.values import ParsedRow, parse

FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
EXAMPLE = '{"userId": 1, "points": 120}'


class UnusableFile(ValueError):
    """The file as a whole cannot be read. The text says how to correct it."""


@dataclass(slots=True)
class ImportFile:
    """An open file called `name`. `given`: the header's names of our columns.

    `ignored`: names of columns that are not read, known after the first row.
    """

    stream: IO[bytes]
    name: str
    now: dt.datetime
    given: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def rows(self) -> Iterator[ParsedRow]:
        """Yield every line that is not blank; those with an error too. Raises UnusableFile."""
        form = FORMATS.get(Path(self.name).suffix.lower())
        if form is None:
            raise UnusableFile(f"{self.name}: name it .csv or .jsonl, after what is in it.")
        return self._csv() if form == "csv" else self._jsonl()

    def _csv(self) -> Iterator[ParsedRow]:
        problems: list[ParsedRow] = []
        records = csv_reader.Records(self.stream, _reporting(problems))
        found = iter(records)
        number, header = next(found, (1, []))
        if problems:
            raise UnusableFile(f"line {problems[0].line}: {problems[0].error}.")
        try:
            known = columns.find(header, self.given)
        except NoColumns as error:
            raise UnusableFile(str(error)) from None
        self.ignored = known.ignored
        width, commas = len(header), records.separator != ","
        for number, record in found:
            yield from _taken(problems)
            if any(value.strip() for value in record[width:]):
                hint = f"must be {width} as in the header; put texts with separators in quotes"
                yield ParsedRow(number, error=f"fields: {hint}")
                continue
            yield parse(number, known.values(record), self.now, commas=commas)
        yield from _taken(problems)

    def _jsonl(self) -> Iterator[ParsedRow]:
        problems: list[ParsedRow] = []
        for number, text in csv_reader.lines(self.stream, _reporting(problems)):
            yield from _taken(problems)
            yield self._object(number, text)
        yield from _taken(problems)

    def _object(self, number: int, text: str) -> ParsedRow:
        try:
            value = strict_json.loads(text)
        except strict_json.RepeatedName:
            return ParsedRow(number, error="JSON: must give each field once")
        except (ValueError, ArithmeticError, RecursionError):
            return ParsedRow(number, error=f"JSON: must be one object a line, like {EXAMPLE}")
        if not isinstance(value, dict):
            return ParsedRow(number, error=f"JSON: must be one object a line, like {EXAMPLE}")
        return parse(number, self._named(value), self.now, commas=False)

    def _named(self, value: Mapping[str, Any]) -> dict[str, Any]:
        ours = columns.mapped(value) | {name: our for our, name in self.given.items()}
        return {ours[name]: one for name, one in value.items() if name in ours}


def _reporting(problems: list[ParsedRow]) -> csv_reader.Report:
    def report(line: int, name: str, hint: str) -> None:
        problems.append(ParsedRow(line, error=f"{name}: {hint}"))

    return report


def _taken(problems: list[ParsedRow]) -> list[ParsedRow]:
    taken = problems[:]
    problems.clear()
    return taken

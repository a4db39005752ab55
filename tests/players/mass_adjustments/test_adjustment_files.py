"""Files of rows: errors have their line and a hint, and values are read exactly as written."""

import io
import time
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import csv_reader, csv_stream
from players.mass_adjustments.files import FileRow, UnknownFormat, ValidationErrors, read


def parse(
    tmp_path: Path, content: str | bytes, name: str = "f.csv"
) -> tuple[list[FileRow], list[str]]:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    errors = ValidationErrors()
    return list(read(file, errors)), errors.shown


def test_csv_as_spreadsheets_write_it(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbfuserId,amount,reason\r\n1,12.5,"late, but ""there"""\r\n\r\n 2 , -0.01 ,\r\n3,+7,x'
    assert parse(tmp_path, content) == (
        [FileRow(2, 1, 1250, 'late, but "there"'), FileRow(4, 2, -1, ""), FileRow(5, 3, 700, "x")],
        [],
    )


SAME = [FileRow(2, 1, 1250, "late"), FileRow(3, 2, -1, "")]


@pytest.mark.parametrize(
    "content",
    [
        '"userId","amount","reason"\n"1","12.5","late"\n"2","-0.01",""\n',
        "userId,amount,reason,,\n1,12.5,late,,\n2,-0.01,,,\n",
        "userId,amount,reason\n1,12.5,late,,,\n2,-0.01,,\n,,,,\n",
        ",userId,,amount,reason\n,1,,12.5,late\n,2,,-0.01,\n",
        "User ID, AMOUNT , Reason\n1,12.5,late\n2,-0.01,\n",
        "user_id\tamount\treason\n1\t12,5\tlate\n2\t-0,01\t\n",
        "userId;amount;reason\r\n1;12,50;late\r\n2;-0.01;\r\n",
        "reason,userid,amount\nlate,1,12.5\n,2,-0.01\n",
        "userId,amount,reason\r1,12.5,late\r2,-0.01,\r",
        "\ufeffuserId,amount,reason\n'1,12.5,late\n\u00a02\u00a0,'-0.01,\n",
    ],
)
def test_each_way_a_spreadsheet_writes_the_same_file(tmp_path: Path, content: str) -> None:
    assert parse(tmp_path, content) == (SAME, [])
    assert parse(tmp_path, content.encode("utf-16")) == (SAME, [])


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;;;", "sep=;\r"])
def test_a_line_may_name_the_separator(tmp_path: Path, first: str) -> None:
    rows, errors = parse(tmp_path, f"{first}\nuserId;amount\n1;12,5\n")
    assert (rows, errors) == ([FileRow(3, 1, 1250)], [])


def test_texts_may_have_line_breaks(tmp_path: Path) -> None:
    content = 'userId,amount,reason\n1,2,"won\r\n\nthe ""cup"""\n3,4,x\n'
    rows, errors = parse(tmp_path, content)
    assert (rows, errors) == (
        [FileRow(2, 1, 200, 'won\n\nthe "cup"'), FileRow(5, 3, 400, "x")],
        [],
    )


@pytest.mark.parametrize("line", ['""\n', 'a","\n'])
def test_quotes_that_are_not_closed_take_no_long_time(line: str) -> None:
    """Each line is read a few times, not once for each of the thousands before it."""
    wrong: list[str] = []
    content = "a,b\n" + ('"\n' + line * 4_000) * 50
    records = csv_reader.Records(io.BytesIO(content.encode()), lambda *one: wrong.append(one[2]))
    begun = time.process_time()
    assert len(list(records)) < 10
    assert time.process_time() - begun < 5
    assert csv_reader.QUOTES in wrong
    assert (wrong[-1] == csv_reader.STOPPED) == (line != '""\n')


def test_a_quote_that_is_not_closed_spoils_its_own_line_only(tmp_path: Path) -> None:
    lines = [f"{number},1,x" for number in range(1, 3_000)]
    lines[1] = '2,1,"x'
    rows, errors = parse(tmp_path, "userId,amount,reason\n" + "\n".join(lines))
    assert len(rows) == 2_998
    assert errors == ['line 3: quotes: must be closed, and doubled ("") inside a text']


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    reasons = ["=1+1", "a;=b", "'=x", "007", "9" * 20, "two\nlines", 'say "hi"', "1E9", "ü"]
    written = list(enumerate(reasons, 9_007_199_254_740_993))
    rows = ((user_id, "-1.50", reason) for user_id, reason in written)
    content = "".join(csv_stream.document(("userId", "amount", "reason"), rows))
    found, errors = parse(tmp_path, content)
    assert errors == []
    assert [(row.user_id, row.reason) for row in found] == written


def test_jsonl(tmp_path: Path) -> None:
    content = '{"userId": 1, "amount": 12.50}\n{"amount": -3, "userId": 2, "reason": "é"}\n{"userId":3,"amount":1e2}\n'
    assert parse(tmp_path, content, "f.JSONL") == (
        [FileRow(1, 1, 1250), FileRow(2, 2, -300, "é"), FileRow(3, 3, 10_000)],
        [],
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1", "fields: must be 2 as in the header, not 1"),
        (
            "1,12,50",
            "fields: must be 2 as in the header, not 3; write amounts with a point, like 12.50",
        ),
        ("x,1", "userId: must be a Roblox user id"),
        ("0,1", "userId: must be a Roblox user id"),
        ("-5,1", "userId: must be a Roblox user id"),
        ("9223372036854775808,1", "userId: must be a Roblox user id"),
        ("1.23457E+09,1", "a spreadsheet has rewritten it: format the column as text"),
        ("٣,1", "userId: must be a Roblox user id"),
        ("1,", "amount: must be a number with at most two decimals, like 12.50"),
        ("1,ten", "amount: must be a number with at most two decimals, like 12.50"),
        ("1,NaN", "amount: must be a number"),
        ("1,1e3", "amount: must be a number"),
        ("1,1_000", "amount: must be a number"),
        ("1,0.001", "amount: must have at most two decimals, like 12.50"),
        (
            "1,0.500000000000000000000000000000000001",
            "amount: must be a number with at most two decimals",
        ),
        ("1,0.00", "amount: must not be 0: leave the line out"),
        ("1,100000000000", "amount: must be below a hundred billion"),
        ('1,"5', "quotes: must be closed, and doubled"),
        ('1,"5"x', "quotes: must be closed, and doubled"),
        ("1,2,,3", "fields: must be 2 as in the header, not 4"),
    ],
)
def test_a_bad_csv_line_is_named_and_others_are_read(tmp_path: Path, line: str, said: str) -> None:
    rows, errors = parse(tmp_path, f"userId,amount\n7,1\n{line}\n8,2\n")
    assert rows == [FileRow(2, 7, 100), FileRow(4, 8, 200)]
    assert len(errors) == 1
    assert errors[0].startswith("line 3: ")
    assert said in errors[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", 'JSON: must be one object a line, like {"userId": 1, "amount": 12.50}'),
        ("[1, 2]", "JSON: must be one object a line"),
        ("[" * 5_000, "JSON: must be one object a line"),
        ('{"userId": 1, "amount": NaN}', "JSON: NaN is not a JSON number"),
        ('{"userId": 1, "userId": 2, "amount": 1}', "JSON: must give each field once"),
        ('{"userId": 1, "amount": 1, "points": 2}', "points: is not known"),
        ('{"amount": 1}', "userId: must be a Roblox user id"),
        ('{"userId": "1", "amount": 1}', "without quotes"),
        ('{"userId": true, "amount": 1}', "userId: must be"),
        ('{"userId": 1.0, "amount": 1}', "userId: must be"),
        ('{"userId": 1}', "amount: must be a number"),
        ('{"userId": 1, "amount": "1"}', "without quotes"),
        ('{"userId": 1, "amount": true}', "amount: must be a number"),
        ('{"userId": 1, "amount": 0.1234}', "amount: must have at most two decimals"),
        ('{"userId": 1, "amount": 1e999999999}', "amount: must be a finite number"),
        ('{"userId": 1, "amount": 1e9999999999999999999999}', "JSON: must be one object"),
        ('{"userId": 1, "amount": ' + "9" * 5_000 + "}", "JSON: must be one object"),
        ('{"userId": 1, "amount": 1, "reason": 5}', "reason: must be a text"),
        ('{"userId": 1, "amount": 1, "reason": "\\u0000"}', "reason: must be a text without NUL"),
        ('{"userId": 1, "amount": 1, "reason": "\\ud800"}', "reason: must be a text"),
        (
            '{"userId": 1, "amount": 1, "reason": "' + "x" * 501 + '"}',
            "reason: must be at most 500 characters",
        ),
        ("x" * 10_001, "line: must be at most 10000 characters long"),
    ],
)
def test_a_bad_jsonl_line_is_named_with_its_fix(tmp_path: Path, line: str, said: str) -> None:
    good = '{"userId": 7, "amount": 1}'
    rows, errors = parse(tmp_path, f"{good}\n{line}\n{good}\n", "f.jsonl")
    assert [row.line for row in rows] == [1, 3]
    assert len(errors) == 1
    assert errors[0].startswith("line 2: ")
    assert said in errors[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: header: must be userId,amount"),
        (b"userId|amount\n1|2\n", "each once, not 'userId|amount': write it as the first line"),
        (b"user,points\n1,2\n", "header: must be userId,amount or userId,amount,reason; remove"),
        (b"userId,amount,amount\n1,2,2\n", "each once"),
        (b"userId,reason\n1,2\n", "each once, not 'userId,reason'"),
        (b"userId,amount,status\n1,2,done\n", "remove the column 'status'"),
        ("userId,amount\n1,2\n".encode("utf-16-le"), "line 1: encoding: must be UTF-8"),
        ("userId,amount\n1,2\n".encode("utf-16")[:-1], "encoding: must be UTF-8"),
        (
            b"userId,amount,reason\n1,2,\xe9t\xe9\n",
            "line 2: encoding: must be UTF-8; save the file as UTF-8",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_with_its_fix(
    tmp_path: Path, content: bytes, said: str
) -> None:
    rows, errors = parse(tmp_path, content)
    assert rows == []
    assert len(errors) == 1
    assert said in errors[0]


def test_the_name_says_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"name it \.csv or \.jsonl"):
        parse(tmp_path, "", "f.xlsx")


def test_a_hundred_flaws_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("userId,amount\n" + "1,x\n" * 250)
    errors = ValidationErrors()
    assert list(read(file, errors)) == []
    assert (errors.total, len(errors.shown), errors.shown[-1][:9]) == (250, 100, "line 101:")


@given(
    amount=st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**10), max_value=10**10
    )
)
def test_amounts_are_exact_in_both_forms(
    tmp_path_factory: pytest.TempPathFactory, amount: Decimal
) -> None:
    folder = tmp_path_factory.mktemp("exact")
    expected = int(amount * 100)
    if expected == 0:
        return
    csv_rows, _ = parse(folder, f"userId,amount\n1,{amount:f}\n")
    json_rows, _ = parse(folder, f'{{"userId": 1, "amount": {amount:f}}}\n', "f.jsonl")
    assert [row.amount for row in (*csv_rows, *json_rows)] == [expected, expected]


def test_memory_stays_flat(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    with file.open("w") as stream:
        stream.write("userId,amount\n")
        stream.writelines(f"{number},1\n" for number in range(1, 50_000))
    tracemalloc.start()
    count = sum(1 for _ in read(file, ValidationErrors()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 49_999
    assert peak < 200_000  # bytes

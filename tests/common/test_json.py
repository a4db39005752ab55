from decimal import Decimal
from typing import Any

import pytest

from common import strict_json
from common.canonical_json import canonical, canonical_exact


def test_one_value_has_one_text() -> None:
    assert canonical({"b": [1, None], "a": "é\n"}) == '{"a":"é\\n","b":[1,null]}'
    assert canonical_exact({"b": 1, "a": 2}) == canonical_exact({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [1.5, Decimal("1.5"), [1.0], {"a": {"b": 0.1}}, {1: "a"}, b"a"])
def test_what_languages_write_differently_has_no_exact_text(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_exact(value)


def test_fractions_are_read_exactly() -> None:
    assert strict_json.loads('{"a": [0.10, 1e2, 3]}') == {"a": [Decimal("0.10"), Decimal(100), 3]}


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused_by_name(name: str) -> None:
    with pytest.raises(strict_json.NotFinite, match=f"^{name} is not a JSON number"):
        strict_json.loads(f'{{"a": [{name}]}}')


def test_a_repeated_name_is_refused_in_any_object() -> None:
    with pytest.raises(strict_json.RepeatedName, match="'b' stands twice"):
        strict_json.loads('{"a": {"b": 1, "c": 2, "b": 1}}')

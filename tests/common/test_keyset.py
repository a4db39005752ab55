"""Pages by key."""

from operator import attrgetter, itemgetter
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from common.keyset import paged


@pytest.fixture
def types(db: None) -> list[ContentType]:
    ContentType.objects.all().delete()
    return [ContentType.objects.create(app_label="test", model=f"m{number}") for number in range(7)]


@pytest.mark.parametrize("size", [1, 3, 6, 7, 8])
def test_every_row_comes_once_in_order(types: list[ContentType], size: int) -> None:
    rows = ContentType.objects.order_by("-model")
    assert list(paged(rows, "id", attrgetter("id"), size)) == types
    values = ContentType.objects.values_list("id", "model")
    assert list(paged(values, "id", itemgetter(0), size)) == [(one.pk, one.model) for one in types]


def test_a_page_is_one_statement(types: list[ContentType], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        list(paged(ContentType.objects.all(), "id", attrgetter("id"), 3))
    with django_assert_num_queries(1):
        assert list(paged(ContentType.objects.filter(pk=0), "id", attrgetter("id"), 3)) == []

"""Nonces of signed reads are kept by all threads of a process together."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from grps_site.http import signed_calls


@pytest.fixture(autouse=True)
def _few_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_calls, "_seen", {})
    monkeypatch.setattr(signed_calls, "MAX_SEEN", 8)


def test_threads_neither_fail_nor_accept_a_nonce_twice() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            accepted = list(pool.map(signed_calls._remember, [f"n{n // 4}" for n in range(20_000)]))
    finally:
        sys.setswitchinterval(before)
    assert 5_000 <= accepted.count(True) < 6_000
    assert len(signed_calls._seen) == 8

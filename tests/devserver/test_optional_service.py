"""A service that the rest can do without: nothing waits for it, and it alone is given up."""

from pathlib import Path

import pytest

from devserver.process import Service
from devserver.state import State
from devserver.supervisor import Supervisor


def _service(folder: Path, script: str, **changes: object) -> Service:
    return Service(
        "portal",
        ["sh", "-c", f"echo start >> {folder / 'starts'}; {script}"],
        folder / "portal.log",
        lambda _: (folder / "serves").exists(),
        optional=True,
        notice="The portal serves",
        **changes,
    )


def _starts(folder: Path) -> int:
    return (folder / "starts").read_text().count("start")


def test_nothing_waits_for_it_and_its_address_is_printed_once_it_is_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = _service(tmp_path, f"sleep 1; touch {tmp_path / 'serves'}; exec sleep 600")
    with Supervisor(State.at(tmp_path)) as supervisor:
        supervisor.add([service])
        assert not service.was_up
        supervisor.run(until=lambda: service.was_up)
    assert capsys.readouterr().out == "The portal serves\n"


@pytest.mark.parametrize(("code", "starts"), [(78, 1), (1, 3)])
def test_it_is_given_up_alone_with_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: int, starts: int
) -> None:
    service = _service(tmp_path, f"echo page:1 is broken; exit {code}")
    with Supervisor(State.at(tmp_path)) as supervisor:
        supervisor.add([service])
        supervisor.run(until=lambda: service.given_up)
        supervisor.run(until=iter([False, False, True]).__next__)
    error = capsys.readouterr().err
    assert f"GRPS goes on without it: portal ended with code {code}; its log is " in error
    assert "page:1 is broken" in error
    assert _starts(tmp_path) == starts


def test_it_is_given_up_when_it_does_not_come_up_in_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = _service(tmp_path, "exec sleep 600", start_timeout=0.5)
    with Supervisor(State.at(tmp_path)) as supervisor:
        supervisor.add([service])
        supervisor.run(until=lambda: service.given_up)
        assert service.is_dead()
    assert "portal did not come up in time" in capsys.readouterr().err

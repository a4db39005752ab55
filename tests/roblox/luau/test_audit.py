"""Log lines that game servers send to GRPS."""

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import NIA, Answer, Universe


def test_a_long_line_is_cut_between_characters(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    server.do(
        "grps.context.say('test.long', string.rep('가', 400)) grps.context.say('test.odd', 'a\\255b')"
    )
    universe.run(12)
    assert server.machine.errors == []
    found = {line["kind"]: line["text"] for line in grps.lines}
    assert found["test.long"] == "가" * 166
    assert found["test.odd"] == "a?b"


def test_a_changed_key_is_read_again_and_no_line_is_lost(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    asked: list[str] = []

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        asked.append(headers["x-grps-api-key"])
        return (403, {}, "{}") if len(asked) < 20 else grps(url, method, headers, body)

    universe.http = http
    server.machine.call(
        server.machine.chunk("(...).context.say('test.kept', 'a line')"), server.grps
    )
    server.award(NIA, "training")
    universe.run(400)
    assert grps.total(NIA) == 15_00
    assert "test.kept" in {line["kind"] for line in grps.lines}
    held = server.machine.chunk("return (...).context.api.key ~= nil")
    assert server.machine.call(held, server.grps) is True
    universe.http = lambda *_: (401, {}, "{}")
    server.award(NIA, "training")
    universe.run(20)
    assert server.machine.call(held, server.grps) is False  # it is dropped after a refusal


def test_one_refused_line_is_dropped_alone(universe: Universe, grps: Grps) -> None:
    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        spoilt = url.endswith("/roblox/audits") and "poison" in body
        return (400, {}, "{}") if spoilt else grps(url, method, headers, body)

    universe.http = http
    server = universe.playing()
    for number in range(9):
        text = "poison" if number == 4 else f"line {number}"
        server.machine.call(
            server.machine.chunk("local grps, text = ... grps.context.say('test.line', text)"),
            server.grps,
            text,
        )
    universe.run(120)
    found = [line["text"] for line in grps.lines if line["kind"] == "test.line"]
    assert sorted(found) == sorted(f"line {number}" for number in range(9) if number != 4)

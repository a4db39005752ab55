"""Member reports on /me, in the queue, on their own pages and in the case file."""

from html import unescape

from django.test import Client

from players.models import MemberReport, ReportMute
from tests.console.accounts.conftest import Roblox
from tests.console.conftest import Make
from tests.console.members.test_me import enter
from tests.console.people import client_as


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer
    return unescape(answer.content.decode())


def test_a_report_goes_from_the_member_to_the_answer(roblox: Roblox, player: Make) -> None:
    for user_id in (501, 502):
        player(user_id, rank="Captain I")
    staff = client_as(player(503, rank="Tempest Major"))
    roblox.knows(501, "Nia")
    member = enter(roblox, 501)
    given = {"verb": "report", "player": "PLAYER_502", "words": "spammed", "evidence": ""}
    assert member.post("/me", given)["Location"] == "/me?done=reported"
    again = member.post("/me", given)
    assert (again.status_code, b"already" in again.content) == (400, True)
    assert b"nobody is known" in member.post("/me", given | {"player": "x"}).content.lower()
    assert "waits for staff" in page(member, "/me")
    report = MemberReport.objects.get()
    assert "player_502 was reported" in page(staff, "/admin/?kind=reports").replace(
        "\u2068", ""
    ).replace("\u2069", "")
    assert "spammed" in page(staff, "/admin/reports/")
    address = f"/admin/reports/{report.pk}/"
    assert "0 led to an act" in page(staff, address)
    staff.post(address, {"reason": "We talked to them.", "outcome": "acted"})
    assert "We talked to them." in page(member, "/me")
    assert "Answered on" in page(staff, address)
    assert "?player=502" in page(staff, "/admin/players/502/")
    assert "staff acted" in page(staff, "/admin/reports/?player=502")


def test_staff_join_reports_and_mute_a_reporter(player: Make) -> None:
    one, two, three = (player(user_id, rank="Captain I") for user_id in (501, 502, 503))
    staff = client_as(player(504, rank="Tempest Major"))
    first, second = (
        MemberReport.objects.create(reporter=by, reported=three, source="page", reason="spam")
        for by in (one, two)
    )
    staff.post(f"/admin/reports/{first.pk}/join/", {"reason": "the same"})
    second.refresh_from_db()
    assert second.joined_to_id == first.pk
    assert "(2 reports)" in page(staff, "/admin/?kind=reports")
    staff.post("/admin/reports/mute/501/", {"reason": "made it up", "days": "7"})
    assert ReportMute.objects.get().ends_at is not None
    assert "made it up" in page(staff, "/admin/reports/?player=501")
    staff.post("/admin/reports/unmute/501/", {"reason": "again"})
    assert ReportMute.objects.get().ended_at is not None
    plain = client_as(one)
    assert plain.get(f"/admin/reports/{first.pk}/").status_code in {302, 403}


def test_the_reported_does_not_read_who_reported_them(player: Make) -> None:
    by, major, other = (player(501), *(player(n, rank="Tempest Major") for n in (502, 503)))
    report = MemberReport.objects.create(
        reporter=by, reported=major, source="page", reason="shouted at me"
    )
    places = [
        f"/admin/reports/{report.pk}/",
        "/admin/reports/",
        "/admin/reports/?player=502",
        "/admin/?kind=reports",
    ]
    for place in places:
        assert "shouted at me" in page(client_as(other), place)
    reported = client_as(major)
    assert reported.get(places[0]).status_code == 404
    for place in places[1:]:
        assert "shouted at me" not in page(reported, place)

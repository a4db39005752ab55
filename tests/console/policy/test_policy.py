"""The policy's pages: versions are typed or uploaded, compared, activated and rolled back."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audits.actions import Action
from audits.models import AuditEvent
from common.errors import Refused
from players.active_policy import activate, active
from players.models import Approval, Player, PolicyActivation, PolicyVersion, Rank, Simulation
from players.moderation.actors import at_the_shell
from players.policy.bundle import parse_bundle, read_bundle
from players.policy.diff import RuleDifference, compare, lines
from players.policy.validation import FILES
from players.policy_changes import activation, simulations
from tests.console.people import client_as, client_with_role

pytestmark = pytest.mark.django_db
Make = Callable[..., Player]
Documents = dict[str, Any]
NEW = "/admin/policy/new/"


def documents() -> Documents:
    """Return the active documents, which the test may change."""
    found: Documents = json.loads(json.dumps(PolicyVersion.objects.get(is_active=True).documents))
    return found


def posted(found: Documents, **more: Any) -> dict[str, Any]:
    texts = {key: json.dumps(found[key]) for key in FILES}
    return texts | {"verb": "keep", "reason": "Trainings are worth more"} | more


def keep(client: Client, found: Documents) -> PolicyVersion:
    answer = client.post(NEW, posted(found))
    assert answer.status_code == 302, answer.context["problems"]
    return PolicyVersion.objects.order_by("-number")[0]


def dearer(weight: int = 30) -> Documents:
    found = documents()
    found["points"]["events"]["training"]["weight"] = weight
    return found


def simulate(client: Client, number: int) -> Any:
    """Run a simulation. Returns its page."""
    address = reverse("console:policy-simulation", args=[number])
    client.post(address)
    simulations.run_due()
    return client.get(address)


def ask(client: Client, number: int) -> Approval:
    simulate(client, number)
    client.post(reverse("console:policy-activate", args=[number]), {"reason": "As voted"})
    return Approval.objects.latest("pk")


def decide(client: Client, approval: Approval, verb: str = "approve") -> Any:
    return client.post(
        reverse("console:approval", args=[approval.pk]), {"verb": verb, "words": "Agreed"}
    )


def test_a_valid_version_is_kept_and_is_not_in_force(owner: Client, bootstrapped: None) -> None:
    before = active().number
    version = keep(owner, dearer())
    assert (version.number, version.is_active) == (before + 1, False)
    assert active().number == before
    event = AuditEvent.objects.get(action=Action.POLICY_ADDED)
    assert event.details["after"]["number"] == version.number


def test_the_same_content_is_the_same_version(owner: Client, bootstrapped: None) -> None:
    assert keep(owner, dearer()) == keep(owner, dearer())
    assert AuditEvent.objects.filter(action=Action.POLICY_ADDED).count() == 1


def test_every_defect_is_named_and_input_is_kept(owner: Client, bootstrapped: None) -> None:
    found = dearer()
    found["ranks"]["ranks"][3]["minPoints"] = -5
    given = posted(found, punishments='{"trial_threshold": ')
    page = owner.post(NEW, given)
    told = [(one.file, one.path) for one in page.context["problems"]]
    assert ("policy.ranks.json", "ranks[3].minPoints") in told
    assert ("policy.punishments.json", "$") in told
    assert page.context["form"]["punishments"].value() == '{"trial_threshold": '
    assert page.context["form"]["reason"].value() == "Trainings are worth more"
    assert PolicyVersion.objects.count() == 1


def test_a_check_keeps_nothing_and_tells_what_would_change(
    owner: Client, bootstrapped: None
) -> None:
    page = owner.post(NEW, posted(dearer(), verb="check"))
    assert [
        (one.what, one.field, one.before, one.after) for one in page.context["differences"]
    ] == [("training", "weight", "15", "30")]
    assert PolicyVersion.objects.count() == 1


def test_a_version_needs_a_reason(owner: Client, bootstrapped: None) -> None:
    page = owner.post(NEW, posted(dearer(), reason=" "))
    assert "it is required" in str(page.context["form"].errors["reason"])
    assert PolicyVersion.objects.count() == 1


def zipped(found: Documents) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for key, name in FILES.items():
            archive.writestr(f"config/{name}", json.dumps(found[key]))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("policy.points.json", lambda found: json.dumps(found["points"]).encode()),
        ("bundle.json", lambda found: json.dumps(found).encode()),
        ("bundle.zip", zipped),
    ],
)
def test_an_upload_takes_the_place_of_what_is_typed(
    owner: Client, bootstrapped: None, name: str, body: Callable[[Documents], bytes]
) -> None:
    upload = SimpleUploadedFile(name, body(dearer(45)))
    owner.post(NEW, posted(documents(), files=[upload]))
    assert (
        PolicyVersion.objects.latest("number").documents["points"]["events"]["training"]["weight"]
        == 45
    )


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("notes.json", b"[1]", "is none of"),
        ("bundle.zip", b"no zip at all", "no zip file"),
        ("policy.points.json", b"\xff\xfe{", "no text in UTF-8"),
        ("policy.points.json", b"x" * 1_000_001, "larger than"),
    ],
)
def test_an_upload_that_is_none_is_named_and_the_texts_stay(
    owner: Client, bootstrapped: None, name: str, body: bytes, words: str
) -> None:
    page = owner.post(NEW, posted(dearer(), files=[SimpleUploadedFile(name, body)]))
    assert words in str(page.context["form"].non_field_errors())
    assert '"weight": 30' in page.context["form"]["points"].value()
    assert PolicyVersion.objects.count() == 1


def test_a_version_comes_into_force_by_a_second_owner_alone(
    owner: Client, deputy: Client, bootstrapped: None
) -> None:
    version = keep(owner, dearer())
    approval = ask(owner, version.number)
    decide(owner, approval)
    assert active().number != version.number
    decide(deputy, approval)
    assert active().number == version.number
    approval.refresh_from_db()
    event = AuditEvent.objects.get(pk=approval.carried_out)
    assert (event.action, event.policy_version) == (Action.POLICY_ACTIVATED, version.content_hash)


def test_the_former_version_comes_back_the_same_way(
    owner: Client, deputy: Client, bootstrapped: None
) -> None:
    former = active().number
    decide(deputy, ask(owner, keep(owner, dearer()).number))
    simulate(owner, former)
    page = owner.get(reverse("console:policy-version", args=[former])).content.decode()
    assert "Roll back to it" in page
    decide(owner, ask(deputy, former))
    assert active().number == former


def test_a_version_without_a_held_rank_cannot_be_requested(owner: Client, player: Make) -> None:
    player(5, rank="Storm Corporal II")
    found = documents()
    found["ranks"]["ranks"] = [
        row for row in found["ranks"]["ranks"] if row["name"] != "Storm Corporal II"
    ]
    del found["permissions"]["ranks"]["Storm Corporal II"]
    version = keep(owner, found)
    page = owner.get(reverse("console:policy-version", args=[version.number])).content.decode()
    assert "Players hold" in page or "players hold Storm Corporal II" in page
    answer = owner.post(
        reverse("console:policy-activate", args=[version.number]), {"reason": "As voted"}
    )
    assert "Storm Corporal II" in str(answer.context["form"].non_field_errors())
    assert not Approval.objects.exists()


def test_a_rank_that_was_taken_up_since_stops_the_activation(
    owner: Client, deputy: Client, player: Make
) -> None:
    found = documents()
    found["ranks"]["ranks"] = [
        row for row in found["ranks"]["ranks"] if row["name"] != "Storm Corporal II"
    ]
    del found["permissions"]["ranks"]["Storm Corporal II"]
    approval = ask(owner, keep(owner, found).number)
    player(5, rank="Storm Corporal II")
    answer = decide(deputy, approval)
    assert "Move them first" in answer.content.decode()
    approval.refresh_from_db()
    assert approval.status == Approval.Status.WAITING
    assert not Rank.objects.get(name="Storm Corporal II").retired


def test_only_one_activation_waits_at_a_time(owner: Client, bootstrapped: None) -> None:
    first, second = keep(owner, dearer(30)), keep(owner, dearer(31))
    ask(owner, first.number)
    answer = owner.post(
        reverse("console:policy-activate", args=[second.number]), {"reason": "As voted"}
    )
    assert "waits for its second owner already" in str(answer.context["form"].non_field_errors())


def test_what_is_in_force_cannot_be_asked_for(owner: Client, bootstrapped: None) -> None:
    with pytest.raises(Refused, match="in force already"):
        activation.ask_activation(
            active().number, by=at_the_shell(), reason="again", now=timezone.now()
        )
    with pytest.raises(Refused, match="no policy 77"):
        activation.ask_activation(77, by=at_the_shell(), reason="again", now=timezone.now())


def test_two_versions_are_compared_rule_by_rule(owner: Client, bootstrapped: None) -> None:
    former, version = active().number, keep(owner, dearer())
    page = owner.get("/admin/policy/difference/", {"from": former, "to": version.number})
    assert page.context["differences"] == [
        RuleDifference("points", "changed", "training", "weight", "15", "30")
    ]
    assert '-      "weight": 15' in page.content.decode().replace("&quot;", '"')
    assert owner.get("/admin/policy/difference/", {"from": former, "to": "x"}).status_code == 404


def test_what_is_downloaded_can_be_uploaded_again(owner: Client, bootstrapped: None) -> None:
    body = owner.get(reverse("console:policy-documents", args=[active().number])).content
    found = json.loads(body)
    texts = {key: json.dumps(found[key]) for key in FILES}
    assert read_bundle(texts).version == active().bundle.version


def test_ranks_that_come_go_and_move_are_told_apart(bootstrapped: None) -> None:
    before, found = active().bundle, documents()
    rows, allowed = found["ranks"]["ranks"], found["permissions"]["ranks"]
    gone = next(row for row in rows if row["name"] == "Shock Trooper II")
    rows[rows.index(gone)] = gone | {"name": "Shock Trooper III"}
    allowed["Shock Trooper III"] = allowed.pop("Shock Trooper II")
    high = next(row for row in rows if row["name"] == "Envoy")
    place = rows.index(high)
    rows[place], rows[place + 1] = rows[place + 1], rows[place]
    told = {
        (one.kind, one.what)
        for one in compare(before, parse_bundle(found))
        if one.kind != "changed"
    }
    assert {("added", "Shock Trooper III"), ("removed", "Shock Trooper II")} <= told
    assert {what for kind, what in told if kind == "moved"} <= {
        "Envoy",
        "Ambassador",
        "Tempest Major",
    }
    assert ("moved", "Envoy") in told


def test_a_policy_does_not_differ_from_itself(bootstrapped: None) -> None:
    bundle = active().bundle
    assert compare(bundle, bundle) == []
    assert lines(bundle, bundle) == {}


def test_an_auditor_reads_and_changes_nothing(player: Make, owner: Client) -> None:
    auditor = client_with_role(player(70), "auditor")
    number = active().number
    for address in ("/admin/policy/", reverse("console:policy-version", args=[number])):
        assert auditor.get(address).status_code == 200
    assert auditor.get(NEW).status_code == 403
    assert (
        auditor.post(reverse("console:policy-activate", args=[number]), {"reason": "x"}).status_code
        == 403
    )


def test_an_officer_without_the_right_may_not_approve(owner: Client, player: Make) -> None:
    version = keep(owner, dearer())
    approval = ask(owner, version.number)
    decide(client_as(player(91, rank="Supreme Command", points=90000)), approval)
    assert active().number != version.number


def test_a_simulation_shows_who_would_move(owner: Client, player: Make) -> None:
    player(5, rank="Storm Corporal I", points=800, days=300)
    found = documents()
    row = next(row for row in found["ranks"]["ranks"] if row["name"] == "Storm Corporal II")
    row["minPoints"] = 790
    version = keep(owner, found)
    page = simulate(owner, version.number)
    assert (page.context["promoted"], page.context["demoted"]) == (1, 0)
    assert "0 down, 1 up" in page.content.decode()
    assert "player_5" in page.content.decode()


def test_a_version_is_simulated_before_it_is_asked_for(owner: Client, player: Make) -> None:
    player(5)
    version, other = keep(owner, dearer()), keep(owner, dearer(31))
    address = reverse("console:policy-activate", args=[version.number])

    def refused() -> bool:
        answer = owner.post(address, {"reason": "As voted"})
        return answer.status_code == 200 and "Simulate policy" in str(
            answer.context["form"].non_field_errors()
        )

    assert refused()
    simulate(owner, other.number)
    assert refused()
    assert "Put in force" in simulate(owner, version.number).content.decode()
    Simulation.objects.update(finished_at=timezone.now() - simulations.GOOD_FOR)
    assert (
        "simulate it again"
        in owner.get(reverse("console:policy-simulation", args=[version.number])).content.decode()
    )
    assert refused()
    simulate(owner, version.number)
    approval = ask(owner, version.number)
    assert Simulation.objects.get(pk=approval.arguments["simulation"]).version == version


def test_a_simulation_shows_its_progress(
    owner: Client, player: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulations, "STEP", 1)
    for user_id in range(5, 9):
        player(user_id, rank="Storm Corporal I", points=800, days=300)
    version = keep(owner, dearer())
    address = reverse("console:policy-simulation", args=[version.number])
    owner.post(address)
    owner.post(address)
    made = Simulation.objects.get()
    Simulation.objects.update(upto=Player.objects.order_by("pk").values_list("pk", flat=True)[1])
    page = owner.get(address).content.decode()
    assert "It is being counted" in page
    assert 'hx-trigger="every 1s"' in page
    assert simulations.run(made.pk) == 2 + (made.last - Player.objects.order_by("-pk")[0].pk)
    assert simulations.run(made.pk) == 0
    assert owner.get(address).context["players"] == 2


def test_an_activation_writes_what_everybody_may_read(owner: Client, bootstrapped: None) -> None:
    first = PolicyActivation.objects.get()
    assert (first.number, first.changes) == (active().number, [])
    assert first.document["dailyCap"] == 500
    bundle = parse_bundle(dearer())
    activate(bundle, actor=at_the_shell().actor, reason="As voted")
    last = PolicyActivation.objects.latest("pk")
    assert (last.version, last.number) == (bundle.version, active().number)
    change = {"kind": "event.weight", "subject": "training", "before": "15", "after": "30"}
    assert last.changes == [change]


def test_a_rank_keeps_its_slug_and_a_new_one_gets_a_free_one(bootstrapped: None) -> None:
    found = documents()
    found["ranks"]["ranks"][2]["name"] = "Shock-Trooper I"
    permissions = found["permissions"]["ranks"]
    permissions["Shock-Trooper I"] = permissions.pop("Shock Trooper I")
    activate(parse_bundle(found), actor=at_the_shell().actor, reason="As voted")
    slugs = dict(Rank.objects.values_list("name", "slug"))
    assert slugs["Shock Trooper I"] == "shock-trooper-i"
    assert slugs["Shock-Trooper I"] == "shock-trooper-i-2"
    assert slugs["Captain I"] == "captain-i"
    assert Rank.objects.get(slug="captain-i").colour == "#2e8b57"

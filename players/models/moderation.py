"""Store approvals, assignments and the counters that limit staff and game servers."""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from players.models.fields import ZERO, points_field
from players.models.player import Player


class Approval(models.Model):
    """An action that waits for the approval of a second entitled person, and then is executed.

    `act` names the action, and `arguments` its parameters. The rights of both persons are checked
    again at the approval.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"

    class Cause(models.TextChoices):
        SECOND = "second", "always needs a second person"
        LIMIT = "limit", "past the limit"
        VELOCITY = "velocity", "too many acts in a short time"
        EXPERIENCE = "experience", "past what the experience may bring"

    act = models.CharField(max_length=40)
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, null=True, related_name="approvals", db_index=False
    )
    arguments = models.JSONField()
    cause = models.CharField(max_length=10, choices=Cause)
    reason = models.TextField()
    requested_by = models.CharField(max_length=80, help_text="the person: Staff.person")
    requester = models.ForeignKey(
        Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    experience = models.CharField(
        max_length=32,
        db_default="",
        help_text="whose game server brought it, in the requester's name",
    )
    status = models.CharField(max_length=10, choices=Status, db_default=Status.WAITING)
    decided_by = models.CharField(max_length=80, db_default="")
    decide_reason = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    once = models.CharField(
        max_length=64, db_default="", help_text="while it waits: what nobody asks for beside it"
    )
    event = models.BigIntegerField(help_text="the audit event that says who asked")
    carried_out = models.BigIntegerField(null=True, help_text="the audit event of what came of it")

    class Meta:
        db_table = "approvals"
        constraints = [
            models.CheckConstraint(
                # If only the officer whom a game server named must confirm, they may do so alone.
                condition=~Q(status="approved")
                | (
                    ~Q(decided_by="")
                    & (
                        ~Q(decided_by=F("requested_by"))
                        | (Q(cause="experience") & ~Q(experience="") & ~Q(act__in=["ban", "unban"]))
                    )
                ),
                name="approvals_second_person",
            ),
            models.UniqueConstraint(
                fields=["act", "player"],
                condition=Q(status="waiting", act__in=["ban", "unban"]),
                name="approvals_one_waiting",
            ),
            models.UniqueConstraint(
                fields=["once"],
                condition=Q(status="waiting") & ~Q(once=""),
                name="approvals_once_waiting",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status="waiting"), name="approvals_waiting"),
            models.Index(fields=["player", "id"], name="approvals_by_player"),
            models.Index(
                fields=["experience"],
                condition=Q(status="waiting") & ~Q(experience=""),
                name="approvals_of_games",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} asked by {self.requested_by} ({self.status})"


class StaffAct(models.Model):
    """An action of a person, for the limit of actions in a short time. Deleted after a day."""

    person = models.CharField(max_length=80, help_text="Staff.person")
    at = models.DateTimeField()

    class Meta:
        db_table = "staff_acts"
        indexes = [models.Index(fields=["person", "at"], name="staff_acts_by_person")]


class Spending(models.Model):
    """The points of others that a person adjusted on a UTC day, including running jobs."""

    person = models.CharField(max_length=80, help_text="Staff.person")
    day = models.DateField()
    spent = points_field(db_default=Value(ZERO), help_text="points moved, without their signs")
    alone = points_field(
        db_default=Value(ZERO), help_text="of these, what no second person approved"
    )
    players = models.BigIntegerField(db_default=0, help_text="how many players those moved")

    class Meta:
        db_table = "spending"
        constraints = [
            models.UniqueConstraint(fields=["person", "day"], name="spending_once"),
            models.CheckConstraint(
                condition=Q(spent__gte=0, alone__gte=0, players__gte=0),
                name="spending_not_negative",
            ),
        ]
        indexes = [models.Index(fields=["day"], name="spending_by_day")]


class GuardTrip(models.Model):
    """A person acted too often in a short time.

    Their actions need approval until an owner releases them or the time window passes.
    """

    person = models.CharField(max_length=80)
    name = models.CharField(max_length=80)
    tripped_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    released_by = models.CharField(
        max_length=80, db_default="", help_text="empty: the window passed"
    )

    class Meta:
        db_table = "guard_trips"
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at=None), name="guard_trips_one_open"
            )
        ]
        indexes = [models.Index(fields=["person", "ended_at"], name="guard_trips_by_person")]


class BroughtDay(models.Model):
    """What an experience's game servers did to people on a UTC day.

    `pool`: a kind of action with its own count, or empty for all others together.
    """

    experience = models.CharField(max_length=32)
    day = models.DateField()
    pool = models.CharField(max_length=20, db_default="")
    spent = points_field(db_default=Value(ZERO), help_text="points moved, without signs")
    people = models.IntegerField(db_default=0, help_text="how many different ones")

    class Meta:
        db_table = "brought_days"
        constraints = [
            models.UniqueConstraint(fields=["experience", "day", "pool"], name="brought_days_once"),
            models.CheckConstraint(
                condition=Q(spent__gte=0, people__gte=0), name="brought_days_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["day"], name="brought_days_by_day")]


class BroughtPerson(models.Model):
    """A player who counts in `BroughtDay.people`."""

    of = models.ForeignKey(
        BroughtDay, on_delete=models.CASCADE, related_name="whom", db_index=False
    )
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "brought_people"
        constraints = [models.UniqueConstraint(fields=["of", "player"], name="brought_people_once")]


class GameCommand(models.Model):
    """A moderator's command in a game, by the game's own id, with its answer.

    A repeat gets the same answer.
    """

    experience = models.CharField(max_length=32)
    command = models.CharField(max_length=64)
    answer = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    quarantine = models.ForeignKey(
        "Quarantine", on_delete=models.PROTECT, null=True, related_name="commands", db_index=False
    )
    asked = models.JSONField(
        null=True, help_text="the command, as long as it is held in a quarantine"
    )

    class Meta:
        db_table = "game_commands"
        constraints = [
            models.UniqueConstraint(fields=["experience", "command"], name="game_commands_once")
        ]
        indexes = [
            models.Index(fields=["created_at"], name="game_commands_by_time"),
            models.Index(
                fields=["quarantine", "id"],
                condition=Q(asked__isnull=False),
                name="game_commands_in_quarantine",
            ),
        ]


class Claim(models.Model):
    """The person who works on an item of the queue (`kind` and `key`, as appeal and 12).

    It expires by itself.
    """

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=80)
    holder = models.CharField(max_length=80, help_text="the person: Staff.person")
    holder_name = models.CharField(max_length=80)
    until = models.DateTimeField()

    class Meta:
        db_table = "claims"
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="claims_one_holder")]

"""Tables of the sync with Roblox: pulls, mirrors to push, memberships, roles and differences.

All pending work is stored in rows with a lease (`Leased`), which expires when a process dies.
"""

from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from common.leased_model import Leased
from players.models import Player
from roblox.models import Experience


class SyncJob(Leased):
    """One pull of one activity.

    `cursor` and `counters` are written in the transaction of the page that they describe, so that a
    killed job continues after it.
    """

    class Activity(models.TextChoices):
        POINTS = "points"
        LEADERBOARD = "leaderboard"
        MEMBERS = "members"
        RESTRICTIONS = "restrictions"
        POLICY_DRIFT = "policy-drift"

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        WAITING = "waiting", "waits for a person"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING, Status.PAUSED)

    activity = models.CharField(max_length=16, choices=Activity)
    experience = models.ForeignKey(
        Experience, on_delete=models.PROTECT, null=True, related_name="+"
    )
    status = models.CharField(max_length=10, choices=Status, db_default=Status.QUEUED)
    wanted = models.CharField(
        max_length=10, db_default="", help_text="cancel or pause, once its page is done"
    )
    dry_run = models.BooleanField(db_default=False)
    full = models.BooleanField(
        db_default=False, help_text="read every entry, not only those that differ"
    )
    limit = models.IntegerField(null=True, help_text="entries at most")
    cursor = models.JSONField(default=dict)
    counters = models.JSONField(default=dict)
    steps = models.JSONField(default=list, help_text="what happened, newest last; the last 50")
    error = models.TextField(db_default="", help_text="why it failed or waits, in a sentence")
    question = models.TextField(
        db_default="", help_text="what a person must confirm before it goes on"
    )
    confirmed_by = models.CharField(
        max_length=80, db_default="", help_text="the person: Staff.person"
    )
    requested_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sync_jobs"
        constraints = [
            models.UniqueConstraint(
                fields=["activity", "experience"],
                condition=Q(status__in=["queued", "running", "paused"]),
                nulls_distinct=False,
                name="sync_jobs_one_active",
            ),
            models.CheckConstraint(
                condition=~Q(status="running") | Q(lease_until__isnull=False),
                name="sync_jobs_running_is_leased",
            ),
        ]
        indexes = [
            models.Index(
                fields=["retry_at"],
                condition=Q(status__in=["queued", "running"]),
                name="sync_jobs_to_do",
            )
        ]

    def __str__(self) -> str:
        return f"{self.activity} {self.experience_id or ''} ({self.status})"


class Membership(models.Model):
    """A member of the group as last read: all role ids, the joining time, and when they left."""

    group_id = models.BigIntegerField()
    user_id = models.BigIntegerField()
    roles = ArrayField(models.BigIntegerField())
    seen_at = models.DateTimeField()
    seen_by = models.BigIntegerField(help_text="the job that saw them last")
    left_at = models.DateTimeField(null=True)
    joined_at = models.DateTimeField(null=True, help_text="by Roblox; a later one is another stay")

    class Meta:
        db_table = "memberships"
        constraints = [
            models.UniqueConstraint(fields=["group_id", "user_id"], name="memberships_once")
        ]
        indexes = [
            models.Index(
                fields=["group_id", "seen_by"], condition=Q(left_at=None), name="memberships_by_job"
            )
        ]


class MembershipRead(Leased):
    """The last reading of a single user, and whether another one is wanted."""

    user_id = models.BigIntegerField(primary_key=True)
    read_at = models.DateTimeField(
        null=True, help_text="when Roblox was asked for the last answer that came"
    )
    wanted_at = models.DateTimeField(
        null=True, help_text="since when it is to be read; empty: it is not"
    )
    experience = models.ForeignKey(
        Experience,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="whose game servers named the user last; empty: none",
    )

    class Meta:
        db_table = "membership_reads"
        indexes = [
            models.Index(
                fields=["retry_at"],
                condition=Q(wanted_at__isnull=False),
                name="membership_reads_to_do",
            )
        ]

    def __str__(self) -> str:
        return f"the membership of user {self.user_id}"


class GroupLog(Leased):
    """The progress in the group's log: a time, and the entries near it that were read."""

    group_id = models.BigIntegerField(unique=True)
    read_up_to = models.DateTimeField(
        null=True, help_text="when the newest entry that was taken was made"
    )
    taken = ArrayField(models.CharField(max_length=24), default=list)
    read_at = models.DateTimeField(null=True, help_text="when it was last read")
    adopted = models.IntegerField(
        db_default=0, help_text="changes of rank that single readings adopted"
    )
    adopted_since = models.DateTimeField(null=True, help_text="since when `adopted` counts")
    problem = models.TextField(db_default="", help_text="why it is not followed, in a sentence")
    met_at = models.DateTimeField(
        null=True, help_text="when the first pull of its members ended; no role is written before"
    )

    class Meta:
        db_table = "group_logs"

    def __str__(self) -> str:
        return f"the log of group {self.group_id}"


class JoinRequest(Leased):
    """The latest request of a user to join the group, and its decision as desired state.

    `gone_at`: when it was not open any more.
    """

    group_id = models.BigIntegerField()
    user_id = models.BigIntegerField()
    request_id = models.CharField(max_length=60, help_text="Roblox's id")
    username = models.CharField(max_length=40, db_default="")
    account_made_at = models.DateTimeField(null=True)
    account_asked_at = models.DateTimeField(
        null=True, help_text="when Roblox was last asked about the account"
    )
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=7, db_default="", help_text="accept, decline or none")
    decided_by = models.CharField(max_length=80, db_default="")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(db_default="")
    done_at = models.DateTimeField(null=True, help_text="when Roblox had the decision")
    problem = models.TextField(db_default="", help_text="why Roblox does not have it yet")

    class Meta:
        db_table = "join_requests"
        constraints = [
            models.UniqueConstraint(fields=["group_id", "user_id"], name="join_requests_once")
        ]

    def __str__(self) -> str:
        return self.username or f"user {self.user_id}"


class UnwantedUser(models.Model):
    """A Roblox user whose requests to join are declined."""

    user_id = models.BigIntegerField(primary_key=True)
    reason = models.TextField()
    added_by = models.CharField(max_length=80)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "unwanted_users"

    def __str__(self) -> str:
        return f"user {self.user_id}"


class GroupRole(models.Model):
    """A role of the group as last read. `permissions` is null if the key may not read them."""

    group_id = models.BigIntegerField()
    role_id = models.BigIntegerField()
    name = models.CharField(max_length=100)
    number = models.SmallIntegerField(help_text="its rank number, 0 to 255")
    permissions = ArrayField(models.CharField(max_length=40), null=True)
    members = models.IntegerField(null=True)
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "group_roles"
        constraints = [
            models.UniqueConstraint(fields=["group_id", "role_id"], name="group_roles_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} (rank number {self.number}, id {self.role_id})"


class RolePin(models.Model):
    """The role of the group, by id, that is pinned to a rank, with its state at that time.

    Without `role_id` no role is pinned yet. While `parked` holds a reason, GRPS neither gives the
    role nor adopts the rank from Roblox.
    """

    group_id = models.BigIntegerField()
    rank = models.CharField(max_length=80)
    number = models.SmallIntegerField(
        help_text="the number that the policy named when the role was pinned"
    )
    role_id = models.BigIntegerField(null=True)
    name = models.CharField(
        max_length=100, db_default="", help_text="of the role when it was pinned"
    )
    permissions = ArrayField(
        models.CharField(max_length=40), null=True, help_text="of the role when it was pinned"
    )
    pinned_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(
        null=True, help_text="when staff pinned another role than before"
    )
    parked = models.TextField(db_default="", help_text="why, in a sentence")
    parked_at = models.DateTimeField(null=True)
    retired = models.BooleanField(
        db_default=False, help_text="the policy in force has no such rank"
    )

    class Meta:
        db_table = "role_pins"
        constraints = [
            models.UniqueConstraint(fields=["group_id", "rank"], name="role_pins_rank_once"),
            models.UniqueConstraint(
                fields=["group_id", "role_id"],
                condition=Q(retired=False),
                name="role_pins_role_once",
            ),
            models.CheckConstraint(
                condition=Q(role_id=None) | Q(pinned_at__isnull=False),
                name="role_pins_pinned_some_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=~Q(parked="") & Q(retired=False), name="role_pins_parked"
            )
        ]

    def __str__(self) -> str:
        return f"the role of {self.rank}"


class Drift(models.Model):
    """A difference between Roblox and GRPS, until one side is adopted or they agree again."""

    class Aspect(models.TextChoices):
        ROLE = "role"
        RESTRICTION = "restriction"
        POINTS = "points"
        ENTRY = "entry", "entry that cannot be read"
        POLICY = "policy"

    class Resolution(models.TextChoices):
        THEIRS = "theirs"
        OURS = "ours"
        AGREED = "agreed"

    aspect = models.CharField(max_length=12, choices=Aspect)
    experience = models.ForeignKey(
        Experience, on_delete=models.PROTECT, null=True, related_name="+"
    )
    subject = models.CharField(max_length=80, help_text="the user id, the entry's key, or the rank")
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    ours = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    theirs = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    detail = models.TextField(db_default="")
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    seen_by = models.BigIntegerField(null=True, help_text="the job that saw it last")
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=8, choices=Resolution, db_default="")

    class Meta:
        db_table = "drifts"
        constraints = [
            models.UniqueConstraint(
                fields=["aspect", "experience", "subject"],
                condition=Q(resolved_at=None),
                nulls_distinct=False,
                name="drifts_one_open",
            )
        ]
        indexes = [models.Index(fields=["id"], condition=Q(resolved_at=None), name="drifts_open")]

    def __str__(self) -> str:
        return f"{self.aspect} of {self.subject}"


class MirrorState(Leased):
    """The state that another system should show: `desired` (set by triggers) and `confirmed`.

    `version` counts the changes of `desired`. A push confirms the version that it read, so that a
    later change stays pending.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        CONFIRMED = "confirmed"
        PARKED = "parked"
        RESTING = "resting", "rests until they are back in the group"

    desired = models.JSONField(null=True)
    version = models.BigIntegerField(db_default=1)
    confirmed = models.JSONField(null=True)
    confirmed_version = models.BigIntegerField(db_default=0)
    confirmed_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.PENDING)
    reason = models.TextField(db_default="", help_text="why it waits or is parked, in a sentence")
    wanted_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class Mirror(MirrorState):
    """The state of a player that Roblox should show, in the group or in an experience."""

    class Aspect(models.TextChoices):
        ROLE = "role"
        ADJUSTED = "adjusted"
        RESTRICTION = "restriction"
        STANDING = "standing"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    aspect = models.CharField(max_length=12, choices=Aspect)
    experience = models.ForeignKey(
        Experience, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        db_table = "mirrors"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "aspect", "experience"], nulls_distinct=False, name="mirrors_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["retry_at", "id"], condition=Q(status="pending"), name="mirrors_to_do"
            ),
            models.Index(fields=["id"], condition=Q(status="parked"), name="mirrors_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.aspect} of {self.player_id} ({self.status})"

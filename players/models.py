"""Players, the ladder they climb, the ledger that says why, and what was decided about them."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Collate, Greatest, Lower, Now

ZERO = Decimal(0)
RECONCILED = "reconciled"  # the type of a row that stands for `magnitude` rows which never came
REST = -1  # a session that no game has: see Session
CONSOLE = "console"  # the origin whose one session, 0, is the adjusted part


def points_field(**options: object) -> "models.DecimalField[Decimal, Decimal]":
    """An exact amount of points: two decimals, up to a trillion."""
    return models.DecimalField(max_digits=14, decimal_places=2, **options)  # type: ignore[arg-type]


class Leased(models.Model):
    """Work that one process at a time holds. `lease` is that process's token; nobody else may write the row then."""

    lease = models.CharField(max_length=32, db_default="")
    lease_until = models.DateTimeField(null=True)
    attempts = models.IntegerField(db_default=0, help_text="failures since the last success")
    retry_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class PolicyVersion(models.Model):
    """One validated bundle of rules, kept for ever: decisions name the version they were made by."""

    number = models.PositiveIntegerField(unique=True)
    content_hash = models.CharField(max_length=64, unique=True)
    documents = models.JSONField()
    is_active = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    activated_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "policy_versions"
        constraints = [
            models.UniqueConstraint(fields=["is_active"], condition=Q(is_active=True), name="policy_one_active")
        ]

    def __str__(self) -> str:
        return f"policy {self.number} ({self.content_hash[:8]})"


class Rank(models.Model):
    """A rank of the active policy, as a row that others can join. Written only when a policy is activated."""

    name = models.CharField(max_length=80, unique=True)
    position = models.PositiveSmallIntegerField()
    level = models.CharField(max_length=20)
    role = models.PositiveSmallIntegerField()
    min_points = points_field()
    min_time_days = models.PositiveIntegerField()
    required_recommendations = models.PositiveIntegerField()
    privileged = models.BooleanField()
    is_punishment = models.BooleanField()
    ignored = models.BooleanField()
    can_earn = models.BooleanField()
    retired = models.BooleanField(db_default=False)

    class Meta:
        db_table = "ranks"
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class Player(models.Model):
    """A Roblox user as the ladder knows them. `id` is ours and stays when they are erased; `user_id` is Roblox's."""

    user_id = models.BigIntegerField(unique=True)
    username = models.CharField(max_length=50)
    display_name = models.CharField(max_length=50, db_default="")
    rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    rank_since = models.DateTimeField()
    former_rank = models.ForeignKey(
        Rank,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="given back when a suspension ends",
        db_index=False,
    )
    former_rank_since = models.DateTimeField(null=True)
    earned = points_field(db_default=Value(ZERO), help_text="the sum of the sessions' totals")
    adjusted = points_field(db_default=Value(ZERO), help_text="the console's part")
    adjusted_sequence = models.BigIntegerField(db_default=0)
    points = models.GeneratedField(
        expression=Greatest(F("earned") + F("adjusted"), Value(ZERO)),
        output_field=models.DecimalField(max_digits=14, decimal_places=2),
        db_persist=True,
    )
    kos = models.BigIntegerField(db_default=0)
    wos = models.BigIntegerField(db_default=0)
    listed = models.BooleanField(db_default=True, help_text="whether public lists show them")
    banned = models.BooleanField(db_default=False, help_text="an active ban is in force")
    named_at = models.DateTimeField(help_text="when the names were last seen in the game")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "players"
        constraints = [
            models.CheckConstraint(condition=Q(kos__gte=0, wos__gte=0), name="players_counts_not_negative"),
            models.CheckConstraint(condition=Q(adjusted_sequence__gte=0), name="players_adjusted_sequence"),
        ]
        indexes = [
            models.Index(fields=["points", "id"], condition=Q(listed=True), name="players_by_points"),
            models.Index(fields=["kos", "id"], condition=Q(listed=True), name="players_by_kos"),
            models.Index(fields=["wos", "id"], condition=Q(listed=True), name="players_by_wos"),
            models.Index(Collate(Lower("username"), "C"), F("id"), condition=Q(listed=True), name="players_by_name"),
            models.Index(fields=["updated_at"], name="players_by_update"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def subject(self) -> str:
        """How the audit log names the person whose data a value is."""
        return f"player:{self.pk}"


class Session(models.Model):
    """One part of a player's points: one stay in one experience, written by the one server that held its lease.

    `total` is what the row of the highest `sequence` said; `count` rows are here, so there is a gap while it is
    smaller than `sequence`; up to `confirmed` nothing is missing. A `reconciled` row counts for all that it stands for.
    Session REST is what an experience's data store holds beyond the sessions that are known one by one.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="sessions", db_index=False)
    origin = models.CharField(max_length=32)
    session = models.BigIntegerField()
    sequence = models.BigIntegerField()
    total = points_field()
    count = models.BigIntegerField()
    awarded = points_field()
    confirmed = models.BigIntegerField()
    kos = models.BigIntegerField(db_default=0, help_text="counted in the data store and by no row here")
    wos = models.BigIntegerField(db_default=0, help_text="as kos")
    started_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "sessions"
        constraints = [
            models.UniqueConstraint(fields=["player", "origin", "session"], name="sessions_one_per_part"),
            models.CheckConstraint(
                condition=Q(session__gte=REST, confirmed__gte=0, count__gte=1, sequence__gte=F("count")),
                name="sessions_sequences",
            ),
        ]


class LedgerEntry(models.Model):
    """One operation on one part, and the part's `total` after it. Append-only: the database refuses the rest."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=32)
    session = models.BigIntegerField()
    sequence = models.BigIntegerField()
    type = models.CharField(max_length=40)
    magnitude = models.IntegerField(db_default=1)
    duration = models.IntegerField(null=True, help_text="seconds")
    actor = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    awarded = points_field()
    total = points_field()
    occurred_at = models.DateTimeField()
    batch = models.BigIntegerField(help_text="the audit event that this row came in with")

    class Meta:
        db_table = "ledger"
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["player", "origin", "session", "sequence"], name="ledger_once"),
            models.CheckConstraint(condition=Q(session__gte=REST, sequence__gte=1), name="ledger_sequences"),
        ]
        indexes = [models.Index(fields=["player", "occurred_at", "id"], name="ledger_by_time")]


class DailyPoints(models.Model):
    """Awards above zero of one player on one UTC day in one experience: what the caps are held against."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=32)
    day = models.DateField()
    awarded = points_field()
    events = models.IntegerField()

    class Meta:
        db_table = "daily_points"
        constraints = [
            models.UniqueConstraint(fields=["player", "origin", "day"], name="daily_points_once"),
            models.CheckConstraint(condition=Q(awarded__gte=0, events__gte=0), name="daily_points_not_negative"),
        ]


class Recommendation(models.Model):
    """An officer's word for a player, counted once for each rank that the player holds."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="recommendations", db_index=False)
    officer = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "recommendations"
        constraints = [
            models.UniqueConstraint(fields=["player", "rank", "officer"], name="recommendations_once"),
            models.CheckConstraint(condition=~Q(player=F("officer")), name="recommendations_not_own"),
        ]


class Decision(models.Model):
    """A change of rank: what it was decided on, by which policy, by whom. Applied once."""

    class Kind(models.TextChoices):
        PROMOTION = "promotion"
        DEMOTION = "demotion"
        HAND = "hand"

    class Status(models.TextChoices):
        PROPOSED = "proposed"
        APPLIED = "applied"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    class Source(models.TextChoices):
        EVENTS = "events"
        SCHEDULE = "schedule"
        AUTOMATION = "automation"
        STAFF = "staff"
        ROBLOX = "roblox", "by hand on Roblox"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="decisions", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    status = models.CharField(max_length=10, choices=Status)
    source = models.CharField(max_length=10, choices=Source)
    from_rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    inputs = models.JSONField(help_text="points, days in rank and recommendations as they were")
    failed = models.JSONField(help_text="the conditions that were not met")
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.TextField(db_default="")
    decided_by = models.CharField(max_length=80, db_default="", help_text="kind:id of whoever settled it")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "decisions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "status"], condition=Q(status="proposed"), name="decisions_one_proposed"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="decisions_by_status"),
            models.Index(fields=["player", "id"], name="decisions_by_player"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id} ({self.status})"


class Sanction(models.Model):
    """A measure against a player. A ban is in force from `starts_at` until it ends by time or is lifted."""

    class Kind(models.TextChoices):
        BAN = "ban"

    class Source(models.TextChoices):
        STAFF = "staff"
        ROBLOX = "roblox", "by hand on Roblox"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="sanctions", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=10, choices=Source)
    reason = models.TextField()
    issued_by = models.CharField(max_length=80)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="empty: for good")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=80, db_default="")
    lift_reason = models.TextField(db_default="")

    class Meta:
        db_table = "sanctions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "kind"], condition=Q(lifted_at=None), name="sanctions_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="sanctions_end_after_start"
            ),
        ]
        indexes = [
            models.Index(fields=["player", "id"], name="sanctions_by_player"),
            models.Index(fields=["ends_at"], condition=Q(lifted_at=None), name="sanctions_to_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id}"


class LeaderboardBucket(models.Model):
    """How many listed players have points in one stretch: level 0 counts single hundredths, each level 64 below it.

    Derived from `players` (leaderboard.rebuild, leaderboard.verify); it makes a position cost the same at any size.
    """

    level = models.SmallIntegerField()
    bucket = models.BigIntegerField()
    count = models.BigIntegerField()
    pk = models.CompositePrimaryKey("level", "bucket")

    class Meta:
        db_table = "leaderboard_buckets"
        constraints = [models.CheckConstraint(condition=Q(count__gt=0), name="leaderboard_buckets_not_empty")]


class LeaderboardChange(models.Model):
    """A move not yet folded into the buckets, written by a trigger on `players`. Hundredths; empty means not listed."""

    before = models.BigIntegerField(null=True)
    after = models.BigIntegerField(null=True)

    class Meta:
        db_table = "leaderboard_changes"


class ErasureOrder(Leased):
    """Roblox's order to erase a person. `user_id` stands here only until our tables and the data stores are done.

    `mark` is a keyed hash of it and stays, so that what was still on its way does not bring the person back.
    `stores` says of each experience (by its key) how often it was looked at and when it was done, and by whom.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        DONE = "done"

    notification_id = models.CharField(max_length=128, unique=True)
    user_id = models.BigIntegerField(null=True)
    mark = models.CharField(max_length=64)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    games = models.JSONField(default=list, help_text="the start places that Roblox named; every experience is covered")
    status = models.CharField(max_length=10, choices=Status, db_default=Status.OPEN)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Roblox's limit")
    tables_erased_at = models.DateTimeField(null=True)
    stores_erased_at = models.DateTimeField(null=True)
    stores = models.JSONField(default=dict)
    reason = models.TextField(db_default="", help_text="why it waits, in a sentence")

    class Meta:
        db_table = "erasure_orders"
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", user_id__gt=0)
                | Q(status="done", user_id=None, tables_erased_at__isnull=False, stores_erased_at__isnull=False),
                name="erasure_orders_forget_when_done",
            )
        ]
        indexes = [
            models.Index(fields=["retry_at", "id"], condition=Q(status="open"), name="erasure_orders_to_do"),
            models.Index(fields=["user_id"], condition=Q(status="open"), name="erasure_orders_open"),
            models.Index(fields=["mark"], name="erasure_orders_by_mark"),
        ]

    def __str__(self) -> str:
        return f"erasure order {self.pk} ({self.status})"

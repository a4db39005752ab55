"""Players, the ladder they climb, the ledger that says why, and what was decided about them."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Collate, Greatest, Lower, Now

from common.time import LATEST
from players import cases
from players.policy.membership import Membership

ZERO = Decimal(0)
RECONCILED = "reconciled"  # the type of a row that stands for `magnitude` rows which never came
REST = -1  # a session that no game has: see Session
CONSOLE = "console"  # the origin whose one session, 0, is the adjusted part
LONGEST_ORIGIN = 48  # an experience's key, and what sets a part of it apart: see players.origins


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


class Simulation(models.Model):
    """What a version would change against the one that was in force, for the players as they stood at `started_at`.

    Counted in steps: players with our ids up to `upto` are in `tally` (rank, what either policy does to its holders,
    how many, our ids of a few), and `last` ends it.
    """

    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="simulations")
    against = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    requested_by = models.CharField(max_length=80, help_text="the person: Staff.person")
    started_at = models.DateTimeField()
    upto = models.BigIntegerField(db_default=0)
    last = models.BigIntegerField()
    tally = models.JSONField(default=list)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "simulations"
        constraints = [
            models.UniqueConstraint(
                fields=["version", "against"], condition=Q(finished_at=None), name="simulations_one_under_way"
            )
        ]

    def __str__(self) -> str:
        return f"simulation {self.pk} of policy {self.version_id}"

    @property
    def percent(self) -> int:
        return 100 * self.upto // self.last if self.last else 100


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
    earned = points_field(db_default=Value(ZERO), help_text="the sum over the experiences that count, each at least 0")
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
    member = models.CharField(
        max_length=8,
        choices=[(one.value, one.value.capitalize()) for one in Membership],
        db_default=Membership.UNKNOWN.value,
        help_text="what Roblox said of their membership in the group",
    )
    member_since = models.DateTimeField(db_default=Now(), help_text="since when `member` is as it is")
    member_seen_at = models.DateTimeField(
        null=True, help_text="when Roblox was last asked about them alone, or a pull changed `member`"
    )
    named_at = models.DateTimeField(help_text="when the names were last seen in the game")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    synced_at = models.DateTimeField(
        db_default=Now(), help_text="when points, counts or names last changed: public, so no sanction moves it"
    )
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "players"
        constraints = [
            models.CheckConstraint(condition=Q(kos__gte=0, wos__gte=0), name="players_counts_not_negative"),
            models.CheckConstraint(condition=Q(adjusted_sequence__gte=0), name="players_adjusted_sequence"),
            models.CheckConstraint(
                condition=Q(listed=False) | Q(member__in=["member", "unknown"]),
                name="players_listed_belong",
            ),
        ]
        indexes = [
            models.Index(fields=["points", "id"], condition=Q(listed=True), name="players_by_points"),
            models.Index(fields=["kos", "id"], condition=Q(listed=True), name="players_by_kos"),
            models.Index(fields=["wos", "id"], condition=Q(listed=True), name="players_by_wos"),
            models.Index(Collate(Lower("username"), "C"), F("id"), condition=Q(listed=True), name="players_by_name"),
            models.Index(fields=["updated_at"], name="players_by_update"),
            # Staff find everybody, also whom public lists leave out.
            models.Index(Collate(Lower("username"), "C"), F("id"), name="players_all_by_name"),
            models.Index(fields=["points", "id"], name="players_all_by_points"),
            models.Index(fields=["rank", "points", "id"], name="players_by_rank"),
            models.Index(fields=["points", "id"], condition=Q(banned=True), name="players_banned"),
            models.Index(fields=["id"], condition=Q(member="unknown"), name="players_unknown"),
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
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    session = models.BigIntegerField()
    sequence = models.BigIntegerField()
    total = points_field()
    count = models.BigIntegerField()
    awarded = points_field()
    confirmed = models.BigIntegerField()
    kos = models.BigIntegerField(db_default=0, help_text="counted in the data store and by no row here")
    wos = models.BigIntegerField(db_default=0, help_text="as kos")
    apart = points_field(
        db_default=Value(ZERO), help_text="of `total`, what rows in quarantine may stand for, so that it does not count"
    )
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


class ExperiencePoints(models.Model):
    """What one player earned in one experience: the sum of the sessions' totals, which may be below 0.

    `counted`: whether `players.earned`, KOs and WOs hold it. Then it counts there as at least 0, so that no experience
    takes away what was earned in another.
    """

    pk = models.CompositePrimaryKey("player_id", "origin")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    total = points_field()
    counted = models.BooleanField()

    class Meta:
        db_table = "experience_points"
        indexes = [models.Index(fields=["origin", "counted", "player"], name="experience_points_counted")]


class PlayerName(models.Model):
    """A username that a player had before. Written by a trigger on `players` whenever a username changes."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="names", db_index=False)
    username = models.CharField(max_length=50)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        db_table = "player_names"
        constraints = [models.UniqueConstraint(fields=["player", "username"], name="player_names_once")]
        indexes = [models.Index(Collate(Lower("username"), "C"), F("id"), name="player_names_by_name")]

    def __str__(self) -> str:
        return self.username


class NameCheck(Leased):
    """A player whose name is to be asked of Roblox, since a game said another one than is known."""

    player = models.OneToOneField(Player, on_delete=models.PROTECT, related_name="+")
    wanted_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "name_checks"
        indexes = [
            models.Index(fields=["retry_at", "id"], condition=Q(answered_at=None), name="name_checks_to_do"),
        ]

    def __str__(self) -> str:
        return f"name of player {self.player_id}"


class LedgerEntry(models.Model):
    """One operation on one part, and the part's `total` after it. Append-only: the database refuses the rest."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=LONGEST_ORIGIN)
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
        indexes = [
            models.Index(fields=["player", "occurred_at", "id"], name="ledger_by_time"),
            models.Index(fields=["actor", "occurred_at"], condition=Q(actor__isnull=False), name="ledger_by_actor"),
        ]


class DailyPoints(models.Model):
    """Awards above zero of one player on one UTC day in one experience: what the caps are held against."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    day = models.DateField()
    awarded = points_field()
    events = models.IntegerField()

    class Meta:
        db_table = "daily_points"
        constraints = [
            models.UniqueConstraint(fields=["player", "origin", "day"], name="daily_points_once"),
            models.CheckConstraint(condition=Q(awarded__gte=0, events__gte=0), name="daily_points_not_negative"),
        ]
        indexes = [models.Index(fields=["day", "origin"], name="daily_points_by_day")]


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
    proposed_by = models.CharField(max_length=80, db_default="", help_text="kind:id of the officer who proposed it")
    decided_by = models.CharField(max_length=80, db_default="", help_text="kind:id of whoever settled it")
    reverts = models.BigIntegerField(null=True, help_text="the audit event that it takes back once it is applied")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "decisions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "status"], condition=Q(status="proposed"), name="decisions_one_proposed"
            ),
            models.CheckConstraint(
                condition=~Q(status="applied") | Q(proposed_by="") | ~Q(proposed_by=F("decided_by")),
                name="decisions_second_person",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="decisions_by_status"),
            models.Index(fields=["player", "id"], name="decisions_by_player"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id} ({self.status})"


class Sanction(models.Model):
    """A measure against a player, in force from `starts_at` until it ends by time or is lifted.

    `cause` is the warning by which it came of itself: pardoning that one ends this one too.
    """

    class Kind(models.TextChoices):
        WARNING = "warning"
        SUSPENSION = "suspension"
        BAN = "ban"

    class Source(models.TextChoices):
        STAFF = "staff"
        GAME = "game", "by a command in a game"
        POLICY = "policy", "by the policy's thresholds"
        ROBLOX = "roblox", "by hand on Roblox"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="sanctions", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=10, choices=Source)
    reason = models.TextField()
    evidence = ArrayField(models.CharField(max_length=500), db_default=Value("{}"), help_text="links")
    issued_by = models.CharField(max_length=80)
    cause = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="consequences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="empty: for good")
    alt_accounts = models.BooleanField(
        db_default=True, help_text="of a ban: Roblox keeps their alternative accounts out too"
    )
    code = models.CharField(
        max_length=12,
        unique=True,
        default=cases.new_code,
        help_text="shown to the sanctioned player, and to nobody else",
    )
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=80, db_default="")
    lift_reason = models.TextField(db_default="")
    event = models.BigIntegerField(null=True, help_text="the audit event by which it was issued")

    class Meta:
        db_table = "sanctions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "kind"],
                condition=Q(lifted_at=None) & ~Q(kind="warning"),
                name="sanctions_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="sanctions_end_after_start"
            ),
            # What Python cannot read back could never be lifted.
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__lt=LATEST), name="sanctions_end_within_bounds"
            ),
        ]
        indexes = [
            models.Index(fields=["player", "id"], name="sanctions_by_player"),
            models.Index(fields=["ends_at"], condition=Q(lifted_at=None), name="sanctions_to_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id}"


class Approval(models.Model):
    """An act that waits for a second entitled person. Until one approves nothing happens; then it is carried out.

    `act` names what is carried out (players.approvals) and `arguments` with what; both persons are judged again then.
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
    player = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, related_name="approvals", db_index=False)
    arguments = models.JSONField()
    cause = models.CharField(max_length=10, choices=Cause)
    reason = models.TextField()
    requested_by = models.CharField(max_length=80, help_text="the person: Staff.person")
    requester = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    experience = models.CharField(
        max_length=32, db_default="", help_text="whose game server brought it, in the requester's name"
    )
    status = models.CharField(max_length=10, choices=Status, db_default=Status.WAITING)
    decided_by = models.CharField(max_length=80, db_default="")
    decide_reason = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    once = models.CharField(max_length=64, db_default="", help_text="while it waits: what nobody asks for beside it")
    event = models.BigIntegerField(help_text="the audit event that says who asked")
    carried_out = models.BigIntegerField(null=True, help_text="the audit event of what came of it")

    class Meta:
        db_table = "approvals"
        constraints = [
            models.CheckConstraint(
                # What waits only for the word of the officer whom a game server named, that officer confirms alone.
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
                fields=["once"], condition=Q(status="waiting") & ~Q(once=""), name="approvals_once_waiting"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status="waiting"), name="approvals_waiting"),
            models.Index(fields=["player", "id"], name="approvals_by_player"),
            models.Index(
                fields=["experience"], condition=Q(status="waiting") & ~Q(experience=""), name="approvals_of_games"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} asked by {self.requested_by} ({self.status})"


class StaffAct(models.Model):
    """That somebody acted: what the guard against too many acts in a short time counts. Purged after a day."""

    person = models.CharField(max_length=80, help_text="Staff.person")
    at = models.DateTimeField()

    class Meta:
        db_table = "staff_acts"
        indexes = [models.Index(fields=["person", "at"], name="staff_acts_by_person")]


class Spending(models.Model):
    """What a person has let go on a UTC day of what adjusts others' points, what is under way included."""

    person = models.CharField(max_length=80, help_text="Staff.person")
    day = models.DateField()
    spent = points_field(db_default=Value(ZERO), help_text="points moved, without their signs")
    alone = points_field(db_default=Value(ZERO), help_text="of these, what no second person approved")
    players = models.BigIntegerField(db_default=0, help_text="how many players those moved")

    class Meta:
        db_table = "spending"
        constraints = [
            models.UniqueConstraint(fields=["person", "day"], name="spending_once"),
            models.CheckConstraint(
                condition=Q(spent__gte=0, alone__gte=0, players__gte=0), name="spending_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["day"], name="spending_by_day")]


class GuardTrip(models.Model):
    """Somebody acted too often in a short time; until an owner lets them, or the window passes, their acts are held."""

    person = models.CharField(max_length=80)
    name = models.CharField(max_length=80)
    tripped_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=80, db_default="", help_text="empty: the window passed")

    class Meta:
        db_table = "guard_trips"
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(ended_at=None), name="guard_trips_one_open")
        ]
        indexes = [models.Index(fields=["person", "ended_at"], name="guard_trips_by_person")]


class BroughtDay(models.Model):
    """What an experience's game servers did to people on a UTC day. `pool`: a kind of act that is counted by itself, or
    empty for all others together."""

    experience = models.CharField(max_length=32)
    day = models.DateField()
    pool = models.CharField(max_length=20, db_default="")
    spent = points_field(db_default=Value(ZERO), help_text="points moved, without signs")
    people = models.IntegerField(db_default=0, help_text="how many different ones")

    class Meta:
        db_table = "brought_days"
        constraints = [
            models.UniqueConstraint(fields=["experience", "day", "pool"], name="brought_days_once"),
            models.CheckConstraint(condition=Q(spent__gte=0, people__gte=0), name="brought_days_not_negative"),
        ]
        indexes = [models.Index(fields=["day"], name="brought_days_by_day")]


class BroughtPerson(models.Model):
    """That a player is one of the people of a BroughtDay."""

    of = models.ForeignKey(BroughtDay, on_delete=models.CASCADE, related_name="whom", db_index=False)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "brought_people"
        constraints = [models.UniqueConstraint(fields=["of", "player"], name="brought_people_once")]


class GameCommand(models.Model):
    """A moderator's command in a game, by the game's own id, with what was answered: a repeat gets the same answer."""

    experience = models.CharField(max_length=32)
    command = models.CharField(max_length=64)
    answer = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    quarantine = models.ForeignKey(
        "Quarantine", on_delete=models.PROTECT, null=True, related_name="commands", db_index=False
    )
    asked = models.JSONField(null=True, help_text="the command, as long as it is held in a quarantine")

    class Meta:
        db_table = "game_commands"
        constraints = [models.UniqueConstraint(fields=["experience", "command"], name="game_commands_once")]
        indexes = [
            models.Index(fields=["created_at"], name="game_commands_by_time"),
            models.Index(
                fields=["quarantine", "id"], condition=Q(asked__isnull=False), name="game_commands_in_quarantine"
            ),
        ]


class Note(models.Model):
    """What staff should know of a player. Never shown outside the console; its text stands nowhere else."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="notes", db_index=False)
    text = models.TextField()
    author = models.CharField(max_length=80, help_text="the person: Staff.person")
    event = models.BigIntegerField(help_text="the audit event by which it was written")
    created_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notes"
        indexes = [models.Index(fields=["player", "id"], name="notes_by_player")]


class Appeal(models.Model):
    """A player's word against a sanction, one for each. `token` is kept as its SHA-256; with it the answer is read."""

    class Status(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REJECTED = "rejected"

    sanction = models.OneToOneField(Sanction, on_delete=models.PROTECT, related_name="appeal")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="appeals", db_index=False)
    text = models.TextField()
    token_digest = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.OPEN)
    answer = models.TextField(db_default="", help_text="what the player reads")
    decided_by = models.CharField(max_length=80, db_default="", help_text="the person: Staff.person")
    event = models.BigIntegerField(help_text="the audit event by which it was opened")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "appeals"
        indexes = [
            models.Index(fields=["id"], condition=Q(status="open"), name="appeals_open"),
            models.Index(fields=["player", "id"], name="appeals_by_player"),
        ]

    def __str__(self) -> str:
        return f"appeal {self.pk} ({self.status})"


class Claim(models.Model):
    """Who works on an item of the queue (`kind` and `key`, as appeal and 12), until it is let go by itself."""

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=80)
    holder = models.CharField(max_length=80, help_text="the person: Staff.person")
    holder_name = models.CharField(max_length=80)
    until = models.DateTimeField()

    class Meta:
        db_table = "claims"
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="claims_one_holder")]


class DailyFigure(models.Model):
    """One figure of one UTC day, kept so that a chart costs a few rows at any size (players.figures)."""

    day = models.DateField()
    what = models.CharField(max_length=20)
    label = models.CharField(max_length=32, db_default="")
    value = models.DecimalField(max_digits=20, decimal_places=2)

    class Meta:
        db_table = "daily_figures"
        constraints = [models.UniqueConstraint(fields=["day", "what", "label"], name="daily_figures_once")]


class Counted(models.Model):
    """How far a count over the audit log has come: the position in the chain that it has taken in."""

    name = models.CharField(max_length=20, primary_key=True)
    position = models.BigIntegerField()

    class Meta:
        db_table = "counted"


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


class KeyCount(models.Model):
    """What one source (a key of an experience, or its queue) brought within one minute: see players.quarantines."""

    pk = models.CompositePrimaryKey("source", "minute")
    source = models.CharField(max_length=48)
    minute = models.DateTimeField()
    acts = models.BigIntegerField()
    adjusted = models.BigIntegerField(help_text="hundredths")
    renames = models.BigIntegerField()
    new_players = models.BigIntegerField()
    breaches = models.BigIntegerField()
    points = models.BigIntegerField(help_text="hundredths")

    class Meta:
        db_table = "key_counts"
        indexes = [models.Index(fields=["minute"], name="key_counts_by_minute")]


class Quarantine(Leased):
    """What one source brings after it tripped the guard: stored, confirmed, and counted only once it is released.

    Its rows stand in the ledger under an origin of their own (`origin`). Two owners release it (then a worker lets the
    rows count, player by player, up to `upto`) or discard it; what was discarded can still be released.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        DISCARDED = "discarded"
        RELEASING = "releasing"
        RELEASED = "released"

    experience = models.CharField(max_length=32)
    key = models.ForeignKey(
        "roblox.ExperienceKey", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    source = models.CharField(max_length=48)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.OPEN)
    cause = models.JSONField(help_text="what was counted, how much, the limit, and within what time")
    event = models.BigIntegerField(help_text="the audit event by which it began")
    rows = models.BigIntegerField(db_default=0)
    awarded = points_field(db_default=Value(ZERO))
    acts = models.BigIntegerField(db_default=0)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="when two owners decided")
    discarded = models.BigIntegerField(null=True, help_text="the audit event by which it was discarded")
    upto = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "quarantines"
        constraints = [
            models.UniqueConstraint(fields=["source"], condition=Q(status="open"), name="quarantines_one_open"),
        ]
        indexes = [
            models.Index(fields=["experience"], condition=~Q(status="released"), name="quarantines_of_experience"),
            models.Index(fields=["retry_at", "id"], condition=Q(status="releasing"), name="quarantines_to_release"),
        ]

    def __str__(self) -> str:
        return f"quarantine {self.pk} ({self.status})"

    @property
    def origin(self) -> str:
        """The origin of its rows in the ledger."""
        return f"{self.experience}~{self.pk}"


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
    words_sealed = models.TextField(db_default="", help_text="names to look for in texts, encrypted, until it is done")
    texts = models.JSONField(default=dict, help_text="how far the reading of texts has come, and how many were done")

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


BULK_ALONE = 20  # rows that one person may change at once: as many acts as the guard lets them do in its window


class BulkJob(models.Model):
    """One act on many players, or the undo of many events: judged row by row, let go by its maker, carried out once.

    Beyond BULK_ALONE rows it starts only once a second person approved it (`settled`); the database holds that too.
    """

    class Status(models.TextChoices):
        PREVIEW = "preview"
        WAITING = "waiting", "waits for a second person"
        RUNNING = "running"
        DONE = "done"

    act = models.CharField(max_length=20, help_text="warn, adjust, revert, …: players.bulk.acts")
    arguments = models.JSONField(help_text="of the act, the same for every row")
    reason = models.TextField()
    status = models.CharField(max_length=10, choices=Status, db_default=Status.PREVIEW)
    requested_by = models.CharField(max_length=80, help_text="the person: Staff.person")
    requester = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    second = models.TextField(db_default="", help_text="why a second person must approve it, in a sentence")
    settled = models.BooleanField(
        db_default=False, help_text="a second person approved, or it was the machine's operator"
    )
    approval = models.OneToOneField(Approval, on_delete=models.PROTECT, null=True, related_name="bulk_job")
    event = models.BigIntegerField(null=True, help_text="the audit event by which it began, and who asked")
    rows = models.IntegerField(db_default=0)
    changing = models.IntegerField(db_default=0, help_text="rows that the preview found possible")
    done = models.IntegerField(db_default=0)
    held = models.IntegerField(db_default=0, help_text="rows that wait for a second person each")
    skipped = models.IntegerField(db_default=0)
    failed = models.IntegerField(db_default=0)
    line = models.IntegerField(db_default=0, help_text="up to here the rows are settled")
    charged_on = models.DateField(null=True, help_text="the day whose limit it was charged to when it began")
    reserved = points_field(db_default=Value(ZERO), help_text="of that charge, what no row has settled yet")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bulk_jobs"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["preview", "waiting"]) | Q(settled=True) | Q(changing__lte=BULK_ALONE),
                name="bulk_jobs_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["running", "done"]) | Q(event__isnull=False), name="bulk_jobs_told"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status="running"), name="bulk_jobs_running"),
            models.Index(fields=["created_at"], condition=Q(status="preview"), name="bulk_jobs_previews"),
        ]

    def __str__(self) -> str:
        return f"bulk job {self.pk} ({self.act}, {self.status})"


class BulkRow(models.Model):
    """One row of a bulk job and what came of it. `subject`: the sanction, decision or event that the act is about."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        HELD = "held", "waits for a second person"
        SKIPPED = "skipped"
        FAILED = "failed"

    pk = models.CompositePrimaryKey("job_id", "line")
    job = models.ForeignKey(BulkJob, on_delete=models.PROTECT, related_name="lines", db_index=False)
    line = models.IntegerField()
    player = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    subject = models.BigIntegerField(null=True)
    amount = points_field(db_default=Value(ZERO), help_text="by how much it adjusts them")
    status = models.CharField(max_length=8, choices=Status, db_default=Status.PENDING)
    note = models.TextField(db_default="", help_text="why it was passed over; never a name")
    event = models.BigIntegerField(null=True, help_text="the audit event of what was done")
    request = models.ForeignKey(Approval, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        db_table = "bulk_rows"
        constraints = [
            models.UniqueConstraint(fields=["job", "player", "subject"], nulls_distinct=False, name="bulk_rows_once")
        ]
        indexes = [models.Index(fields=["player"], name="bulk_rows_player")]

"""What goes in and out over HTTP, as typed shapes. The OpenAPI schema is made from them."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

Whole = Annotated[int, msgspec.Meta(ge=0)]
UserId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Out(msgspec.Struct, frozen=True, rename="camel"):
    """Base of everything that is answered."""


class LineOut(Out, frozen=True):
    """One line of the leaderboard; players with the same points share a position."""

    position: Whole
    user_id: UserId
    username: str
    display_name: str
    rank: str
    points: Decimal
    kos: Whole
    wos: Whole
    last_synced_at: dt.datetime


class TopOut(Out, frozen=True):
    """A page; `next` is the `after` of the following one, null on the last."""

    players: list[LineOut]
    last_synced_at: dt.datetime | None
    next: str | None


class RecordsOut(Out, frozen=True):
    kos: list[LineOut]
    wos: list[LineOut]


class AroundOut(Out, frozen=True):
    players: list[LineOut]


class MissingOut(Out, frozen=True):
    """What is still missing for a rank; all zero when it is due."""

    points: Decimal
    days: Whole
    recommendations: Whole


class NextRankOut(Out, frozen=True):
    name: str
    min_points: Decimal
    min_time_days: Whole
    required_recommendations: Whole
    privileged: bool
    missing: MissingOut


class PlayerOut(Out, frozen=True):
    """A player in public. Nothing disciplinary is in it: a suspended player is shown with the rank
    kept for them.
    """

    user_id: UserId
    username: str
    display_name: str
    points: Decimal
    rank: str
    rank_since: dt.datetime
    next_rank: NextRankOut | None
    position: Whole
    kos: Whole
    wos: Whole
    last_synced_at: dt.datetime


class HistoryEntryOut(Out, frozen=True):
    """One row of the ledger; an experience of `console` is an adjustment by staff."""

    experience: str
    type: str
    magnitude: int
    awarded: Decimal
    occurred_at: dt.datetime


class HistoryOut(Out, frozen=True):
    entries: list[HistoryEntryOut]
    next: str | None


class FoundOut(Out, frozen=True):
    user_id: UserId
    username: str
    display_name: str
    rank: str
    points: Decimal


class SearchOut(Out, frozen=True):
    players: list[FoundOut]
    next: str | None


class GameFoundOut(Out, frozen=True):
    """A player as an officer's search in a game shows them, with the sanction in force:
    `suspension`, `ban` or null.
    """

    user_id: UserId
    username: str
    display_name: str
    rank: str
    points: Decimal
    sanction: str | None


class GameSearchOut(Out, frozen=True):
    players: list[GameFoundOut]


class RankOut(Out, frozen=True):
    name: str
    level: str
    position: Whole
    role: Whole
    min_points: Decimal
    min_time_days: Whole
    required_recommendations: Whole
    privileged: bool
    on_ladder: bool


class RanksOut(Out, frozen=True):
    policy_version: str
    ranks: list[RankOut]


class VerdictOut(Out, frozen=True):
    """What is said of the item `index` of a batch; `code` is stable, `detail` is for people."""

    index: Whole
    code: str
    detail: str


class ConfirmedOut(Out, frozen=True):
    """Up to this sequence of the session nothing is missing here: the game may forget it."""

    session: Whole
    sequence: Whole


class AdjustedOut(Out, frozen=True):
    """The console's part: its total, and the sequence of its last change."""

    sequence: Whole
    total: Decimal


class MembershipOut(Out, frozen=True):
    """What Roblox said of a player's membership in the group: `unknown`, `member`, `left` or
    `guest` (never a member), and since when it is so (null: the player is not known yet). Somebody
    unknown earns for five minutes; left and guest earn nothing and may do nothing.
    """

    state: Literal["unknown", "member", "left", "guest"]
    since: dt.datetime | None


class PolicyOut(Out, frozen=True):
    """The active bundle: its version, and its documents as in the files of `config/`."""

    version: str
    ranks: dict[str, Any]
    points: dict[str, Any]
    punishments: dict[str, Any]
    permissions: dict[str, Any]


class StandingOut(Out, frozen=True):
    """One player and session of a batch."""

    user_id: UserId
    rank: str
    points: Decimal
    confirmed: ConfirmedOut
    adjusted: AdjustedOut
    sanction: str | None
    membership: MembershipOut


class ReceiptOut(Out, frozen=True):
    """`rejected` items changed nothing; items under `notices` landed but do not fit the policy."""

    accepted: Whole
    duplicates: Whole
    rejected: list[VerdictOut]
    notices: list[VerdictOut]
    players: list[StandingOut]


class PartOut(Out, frozen=True):
    """One session as it is known here; `confirmed` below `sequence` means that rows in between are
    missing.
    """

    session: Whole
    sequence: Whole
    total: Decimal
    confirmed: Whole


class BanOut(Out, frozen=True):
    """A ban for the game server to carry out. `until` null: for good; `reason`: what the player may
    read; `liftedByUs`: whether GRPS writes to this universe, so that the game may ban there too and
    be sure that the ban is lifted; `altAccounts`: whether it holds for their alternative accounts
    too.
    """

    case: str
    until: dt.datetime | None
    reason: str
    lifted_by_us: bool
    alt_accounts: bool


class CaseOut(Out, frozen=True):
    """A sanction in force. `case`: the code that its player needs for an appeal, to be shown to
    nobody else; `until` null: for good.
    """

    kind: Literal["warning", "suspension", "ban"]
    case: str
    until: dt.datetime | None


class CountsOut(Out, frozen=True):
    """What of the experience counts as points: anything at all, what is earned on private servers,
    and in Studio.
    """

    points: bool
    private_servers: bool
    studio: bool


class JoinOut(Out, frozen=True):
    """What a game server needs when a player joins. `elsewhere`: what other experiences sum up to,
    each at least 0; `recommendedBy`: the officers behind `recommendations`, but for those who were
    erased; `warnings`: how many are in force; `cases`: the sanctions in force, the newest first,
    twenty at most. A player never seen before has the first rank and no sessions.
    """

    user_id: UserId
    known: bool
    rank: str
    rank_since: dt.datetime
    points: Decimal
    elsewhere: Decimal
    recommendations: Whole
    recommended_by: list[UserId]
    sessions: list[PartOut]
    adjusted: AdjustedOut
    sanction: str | None
    warnings: Whole
    ban: BanOut | None
    cases: list[CaseOut]
    membership: MembershipOut
    counts: CountsOut


class JoinsOut(Out, frozen=True):
    players: list[JoinOut]


class DecideIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Whom to evaluate, whether to apply what comes of it, and why."""

    user_id: UserId
    apply: bool
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class DecideOut(Out, frozen=True):
    """`kind` is what the policy asks for (null: nothing); `status` what became of it (null: only
    evaluated).
    """

    user_id: UserId
    rank: str
    target: str | None
    kind: str | None
    automatic: bool
    failed: list[str]
    missing: MissingOut
    policy_version: str
    decision_id: int | None
    status: str | None


GameId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,50}$")]
Moment = Annotated[dt.datetime, msgspec.Meta(tz=True, description="From the year 1970 to 9998.")]


class CommandIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A moderator's command. `id` is the game's own; `until` is for `suspend` and `ban`, `amount`
    (points) for `adjust`, `rank` for `propose`, `event` for `award`, `altAccounts` (default true)
    for `ban`; a note's text is `reason`.
    """

    id: GameId
    actor_user_id: UserId
    user_id: UserId
    kind: Literal[
        "warn",
        "pardon",
        "suspend",
        "lift",
        "ban",
        "unban",
        "note",
        "recommend",
        "adjust",
        "award",
        "propose",
    ]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    occurred_at: Moment
    until: Moment | None = None
    amount: Annotated[float, msgspec.Meta(gt=-1e11, lt=1e11)] | None = None
    rank: Annotated[str, msgspec.Meta(max_length=80)] = ""
    event: Annotated[str, msgspec.Meta(max_length=40)] = ""
    alt_accounts: bool | None = None


class CommandOut(Out, frozen=True):
    """`applied`; `held` until a second person approves; or `refused`. `sanction` is the case that
    it made or ended.
    """

    id: str
    status: Literal["applied", "held", "refused"]
    detail: str
    sanction: int | None


class LogLineIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A line of a game's log; `user_id` is whom it is about."""

    id: GameId
    at: Moment
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]{0,31}$")]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    user_id: UserId | None = None


class LinesIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    lines: Annotated[list[LogLineIn], msgspec.Meta(min_length=1, max_length=100)]


class LinesOut(Out, frozen=True):
    """How many lines are kept now, and how many were there already."""

    accepted: Whole
    duplicates: Whole

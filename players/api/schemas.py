"""Request and response bodies as typed structs. The OpenAPI schemas are made of them."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from players.actions.registry import ACTIONS

Whole = Annotated[int, msgspec.Meta(ge=0)]
UserId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]  # `format: date-time` in the document
Next = Annotated[
    str | None,
    msgspec.Meta(description="The `after` of the following page; null on the last page."),
]


class Out(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all response bodies."""


class MissingOut(Out, frozen=True):
    """What a player still needs for a rank. All values are 0 when nothing is missing."""

    points: Decimal
    days: Whole
    recommendations: Whole


class GameFoundOut(Out, frozen=True):
    """A search result for an officer in a game.

    `sanction`: the sanction in force (`suspension` or `ban`), or null.
    """

    user_id: UserId
    username: str
    display_name: str
    rank: str
    points: Decimal
    sanction: str | None


class GameSearchOut(Out, frozen=True):
    players: list[GameFoundOut]


class ItemResultOut(Out, frozen=True):
    """The result of one item of a batch.

    `index`: its place in the batch, from 0. `code`: stable, for programs. `detail`: for people.
    """

    index: Whole
    code: str
    detail: str


class ConfirmedOut(Out, frozen=True):
    """GRPS has every row of `session` up to `sequence`. The game need not keep them any longer."""

    session: Whole
    sequence: Whole


class AdjustedOut(Out, frozen=True):
    """Points that staff adjusted: their total, and the sequence of the last adjustment."""

    sequence: Whole
    total: Decimal


class MembershipOut(Out, frozen=True):
    """A player's membership in the Roblox group.

    `guest`: never a member. `since`: start of this state; null for a player whom GRPS does not know.
    Players of state `unknown` earn points for five minutes. `left` and `guest` earn nothing and have
    no permissions.
    """

    state: Literal["unknown", "member", "left", "guest"]
    since: Time | None


class PolicyOut(Out, frozen=True):
    """The active policy: its version, and its documents as in the files of `config/`.

    `multipliers`: those of the points document that apply in this experience.
    """

    version: str
    ranks: dict[str, Any]
    points: dict[str, Any]
    punishments: dict[str, Any]
    permissions: dict[str, Any]
    community: dict[str, Any]
    multipliers: list[dict[str, Any]]


class PlayerStateOut(Out, frozen=True):
    """The state of one player of a batch, after the batch was stored."""

    user_id: UserId
    rank: str
    points: Decimal
    confirmed: ConfirmedOut
    adjusted: AdjustedOut
    sanction: str | None
    membership: MembershipOut


class ActiveMinutesOut(Out, frozen=True):
    """The active minutes that are stored of one session and UTC day."""

    user_id: Whole
    session: Whole
    day: dt.date
    minutes: Whole


class ReceiptOut(Out, frozen=True):
    """The result of a batch.

    `rejected`: items that changed nothing. `notices`: items that were stored but break the policy.
    `activity`: the stored minutes of the reported sessions. `rejectedActivity`: items of `activity`
    that changed nothing.
    """

    accepted: Whole
    duplicates: Whole
    rejected: list[ItemResultOut]
    notices: list[ItemResultOut]
    players: list[PlayerStateOut]
    activity: list[ActiveMinutesOut]
    rejected_activity: list[ItemResultOut]


class SessionOut(Out, frozen=True):
    """One session as GRPS knows it.

    Rows between `confirmed` and `sequence` are missing when the two differ.
    """

    session: Whole
    sequence: Whole
    total: Decimal
    confirmed: Whole


class BanOut(Out, frozen=True):
    """A ban that the game server must enforce.

    `until`: null when it is permanent. `reason`: the text for the player. `liftedByUs`: GRPS writes
    to this universe, and removes there a ban that it lifts. `altAccounts`: the ban includes the
    player's alternative accounts.
    """

    case: str
    until: Time | None
    reason: str
    lifted_by_us: bool
    alt_accounts: bool


class CaseOut(Out, frozen=True):
    """A sanction in force.

    `case`: the code that the player needs for an appeal; show it to nobody else. `until`: null when
    the sanction is permanent.
    """

    kind: Literal["warning", "suspension", "ban"]
    case: str
    until: Time | None


class RankLockOut(Out, frozen=True):
    """A lock of the player's promotions, or with `rank` the denial of that rank alone.

    `until`: null without an end. The reason is for staff and stays in GRPS.
    """

    rank: str | None
    until: Time | None


class RunningLeaveOut(Out, frozen=True):
    """The leave of absence that the player is on. `endsSoon`: it is time to remind the player."""

    last: dt.date
    ends_soon: bool


class CountsOut(Out, frozen=True):
    """Where points of this experience count: at all, on private servers, in Studio."""

    points: bool
    private_servers: bool
    studio: bool


class HostedOut(Out, frozen=True):
    """Awards for hosted events of this experience, which count toward its caps too.

    Those of the UTC day and of the ISO week that `asOf` is in.
    """

    as_of: Time
    today: Decimal
    this_week: Decimal


class JoinOut(Out, frozen=True):
    """What a game server needs about a player who joins.

    `elsewhere`: points from other experiences, each counted as at least 0. `recommendedBy`: the
    officers who recommended the player, without erased ones. `warnings`: the number in force.
    `cases`: up to 20 sanctions in force, newest first. `locks`: what keeps the player from ranks now.
    `leave`: null unless the player is on leave today. A player who is not `known` has the first
    rank and no sessions.
    """

    user_id: UserId
    known: bool
    rank: str
    rank_since: Time
    points: Decimal
    elsewhere: Decimal
    recommendations: Whole
    recommended_by: list[UserId]
    sessions: list[SessionOut]
    adjusted: AdjustedOut
    sanction: str | None
    warnings: Whole
    ban: BanOut | None
    cases: list[CaseOut]
    locks: list[RankLockOut]
    leave: RunningLeaveOut | None
    membership: MembershipOut
    counts: CountsOut
    hosted: HostedOut


class JoinsOut(Out, frozen=True):
    players: list[JoinOut]


class DecideIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Evaluate a player. `apply` also applies or proposes the change of rank."""

    user_id: UserId
    apply: bool
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class DecideOut(Out, frozen=True):
    """The result of an evaluation.

    `kind`: the change that the policy asks for; null for none. `status`: the state of the decision;
    null when nothing was applied or proposed.
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


if TYPE_CHECKING:
    CommandKind = str
else:
    CommandKind = Literal[tuple(action.name for action in ACTIONS if action.in_game)]


class CommandIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A moderator's command.

    `id`: chosen by the game, unique for each command. `until`: for `suspend` and `ban`. `amount`:
    points, for `adjust`. `rank`: for `propose`. `event`: for `award`. `altAccounts`: for `ban`,
    default true. `reason`: also the text of a note.
    """

    id: GameId
    actor_user_id: UserId
    user_id: UserId
    kind: CommandKind
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    occurred_at: Moment
    until: Moment | None = None
    amount: Annotated[float, msgspec.Meta(gt=-1e11, lt=1e11)] | None = None
    rank: Annotated[str, msgspec.Meta(max_length=80)] = ""
    event: Annotated[str, msgspec.Meta(max_length=40)] = ""
    alt_accounts: bool | None = None


class CommandOut(Out, frozen=True):
    """The result of a command. `held`: it waits for approval by a second person.

    `sanction`: the id of the sanction that the command created or ended.
    """

    id: str
    status: Literal["applied", "held", "refused"]
    detail: str
    sanction: int | None


class LeaveIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A member who asks for so many days of leave from today on, UTC."""

    user_id: UserId
    days: Annotated[int, msgspec.Meta(ge=1, le=366)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class LeaveOut(Out, frozen=True):
    """Whether the request waits for staff now. `detail`: a sentence for the member."""

    status: Literal["asked", "refused"]
    detail: str


class LogLineIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A line of a game's log. `userId`: the player it is about."""

    id: GameId
    at: Moment
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]{0,31}$")]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    user_id: UserId | None = None


class LinesIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    lines: Annotated[list[LogLineIn], msgspec.Meta(min_length=1, max_length=100)]


class LinesOut(Out, frozen=True):
    """The numbers of lines that are new, and of lines that GRPS had already."""

    accepted: Whole
    duplicates: Whole

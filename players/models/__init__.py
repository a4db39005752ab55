"""Models of the app `players`, a module for each concept. Import them from here."""

from players.models.activity import (
    ActiveDay,
    ActiveMinutes,
    QuotaExemption,
    QuotaPeriod,
    QuotaResult,
)
from players.models.avatar import Avatar
from players.models.bulk import BULK_ALONE, BulkJob, BulkRow
from players.models.daily_figure import Counted, DailyFigure
from players.models.decision import Decision
from players.models.discipline import Appeal, Note, Sanction
from players.models.erasure import ErasureOrder
from players.models.fields import (
    CONSOLE,
    IMPORTED,
    LEGACY,
    LONGEST_ORIGIN,
    RECONCILED,
    REST,
    ZERO,
    points_field,
)
from players.models.hosted_event import (
    HostedEvent,
    HostedEventAttendance,
    HostedEventHost,
    HostedEventSeries,
)
from players.models.imports import Import, ImportRow
from players.models.leaderboard import LeaderboardBucket, LeaderboardChange
from players.models.leave import Leave
from players.models.ledger import (
    DailyPoints,
    ExperiencePoints,
    LedgerEntry,
    Recommendation,
    Session,
)
from players.models.mass_adjustment import Adjustment, AdjustmentRow
from players.models.moderation import (
    Approval,
    BroughtDay,
    BroughtPerson,
    Claim,
    GameCommand,
    GuardTrip,
    Spending,
    StaffAct,
)
from players.models.player import Player
from players.models.policy import PolicyActivation, PolicyVersion, Rank, Simulation
from players.models.quarantine import KeyCount, Quarantine
from players.models.rank_restriction import RankRestriction
from players.models.report import MemberReport, ReportMute
from players.models.statistics import (
    DailyBalance,
    FastestPromotion,
    Period,
    PeriodTotal,
    PlayerRecord,
    PositionSnapshot,
    RankCount,
    StatisticsState,
)
from players.models.usernames import NameCheck, PlayerName

__all__ = [
    "BULK_ALONE",
    "CONSOLE",
    "IMPORTED",
    "LEGACY",
    "LONGEST_ORIGIN",
    "RECONCILED",
    "REST",
    "ZERO",
    "ActiveDay",
    "ActiveMinutes",
    "Adjustment",
    "AdjustmentRow",
    "Appeal",
    "Approval",
    "Avatar",
    "BroughtDay",
    "BroughtPerson",
    "BulkJob",
    "BulkRow",
    "Claim",
    "Counted",
    "DailyBalance",
    "DailyFigure",
    "DailyPoints",
    "Decision",
    "ErasureOrder",
    "ExperiencePoints",
    "FastestPromotion",
    "GameCommand",
    "GuardTrip",
    "HostedEvent",
    "HostedEventAttendance",
    "HostedEventHost",
    "HostedEventSeries",
    "Import",
    "ImportRow",
    "KeyCount",
    "LeaderboardBucket",
    "LeaderboardChange",
    "Leave",
    "LedgerEntry",
    "MemberReport",
    "NameCheck",
    "Note",
    "Period",
    "PeriodTotal",
    "Player",
    "PlayerName",
    "PlayerRecord",
    "PolicyActivation",
    "PolicyVersion",
    "PositionSnapshot",
    "Quarantine",
    "QuotaExemption",
    "QuotaPeriod",
    "QuotaResult",
    "Rank",
    "RankCount",
    "RankRestriction",
    "Recommendation",
    "ReportMute",
    "Sanction",
    "Session",
    "Simulation",
    "Spending",
    "StaffAct",
    "StatisticsState",
    "points_field",
]

from django.urls import path

from players.api import appeals, automation, avatar, game, lists, policy, profiles

urlpatterns = [
    path("leaderboard/top", lists.Top.as_view(), name="leaderboard-top"),
    path("leaderboard/records", lists.Records.as_view(), name="leaderboard-records"),
    path("leaderboard/around/<userid:user_id>", lists.Around.as_view(), name="leaderboard-around"),
    path("players", profiles.Search.as_view(), name="player-search"),
    path("players/<userid:user_id>", profiles.OnePlayer.as_view(), name="player"),
    path("players/<userid:user_id>/history", profiles.History.as_view(), name="player-history"),
    path("players/<userid:user_id>/series", profiles.Series.as_view(), name="player-series"),
    path(
        "players/<userid:user_id>/promotions",
        profiles.PlayerPromotions.as_view(),
        name="player-promotions",
    ),
    path("players/<userid:user_id>/avatar", avatar.PlayerAvatar.as_view(), name="player-avatar"),
    path("promotions", profiles.Promotions.as_view(), name="promotions"),
    path("periods", lists.Periods.as_view(), name="periods"),
    path("stats", lists.Stats.as_view(), name="stats"),
    path("ranks", policy.Ranks.as_view(), name="ranks"),
    path("policy", policy.PublicPolicy.as_view(), name="policy"),
    path("policy/changes", policy.PolicyChanges.as_view(), name="policy-changes"),
    path("roblox/events", game.Events.as_view(), name="roblox-events"),
    path("roblox/policy", game.Policy.as_view(), name="roblox-policy"),
    path("roblox/players", game.Find.as_view(), name="roblox-search"),
    path("roblox/joins", game.Joins.as_view(), name="roblox-joins"),
    path("roblox/players/<userid:user_id>", game.Join.as_view(), name="roblox-player"),
    path("roblox/sanctions", game.Sanctions.as_view(), name="roblox-sanctions"),
    path("roblox/leave-requests", game.LeaveRequests.as_view(), name="roblox-leave-requests"),
    path("roblox/audits", game.Audits.as_view(), name="roblox-audits"),
    path("appeals", appeals.OpenAppeal.as_view(), name="appeals"),
    path("appeals/<str:token>", appeals.ReadAppeal.as_view(), name="appeal-answer"),
    path("automation/decisions", automation.Decide.as_view(), name="automation-decisions"),
]

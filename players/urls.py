from django.urls import path

from players import api, appeals_api, game_api

urlpatterns = [
    path("leaderboard/top", api.Top.as_view(), name="leaderboard-top"),
    path("leaderboard/records", api.Records.as_view(), name="leaderboard-records"),
    path("leaderboard/around/<userid:user_id>", api.Around.as_view(), name="leaderboard-around"),
    path("players", api.Search.as_view(), name="player-search"),
    path("players/<userid:user_id>", api.OnePlayer.as_view(), name="player"),
    path("players/<userid:user_id>/history", api.History.as_view(), name="player-history"),
    path("ranks", api.Ranks.as_view(), name="ranks"),
    path("roblox/events", api.Events.as_view(), name="roblox-events"),
    path("roblox/policy", api.Policy.as_view(), name="roblox-policy"),
    path("roblox/players", api.Find.as_view(), name="roblox-search"),
    path("roblox/joins", api.Joins.as_view(), name="roblox-joins"),
    path("roblox/players/<userid:user_id>", api.Join.as_view(), name="roblox-player"),
    path("roblox/sanctions", game_api.Sanctions.as_view(), name="roblox-sanctions"),
    path("roblox/audits", game_api.Audits.as_view(), name="roblox-audits"),
    path("appeals", appeals_api.OpenAppeal.as_view(), name="appeals"),
    path("appeals/<str:token>", appeals_api.ReadAppeal.as_view(), name="appeal-answer"),
    path("automation/decisions", api.Decide.as_view(), name="automation-decisions"),
]

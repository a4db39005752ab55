from django.urls import path

from players import api

urlpatterns = [
    path("leaderboard/top", api.Top.as_view(), name="leaderboard-top"),
    path("leaderboard/records", api.Records.as_view(), name="leaderboard-records"),
    path("leaderboard/around/<int:user_id>", api.Around.as_view(), name="leaderboard-around"),
    path("players", api.Search.as_view(), name="player-search"),
    path("players/<int:user_id>", api.OnePlayer.as_view(), name="player"),
    path("players/<int:user_id>/history", api.History.as_view(), name="player-history"),
    path("ranks", api.Ranks.as_view(), name="ranks"),
    path("roblox/events", api.Events.as_view(), name="roblox-events"),
    path("roblox/policy", api.Policy.as_view(), name="roblox-policy"),
    path("roblox/players/<int:user_id>", api.Join.as_view(), name="roblox-player"),
    path("automation/decisions", api.Decide.as_view(), name="automation-decisions"),
]

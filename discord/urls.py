from django.urls import path

from discord.interactions import api

urlpatterns = [
    path("discord/interactions", api.Interactions.as_view(), name="discord-interactions"),
]

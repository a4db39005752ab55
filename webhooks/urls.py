from django.urls import path

from webhooks import api

urlpatterns = [
    path("webhooks/roblox", api.RobloxWebhook.as_view(), name="webhooks-roblox"),
]

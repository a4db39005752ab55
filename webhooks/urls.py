from django.urls import path

from webhooks.inbound import api

urlpatterns = [
    path("webhooks/roblox", api.RobloxWebhook.as_view(), name="webhooks-roblox"),
]

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.urls import path

from console.access.roblox_sign_in.provider import RobloxAdapter

urlpatterns = [
    path("roblox/login/", OAuth2LoginView.adapter_view(RobloxAdapter), name="roblox_login"),
    path("roblox/login/callback/", OAuth2CallbackView.adapter_view(RobloxAdapter), name="roblox_callback"),
]

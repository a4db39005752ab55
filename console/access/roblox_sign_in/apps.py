from django.apps import AppConfig


class RobloxSignInConfig(AppConfig):
    name = "console.access.roblox_sign_in"
    label = "roblox_sign_in"

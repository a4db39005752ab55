from django.apps import AppConfig


class RobloxSignInConfig(AppConfig):
    name = "console.accounts.roblox_oauth"
    label = "roblox_sign_in"

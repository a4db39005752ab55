from django.apps import AppConfig


class RobloxConfig(AppConfig):
    name = "roblox"
    default_auto_field = "django.db.models.BigAutoField"

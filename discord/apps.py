from django.apps import AppConfig


class DiscordConfig(AppConfig):
    name = "discord"
    label = "discord_bot"  # allauth's provider has the label `discord`
    default_auto_field = "django.db.models.BigAutoField"

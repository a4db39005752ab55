from django.apps import AppConfig


class PlayersConfig(AppConfig):
    name = "players"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from common import url_converters  # noqa: F401 - registers them before any path is made
        from players.actions import undo  # noqa: F401 - it says which requests can still be carried out

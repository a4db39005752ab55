from django.apps import AppConfig


class PlayersConfig(AppConfig):
    name = "players"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from players.bulk.forgetting import forget
        from players.people import forgetting

        forgetting.connect(forget, dispatch_uid="players.bulk")

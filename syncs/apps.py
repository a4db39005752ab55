from django.apps import AppConfig


class SyncsConfig(AppConfig):
    name = "syncs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from players.people import forgetting
        from syncs.forgetting import forget

        forgetting.connect(forget, dispatch_uid="syncs")

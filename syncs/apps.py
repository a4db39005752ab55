from django.apps import AppConfig


class SyncsConfig(AppConfig):
    name = "syncs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from players.membership import freshness
        from syncs.membership.reader import read_now
        from syncs.tasks import want_soon

        freshness.READ.append(read_now)
        freshness.WANT.append(want_soon)

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "grps_site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The checks register themselves on import. turnstile comes first, since REST framework's
        # views import it in turn.
        from grps_site.http import turnstile  # noqa: F401
        from grps_site.ops import checks, database_checks, storage_checks  # noqa: F401

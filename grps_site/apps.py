from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "grps_site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from grps_site import checks  # noqa: F401 - registers them

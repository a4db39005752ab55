from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "grps_site"
    default_auto_field = "django.db.models.BigAutoField"

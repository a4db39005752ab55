from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    name = "console"
    default_auto_field = "django.db.models.BigAutoField"


class SiteConfig(AdminConfig):
    """Django's admin with our site: whom it lets in is a matter of `request.staff`."""

    default_site = "console.site.ConsoleSite"

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    name = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from console.accounts import (
            identity,
            signals,  # noqa: F401 - connects its receivers
        )
        from console.accounts.permissions import is_gone, of_actor, role_holders
        from players.moderation.actors import ACCOUNTS, GONE, RIGHTS, ROLE_HOLDERS

        RIGHTS.append(of_actor)
        ROLE_HOLDERS.append(role_holders)
        ACCOUNTS.append(identity.of_actor)
        GONE.append(is_gone)


class SiteConfig(AdminConfig):
    """Django's admin with our site, where `request.staff` decides on access."""

    default_site = "console.site.ConsoleSite"

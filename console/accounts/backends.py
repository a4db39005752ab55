"""Answer Django's `has_perm` from present ranks and roles. Permission tables are not used."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import BaseBackend

from console.accounts.permissions import rights_of


class RightsBackend(BaseBackend):
    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return perm in _perms(user_obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(perm.startswith(f"{app_label}.") for perm in _perms(user_obj))


class SignInBackend(AuthenticationBackend):  # type: ignore[misc]
    """Authentication by allauth. RightsBackend decides on permissions."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return False

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return False

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()


def _perms(user: Any) -> frozenset[str]:
    """Return the permissions read by the middleware in this request. Outside requests, read them."""
    if not getattr(user, "is_authenticated", False):
        return frozenset()
    kept: frozenset[str] | None = getattr(user, "grps_perms", None)
    return rights_of(user).perms if kept is None else kept

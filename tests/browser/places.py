"""Addresses of all pages of the console, found through the URL patterns."""

from collections.abc import Iterator

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver, reverse

# Fragments of pages, files, and addresses that only act.
NOT_PAGES = {
    *("act-preview", "palette", "filter-save", "filter-delete"),
    *("quotas-csv", "hosted-events-calendar"),
}


def without_arguments() -> list[str]:
    """Return the addresses of all pages that need no id. Some of them accept only POST."""
    own = [reverse(f"console:{name}") for name in dict.fromkeys(_names()) if name not in NOT_PAGES]
    lists = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]
    return [reverse("admin:index"), reverse("system"), *own, *lists]


def _names() -> Iterator[str]:
    for entry in get_resolver().url_patterns:
        if isinstance(entry, URLResolver) and entry.namespace == "console":
            for pattern in entry.url_patterns:
                if (
                    isinstance(pattern, URLPattern)
                    and pattern.name
                    and not pattern.pattern.converters
                ):
                    yield pattern.name

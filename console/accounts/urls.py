"""Addresses that allauth knows by their names."""

from console.accounts.views import allauth_urls

urlpatterns = allauth_urls

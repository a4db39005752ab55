"""Addresses that allauth knows by their names."""

from console.access.pages import allauth_urls

urlpatterns = allauth_urls

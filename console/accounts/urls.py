"""URLs that allauth looks up by name."""

from console.accounts.views import allauth_urls

urlpatterns = allauth_urls

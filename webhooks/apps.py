from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from players.people import forgetting
        from webhooks import tasks  # noqa: F401 - its receiver hears of seals
        from webhooks.forgetting import forget

        forgetting.connect(forget, dispatch_uid="webhooks")

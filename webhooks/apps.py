from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from players.people import forgetting
        from webhooks.forgetting import forget

        forgetting.connect(forget, dispatch_uid="webhooks")

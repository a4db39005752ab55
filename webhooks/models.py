"""Endpoints, deliveries and their attempts, and notifications from Roblox."""

from typing import Any, ClassVar

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from audits.models import AuditEvent
from common import encryption

EXCERPT = 20_000  # bytes of a request or an answer that are stored


class EndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def active(self) -> "EndpointQuerySet":
        return self.filter(status=WebhookEndpoint.Status.ACTIVE)


class WebhookEndpoint(models.Model):
    """A receiver of events. Address, headers and secrets are encrypted (`*_sealed`).

    `position`: the last position of the audit chain whose deliveries were created.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "active"
        DISABLED = "disabled", "disabled"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=20, help_text="standard, discord or slack")
    address_sealed = models.TextField()
    secret_sealed = models.TextField(blank=True, db_default="")
    previous_secret_sealed = models.TextField(blank=True, db_default="")
    previous_until = models.DateTimeField(null=True, help_text="until then both secrets sign")
    headers_sealed = models.TextField(blank=True, db_default="")
    events = ArrayField(
        models.CharField(max_length=60), help_text="dotted patterns: `*`, `rank.*`, `player.banned`"
    )
    experiences = ArrayField(
        models.CharField(max_length=32),
        db_default=Value([], output_field=ArrayField(models.CharField(max_length=32))),
        blank=True,
        help_text="keys of experiences; none: all, and what belongs to none",
    )
    rate = models.PositiveIntegerField(
        null=True, blank=True, help_text="calls a minute at most; empty: as fast as it takes them"
    )
    status = models.CharField(max_length=10, choices=Status, db_default=Status.ACTIVE)
    reason = models.TextField(blank=True, db_default="", help_text="why it is in this state")
    status_at = models.DateTimeField(db_default=Now())
    position = models.BigIntegerField(db_default=0)
    failing_since = models.DateTimeField(
        null=True, help_text="the first failure since the last success"
    )
    failing_told_at = models.DateTimeField(null=True)
    warnings = models.PositiveSmallIntegerField(db_default=0)
    exhausted_told_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(
        null=True, help_text="it asked for a pause, or a rate limit is used up"
    )
    next_call_at = models.DateTimeField(null=True, help_text="where the rate's schedule stands")
    refused = ArrayField(
        models.BigIntegerField(),
        db_default=Value([], output_field=ArrayField(models.BigIntegerField())),
        blank=True,
        help_text="deliveries that it refused since the last success",
    )
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(db_default=1)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[Any] = EndpointQuerySet.as_manager()

    class Meta:
        db_table = "webhook_endpoints"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        return encryption.unseal(self.address_sealed)

    @property
    def headers(self) -> dict[str, str]:
        text = encryption.unseal(self.headers_sealed)
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}

    @property
    def secret(self) -> str:
        """The endpoint's secret. If it is empty, the project's WEBHOOK_VERIFICATION_KEY signs."""
        return encryption.unseal(self.secret_sealed)

    @property
    def previous_secret(self) -> str:
        return encryption.unseal(self.previous_secret_sealed)


class WebhookDelivery(models.Model):
    """One event for one endpoint, until it is delivered or given up. An example has no event.

    While a worker holds it, `lease` names the worker and `retry_at` is the end of the lease.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "pending"
        DELIVERED = "delivered", "delivered"
        EXHAUSTED = "exhausted", "given up"

    message = models.UUIDField(
        unique=True, db_default=RandomUUID(), help_text="webhook-id: the same at every try"
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.ForeignKey(
        AuditEvent, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    action = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(
        db_default=0, help_text="tries that count toward giving up"
    )
    alone = models.BooleanField(
        db_default=False, help_text="not folded with others: it was refused in company"
    )
    trigger = models.CharField(
        max_length=10, db_default="event", help_text="event, example, resend, recover, replay"
    )
    retry_at = models.DateTimeField(db_default=Now())
    lease = models.CharField(max_length=32, blank=True, db_default="")
    status_code = models.PositiveSmallIntegerField(null=True)
    reason = models.TextField(blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_deliveries_once")
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "retry_at", "id"],
                condition=Q(status="pending"),
                name="webhook_deliveries_due",
            ),
            models.Index(fields=["endpoint", "-id"], name="webhook_deliveries_newest"),
            models.Index(
                fields=["endpoint", "finished_at"],
                condition=Q(status="exhausted"),
                name="webhook_deliveries_given_up",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(status__in=["delivered", "exhausted"]),
                name="webhook_deliveries_old",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} to {self.endpoint_id}"


class WebhookAttempt(models.Model):
    """One attempt of a delivery, stored before the call.

    Deliveries that are folded into one message share `call`.
    """

    class Outcome(models.TextChoices):
        RUNNING = "running", "under way"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"
        DEFERRED = "deferred", "told to wait"
        LOST = "lost", "outcome unknown"

    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.CASCADE, related_name="tries", db_index=False
    )
    call = models.UUIDField()
    trigger = models.CharField(max_length=10)
    started_at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=10, choices=Outcome, db_default=Outcome.RUNNING)
    status_code = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True, db_default="")
    request = models.TextField(help_text="the first 20 kB")
    response = models.TextField(blank=True, db_default="", help_text="the first 20 kB")

    class Meta:
        db_table = "webhook_attempts"
        indexes = [models.Index(fields=["delivery", "id"], name="webhook_attempts_of_delivery")]

    def __str__(self) -> str:
        return f"try of {self.delivery_id}: {self.outcome}"


class RobloxNotification(models.Model):
    """A request to `POST /webhooks/roblox`, stored once.

    The payload of an erasure order is deleted when the order is done.
    """

    class Status(models.TextChoices):
        STORED = "stored", "stored"
        HANDLED = "handled", "handled"

    notification_id = models.CharField(max_length=128, unique=True)
    event_type = models.CharField(max_length=80)
    event_time = models.DateTimeField(null=True)
    payload = models.JSONField()
    status = models.CharField(max_length=10, choices=Status, db_default=Status.STORED)
    received_at = models.DateTimeField(db_default=Now())
    handled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "roblox_notifications"
        indexes = [models.Index(fields=["-received_at"], name="roblox_notifications_newest")]

    def __str__(self) -> str:
        return f"{self.event_type} {self.notification_id}"

"""Tables of the console: staff accounts, technical roles, sent forms, saved filters."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class StaffAccount(models.Model):
    """The account of a person.

    `roblox_id`: the Roblox user id (`sub`), null for a local owner.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account"
    )
    roblox_id = models.BigIntegerField(unique=True, null=True)
    same_as = models.BigIntegerField(
        null=True, db_index=True, help_text="of a local owner: their Roblox user id"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "staff_accounts"
        constraints = [
            models.CheckConstraint(
                condition=Q(roblox_id=None) | Q(same_as=None), name="staff_accounts_linked_locals"
            )
        ]


class RoleGrant(models.Model):
    """A technical role of a Roblox user, independent of the rank.

    Two owners give it, or the operator at the shell.
    """

    class Role(models.TextChoices):
        OWNER = "owner"
        AUDITOR = "auditor", "auditor (reads everything, changes nothing)"
        INTEGRATOR = "integrator"

    user_id = models.BigIntegerField()
    role = models.CharField(max_length=12, choices=Role)
    granted_by = models.CharField(max_length=80)
    approved_by = models.CharField(max_length=80)
    granted_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=80, db_default="")

    class Meta:
        db_table = "role_grants"
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "role"], condition=Q(revoked_at=None), name="role_grants_once"
            ),
            models.CheckConstraint(
                condition=~Q(approved_by=F("granted_by")) | Q(granted_by__startswith="shell:"),
                name="role_grants_second_person",
            ),
        ]


class RefusedSignIns(models.Model):
    """The number of failed sign-ins of one way since the last event that reported them."""

    way = models.CharField(max_length=20, primary_key=True)
    waiting = models.BigIntegerField(db_default=0)
    why = models.TextField(db_default="", help_text="the last cause")
    told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "refused_sign_ins"


class SentForm(models.Model):
    """The token of a sent form, kept for a day. A form with a known token does nothing."""

    token = models.UUIDField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "sent_forms"
        indexes = [models.Index(fields=["at"], name="sent_forms_by_time")]


class SeenUpTo(models.Model):
    """The last audit event of a kind of work that staff marked as seen, for all staff."""

    kind = models.CharField(max_length=20, primary_key=True)
    event = models.BigIntegerField()
    person = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        db_table = "seen_up_to"


class SavedFilter(models.Model):
    """A query of a list that a person saved under a name."""

    person = models.CharField(max_length=80)
    page = models.CharField(max_length=40)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "saved_filters"
        constraints = [
            models.UniqueConstraint(fields=["person", "page", "name"], name="saved_filters_once")
        ]

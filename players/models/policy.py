"""Store policy versions, their simulations and the ranks of the active policy."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from players.models.fields import points_field


class PolicyVersion(models.Model):
    """One validated bundle of rules, kept for ever: decisions refer to the version used."""

    number = models.PositiveIntegerField(unique=True)
    content_hash = models.CharField(max_length=64, unique=True)
    documents = models.JSONField()
    is_active = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    activated_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "policy_versions"
        constraints = [
            models.UniqueConstraint(
                fields=["is_active"], condition=Q(is_active=True), name="policy_one_active"
            )
        ]

    def __str__(self) -> str:
        return f"policy {self.number} ({self.content_hash[:8]})"


class PolicyActivation(models.Model):
    """One time that a version was put in force, with what everybody may read of it.

    `document`: players.policy.public_document. `changes`: players.policy.public_changes against the
    version in force before.
    """

    number = models.PositiveIntegerField(help_text="the version's number")
    version = models.CharField(max_length=64, help_text="the version's content hash")
    activated_at = models.DateTimeField()
    document = models.JSONField()
    changes = models.JSONField()

    class Meta:
        db_table = "policy_activations"

    def __str__(self) -> str:
        return f"activation {self.pk} of policy {self.number}"


class Simulation(models.Model):
    """What a version would change against the one then in force, at `started_at`.

    Counted in steps. `tally` covers players with our ids up to `upto`: rank, result under each
    policy, number, a few of our ids. `last` is the highest id to count.
    """

    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="simulations")
    against = models.ForeignKey(
        PolicyVersion, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    requested_by = models.CharField(max_length=80, help_text="the person: Staff.person")
    started_at = models.DateTimeField()
    upto = models.BigIntegerField(db_default=0)
    last = models.BigIntegerField()
    tally = models.JSONField(default=list)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "simulations"
        constraints = [
            models.UniqueConstraint(
                fields=["version", "against"],
                condition=Q(finished_at=None),
                name="simulations_one_under_way",
            )
        ]

    def __str__(self) -> str:
        return f"simulation {self.pk} of policy {self.version_id}"

    @property
    def percent(self) -> int:
        return 100 * self.upto // self.last if self.last else 100


class Rank(models.Model):
    """A rank of the active policy, as a row for joins. Written only when a policy is activated."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.CharField(
        max_length=90, unique=True, help_text="in addresses of pages; never changes"
    )
    position = models.PositiveSmallIntegerField()
    level = models.CharField(max_length=20)
    role = models.PositiveSmallIntegerField()
    min_points = points_field()
    min_time_days = models.PositiveIntegerField()
    required_recommendations = models.PositiveIntegerField()
    privileged = models.BooleanField()
    is_punishment = models.BooleanField()
    ignored = models.BooleanField()
    can_earn = models.BooleanField()
    retired = models.BooleanField(db_default=False)
    description = models.CharField(max_length=200, db_default="")
    colour = models.CharField(max_length=7, null=True, help_text="#rrggbb")  # noqa: DJ001

    class Meta:
        db_table = "ranks"
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name

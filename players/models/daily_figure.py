"""Store daily figures for the console's charts."""

from django.db import models


class DailyFigure(models.Model):
    """One figure of one UTC day, so that a chart reads only a few rows (players.daily_figures)."""

    day = models.DateField()
    what = models.CharField(max_length=20)
    label = models.CharField(max_length=32, db_default="")
    value = models.DecimalField(max_digits=20, decimal_places=2)

    class Meta:
        db_table = "daily_figures"
        constraints = [
            models.UniqueConstraint(fields=["day", "what", "label"], name="daily_figures_once")
        ]


class Counted(models.Model):
    """The position in the audit chain up to which a count has come."""

    name = models.CharField(max_length=20, primary_key=True)
    position = models.BigIntegerField()

    class Meta:
        db_table = "counted"

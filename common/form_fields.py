"""Form fields that several apps share."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from common.time import BadMoment, in_utc


class DayField(forms.DateField):
    """A day, typed or picked."""

    def __init__(self, **options: Any) -> None:
        picker = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(**{"widget": picker} | options)


class MomentField(forms.DateTimeField):
    """A moment in UTC, typed or picked. One outside the bounds is a validation error."""

    def __init__(self, **options: Any) -> None:
        picker = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(**{"widget": picker} | options)

    def to_python(self, value: Any) -> dt.datetime | None:
        try:
            moment = super().to_python(value)
            return in_utc(moment) if moment is not None else None
        except BadMoment as error:
            raise ValidationError(f"{error}.".capitalize()) from None
        except OverflowError:
            raise ValidationError("It is out of bounds.") from None

"""The result of a case of `make bench`."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Result:
    case: str
    ratio: float
    goal: float
    better: str

    def row(self) -> dict[str, object]:
        ok = self.ratio >= self.goal if self.better == "higher" else self.ratio <= self.goal
        return {**asdict(self), "ratio": round(self.ratio, 4), "ok": ok}

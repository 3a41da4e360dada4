"""The time that pilots may take: how many epochs, how many rounds, and how long is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

CALIBRATION = 2
"""Epochs of the default that are timed before the pilots are planned; the quicker one counts."""

FEWEST_EPOCHS = 3
"""Pilots have at least so many; with less time there are fewer pilots."""

ROUNDS = 2
"""Pilots are shortened until so many rounds fit, by seeds; a whole training is never exceeded."""

MOST_ROUNDS = 6
"""More rounds are not worth their time."""

LONGER = 1.5
"""Pilots that are there are begun anew if others could be longer by this factor."""

USED = 0.9
"""The share of the time that is planned; the rest is for what takes longer than foreseen."""

OTHERS = 1.2
"""How much longer a candidate takes than the default, as long as that is not known."""


@dataclass
class Budget:
    """The time until a deadline, which a wish to stop ends too.

    Args:
        deadline: when all has to be done.
        now: tells the time.
        stopped: whether somebody wishes to stop.
    """

    deadline: float
    now: Callable[[], float]
    stopped: Callable[[], bool] = lambda: False

    @property
    def left(self) -> float:
        """The seconds that are left, at least 0."""
        return 0.0 if self.stopped() else max(0.0, self.deadline - self.now())

    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.left == 0


@dataclass
class Schedule:
    """How long pilots are, how many rounds there are to be, and how long each candidate takes."""

    epochs: int
    full_epochs: int
    rounds: int
    seconds_per_epoch: float
    measured: dict[str, float] = field(default_factory=dict)

    @classmethod
    def fitting(
        cls,
        seconds: float,
        *,
        seconds_per_epoch: float,
        full_epochs: int,
        candidates: int,
        before: tuple[int, int] | None = None,
    ) -> Schedule:
        """The longest pilots of which `ROUNDS` rounds fit, then as many rounds as fit.

        Args:
            seconds: the time for them.
            seconds_per_epoch: how long the default takes.
            full_epochs: how long a whole training is.
            candidates: how many are compared, the default included.
            before: the epochs of pilots that are there already, and how many rounds: others are as
                long, unless there is time for much longer ones.
        """
        pilot = max(seconds_per_epoch, 1e-6) * OTHERS
        planned = USED * seconds
        epochs = min(full_epochs, max(FEWEST_EPOCHS, int(planned / (pilot * candidates * ROUNDS))))
        done = 0
        if before is not None and epochs < LONGER * before[0]:
            epochs, done = before
        rounds = done + max(1, int(planned / (pilot * candidates * epochs)))
        return cls(epochs, full_epochs, min(MOST_ROUNDS, rounds), seconds_per_epoch)

    @property
    def share(self) -> float:
        """The share of a whole training that a pilot has."""
        return self.epochs / self.full_epochs

    def epochs_of(self, share: float) -> int:
        """The epochs of a pilot on a share of the sentences: so many that it takes as many steps.

        A whole training is never exceeded.
        """
        return min(self.full_epochs, round(self.epochs / share))

    def seconds_of(self, candidate: str, share: float) -> float:
        """The seconds that a pilot on a share of the sentences takes."""
        return self.expected(candidate) * share * self.epochs_of(share) / self.epochs

    def expected(self, candidate: str) -> float:
        """The seconds that a pilot on all sentences takes."""
        return self.measured.get(candidate, self.epochs * self.seconds_per_epoch * OTHERS)

    def note(self, candidate: str, seconds: float) -> None:
        """Take note of how long one took."""
        self.measured[candidate] = seconds

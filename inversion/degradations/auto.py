"""Whatever has happened to a photo, found in the photo itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError

AUTO = "auto"
NONE = "none"


@dataclass(frozen=True)
class Auto(Degradation):
    """What is found in the whole photo, as it arrives; inversion/inspection.py makes the operator of it before `bind`.

    Each but the last is auto: as found; none or null: nothing of the kind; or a value that replaces what is found.

    blur: size of the Gaussian window in the generator's pixels, or as 10% of the face's square, 100px of the photo.
    grayscale: true, false.
    noise: standard deviation in the photo's pixels, white = 1.
    jpeg: quality, 1 to 95.
    enlarged: how many times longer the photo's sides are than those of the photo that it was made from; 1 as none.
    mask: path of a picture as large as the photo as given, white = pixels to fill, black = known.
    unexplained: what the search cannot explain and looks like dust or a stroke is filled in, too, but with mask none.
    """

    blur: float | str | None = AUTO
    grayscale: bool | str | None = AUTO
    noise: float | str | None = AUTO
    jpeg: int | str | None = AUTO
    enlarged: float | str | None = AUTO
    mask: str | None = AUTO
    unexplained: bool = True

    def bind(self, photos: Tensor, degraded: bool) -> NoReturn:
        """Raises ConfigError: an aligned photo alone does not show what has happened to its file."""
        raise ConfigError(
            "degradation=auto looks at a whole photo, and is no step of other corruptions. Got it as one; "
            "degradation=auto degraded=true image=FILE would work."
        )

    def __call__(self, x: Tensor) -> Tensor:
        raise ValueError("Auto has not looked at a photo yet: see inversion/inspection.py.")


def is_none(value: object) -> bool:
    """Whether a field says that there is nothing of its kind."""
    return value is None or value is False or value == NONE

"""All hostile files, by kind."""

from __future__ import annotations

from tests.hostile import endless, foreign, latents, memory, pictures
from tests.hostile.case import Case

CASES: list[Case] = [*memory.CASES, *endless.CASES, *foreign.CASES, *latents.CASES, *pictures.CASES]

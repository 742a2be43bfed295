"""What a single run is going to do with its photo, and how to say what is wrong with it: told before the search."""

from __future__ import annotations

import shlex
from pathlib import Path

from sweeps.execute.job import Job

# What may be wrong with a photo → what says so.
DAMAGES = {
    "damaged, somehow": "degraded=true",
    "blurred": "degradation=blur degradation.kernel_size=auto degraded=true",
    "black-and-white": "degradation=grayscale degraded=true",
    "a part blanked": "degradation=inpaint degraded=true",
    "a part to replace": "degradation=inpaint degradation.mask=MASK.png degraded=true",
    "few pixels": "degradation=downsample degraded=true",
}


def intent(job: Job, command: str) -> str | None:
    """None where there is nothing that a person might have meant otherwise: a synthetic face, the sample portrait.

    command: what was typed to start this, python run.py.
    """
    image = job.config.input.get("image")
    if image is None or job.config.degraded:
        return None
    name = Path(image).name
    if job.degradation != "none":
        return (
            f"{name} is taken as undamaged: {job.degradation} is applied to it first, so that the restoration can be "
            "compared with it. If it arrives like that already, add degraded=true."
        )
    given = shlex.quote(f"image={image}")
    lines = [f"  {meaning + ':':<19}{command} {given} {words}" for meaning, words in DAMAGES.items()]
    return "\n".join(
        [
            f"{name} is taken as undamaged: the search looks for the face as it is, and repairs nothing. "
            "What is wrong with a photo is said like this:",
            *lines,
        ]
    )

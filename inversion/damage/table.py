"""What was found, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inversion.damage.damage import PROBABLE, SURE, Damage
from inversion.damage.noise import IN_LUMA
from inversion.damage.scratches import Scratches
from inversion.damage.torn import Torn

COLOURS = {
    "colour": "in colour",
    "faded": "faded colours, left as they are",
    "sepia": "black-and-white, toned",
    "grey": "black-and-white",
}

SMALL = ("scratches", "dust", "creases", "torn or blanked")  # what outlines look like in photos of few pixels
FILL = "inpaint with the found mask"


@dataclass(frozen=True)
class Row:
    """One kind of damage."""

    what: str
    found: str
    sure: str  # sure, probable, a guess
    operator: str  # that does the same, with its settings; "-" where there is nothing to mend


def rows(damage: Damage) -> list[Row]:
    """One per kind of damage, found or not, in the order in which they happened."""
    blur, noise, compression, scratches = damage.blur, damage.noise, damage.compression, damage.scratches
    clean = not damage.is_noisy
    sigma = noise.sigma / IN_LUMA
    if damage.is_moved:
        length, angle = f"{damage.motion.length:.1f}", f"{damage.motion.angle:.0f}"
        blurred = Row(
            "blur",
            f"motion, {length} px long, {angle} degrees",
            how_sure(damage.motion.confidence),
            f"motion_blur length={length} angle={angle}",
        )
    elif damage.is_blurred:
        size = f"{blur.kernel_size:.1f}"
        blurred = Row(
            "blur",
            f"Gaussian, {size} px wide, sigma {blur.sigma:.2f} px",
            how_sure(blur.confidence),
            "-" if damage.is_enlarged else f"blur kernel_size={size}",  # the enlargement has done it
        )
    else:
        blurred = Row("blur", "sharp enough", how_sure(blur.confidence), "-")
    times = f"{damage.enlargement.factor:.2f}"
    enlarged = (
        Row(
            "pixels",
            f"enlarged {times} times",
            how_sure(damage.enlargement.confidence),
            f"downsample factor={times}",
        )
        if damage.is_enlarged
        else Row("pixels", "not seen to be enlarged", how_sure(PROBABLE), "-")
    )
    return [
        blurred,
        enlarged,
        Row(
            "colour",
            COLOURS[damage.colour.kind],
            how_sure(damage.colour.confidence),
            "grayscale" if damage.colour.is_grey else "-",
        ),
        Row(
            "noise",
            "hardly any" if clean else f"standard deviation {100 * sigma:.1f} % of white in each channel",
            how_sure(noise.confidence),
            "-" if clean else f"sensor_noise sigma={sigma:.3f}",
        ),
        Row(
            "JPEG",
            "no trace"
            if compression.quality is None
            else f"quality {compression.quality}, by {compression.origin}",
            how_sure(compression.confidence),
            f"jpeg quality={compression.quality}" if damage.is_compressed else "-",
        ),
        hiding("scratches", scratches),
        Row(
            "dust",
            f"{damage.dust.count} spots" if damage.is_dusty else "none",
            how_sure(damage.dust.confidence) if damage.is_dusty else how_sure(SURE),
            FILL if damage.is_dusty else "-",
        ),
        hiding("creases", damage.creases),
        hiding("torn or blanked", damage.torn),
    ]


def hiding(what: str, found: Scratches | Torn) -> Row:
    """Of what hides a part of the photo."""
    if not found.share:
        return Row(what, "none", how_sure(SURE), "-")
    return Row(what, f"{100 * found.share:.2f} % of the photo", how_sure(found.confidence), FILL)


# Row.what → the setting of degradation=auto that says otherwise, and a value where nothing was found
OTHERWISE = {
    "blur": ("degradation.blur", "12px"),
    "pixels": ("degradation.enlarged", "4"),
    "colour": ("degradation.grayscale", "true"),
    "noise": ("degradation.noise", "0.05"),
    "JPEG": ("degradation.jpeg", "30"),
    "scratches": ("degradation.mask", "FILE"),
    "dust": ("degradation.mask", "FILE"),
    "creases": ("degradation.mask", "FILE"),
    "torn or blanked": ("degradation.mask", "FILE"),
}

# What else may hide a face, which the search alone can tell.
LATER = ("left over", "for the search alone to tell", "-", "degradation.unexplained=false")


def answers(damage: Damage, sought: bool = True) -> str:
    """The table as degradation=auto prints it: how to say otherwise in the place of the degradation."""
    lines = [("what", "found", "how sure", "say otherwise by")]
    for row in rows(damage):
        setting, value = OTHERWISE[row.what]
        found, sure = row.found, row.sure
        if row.what in SMALL and not sought:
            found, sure = "not looked for", "-"
        lines.append((row.what, found, sure, f"{setting}={value if row.operator == '-' else 'none'}"))
    if not damage.is_none:
        lines.append(LATER)
    return aligned(lines)


def how_sure(confidence: float) -> str:
    return "sure" if confidence >= SURE else "probable" if confidence >= PROBABLE else "a guess"


def text(damage: Damage) -> str:
    """The table for a console: a line per kind of damage, columns aligned."""
    lines = [("what", "found", "how sure", "degradation")]
    return aligned(lines + [(row.what, row.found, row.sure, row.operator) for row in rows(damage)])


def aligned(lines: Sequence[tuple[str, str, str, str]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )

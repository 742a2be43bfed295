"""The comments of a YAML file, by the setting that they stand behind."""

from __future__ import annotations

import re

LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w.]+):(?P<value>(?: [^#]*)?)(?:#\s*(?P<comment>.*))?$")
GOES_ON = re.compile(r"^ {8,}# *(?P<comment>.*)$")


def comments(text: str) -> dict[str, str]:
    """Setting (a.b for b below a) → its comment, with the lines of nothing but comment that go on with it."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []  # indent and key of the mappings around a line
    last = ""
    for line in text.splitlines():
        if (more := GOES_ON.match(line)) and last:
            found[last] += f" {more['comment']}"
            continue
        last = ""
        if not (match := LINE.match(line)):
            continue
        indent = len(match["indent"])
        above = [(depth, key) for depth, key in above if depth < indent] + [(indent, match["key"])]
        if match["comment"]:
            last = ".".join(key for _, key in above)
            found[last] = match["comment"].strip()
    return found


def is_global(text: str) -> bool:
    """Whether its settings stand at the top level, not below the name of its group."""
    return "# @package _global_" in text

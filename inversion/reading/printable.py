"""Text that came from outside, made safe to show: one line, no control characters, no longer than asked.

A file's names and texts, a server's answers and file names may hold escape sequences that move the cursor or
recolour the terminal, line breaks that forge a message of their own, halves of surrogate pairs that cannot be
encoded, or megabytes.
"""

from __future__ import annotations

LONGEST = 600  # characters of one message, well below a screen of 24 x 80


def printable(value: object, longest: int = LONGEST) -> str:
    """str(value) as one line of at most `longest` characters; its middle is left out when it is longer.

    Runs of white space, line breaks among them, become one space; any other character that cannot be printed
    becomes its escape (`\\x1b`). value: text, an error or a path; never a tree out of a file, whose str() may
    have no end.
    """
    text = str(value)
    if len(text) > 4 * longest:  # before anything is done to each character
        text = f"{text[: 2 * longest]} {text[-2 * longest :]}"
    line = one_line(" ".join(text.split()))
    if len(line) <= longest:
        return line
    half = (longest - 3) // 2
    return f"{line[:half]}...{line[-half:]}"


def one_line(text: str) -> str:
    """All of a text on one line: each character that cannot be printed becomes its escape (a line break `\\n`)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)

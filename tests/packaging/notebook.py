"""Run a notebook's code cells without Jupyter, and keep what they show: python -m tests.packaging.notebook FILE."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(notebook: dict[str, Any]) -> dict[str, Any]:
    """The same notebook with the outputs that its cells have now, run in their order in one namespace."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(notebook), start=1):
        cell["outputs"], cell["execution_count"] = run_cell("".join(cell["source"]), names, number), number
    return notebook


def run_cell(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What a cell prints, and the value of its last line."""
    tree = ast.parse(source)
    end = tree.body[-1] if tree.body else None
    last = end if isinstance(end, ast.Expr) else None
    if last is not None:
        tree.body.pop()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"<cell {number}>", "exec"), names)
        expression = None if last is None else ast.Expression(last.value)
        value = None if expression is None else eval(compile(expression, f"<cell {number}>", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        text = printed.getvalue().splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if value is not None:
        data = {
            "text/plain": [repr(value) if not isinstance(value, Image.Image) else f"<image {value.size}>"]
        }
        shown = {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data}
        if isinstance(value, Image.Image):
            shown["data"] = {"image/png": png(value), **data}
        outputs.append(shown)
    return outputs


def png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


if __name__ == "__main__":
    path = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # its cells save pictures
        shown = run(json.loads(path.read_text()))
    path.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n")

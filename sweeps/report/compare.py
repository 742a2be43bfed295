"""A sweep's own pictures, written to its parent run when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image

from inversion.pictures.curves import to_image
from inversion.record.atomic import write_file
from inversion.record.mlflow_store import open_client
from sweeps.report.view import save_view
from sweeps.results.summarize import Summary, summarize
from sweeps.results.table import FIGURES, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

MAX_NOTE = 7900  # characters of a tag


def compare_sweep(uri: str, parent_run_id: str, report: Path) -> Summary:
    """Compare a sweep's children and log what comes of it to the parent run.

    At the artifact root, under the same names in every sweep, so that MLflow's compare page shows two sweeps
    side by side: contact_sheet.png, curves.png, heatmap_<figure>.png, table.json (log_table), report.html. Tags
    best, recommended and recommended_overrides; the recommendation in words is the run's description.

    Works for a sweep of which nothing finished, or nothing started. A picture that cannot be made or logged is a
    warning, and the others are still made. Raises ConfigError when the store cannot be read.

    uri: absolute, as from `absolute_uri`. report: file in which the HTML page is kept as well. Returns the summary,
    for the console. `sweeps.ui.sweep_link` opens MLflow's charts on the sweep's runs.
    """
    from sweeps.report import figures, page, sheets

    store = Store(uri)
    summary = summarize(store.sweep(parent_run_id))
    losses = page.read_losses(store, summary)
    client = open_client(uri)

    @lru_cache(maxsize=64)
    def picture(run_id: str, name: str) -> Image.Image | None:
        path = store.file(run_id, name)
        return None if path is None else Image.open(path).convert("RGB")

    def log_picture(name: str, make: Callable[[], Image.Image]) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            make().save(path)
            client.log_artifact(parent_run_id, str(path))

    def draw(metric: str) -> Image.Image:
        return to_image(figures.heatmap(summary, metric))

    shown = [name for name in FIGURES if name in summary.cells and summary.cells[name].notna().any()]
    pictures: dict[str, Callable[[], Image.Image]] = {
        "contact_sheet.png": lambda: sheets.contact_sheet(summary, picture),
        "curves.png": lambda: to_image(figures.loss_curves(summary, losses)),
        **{f"heatmap_{metric}.png": partial(draw, metric) for metric in shown},
    }
    for name, make in pictures.items():
        attempt(name, partial(log_picture, name, make))
    attempt("table.json", lambda: client.log_table(parent_run_id, _printable(summary), "table.json"))

    def write_report() -> None:
        html = page.render(summary, losses, store.file)
        write_file(report, html.encode())
        log_report(uri, parent_run_id, html)

    attempt("report.html", write_report)
    attempt("tags", lambda: _tag(client, parent_run_id, summary))
    experiment = client.get_run(parent_run_id).info.experiment_id
    attempt("view in MLflow", lambda: save_view(uri, experiment, parent_run_id, summary))
    return summary


def log_report(uri: str, parent_run_id: str, html: str) -> None:
    """Keep the report with its sweep."""
    open_client(uri).log_text(parent_run_id, html, "report.html")


def attempt(name: str, make: Callable[[], object]) -> None:
    """The sweep is done and recorded: no picture of it may make it fail."""
    try:
        make()
    except Exception as error:
        log.warning("could not write the sweep's %s: %s", name, error)


def _printable(summary: Summary) -> pd.DataFrame:
    """The tidy table as MLflow's table viewer takes it: no dates."""
    table = summary.table.tidy()
    return table.assign(started=table["started"].astype(str))


def _tag(client: MlflowClient, parent_run_id: str, summary: Summary) -> None:
    client.set_tag(parent_run_id, "mlflow.note.content", summary.reason[:MAX_NOTE])
    if summary.best is None or summary.recommended is None:
        return
    client.set_tag(parent_run_id, "best", summary.describe(summary.best))
    client.set_tag(parent_run_id, "recommended", summary.describe(summary.recommended))
    if summary.command:
        client.set_tag(parent_run_id, "recommended_overrides", summary.command)

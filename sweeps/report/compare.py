"""A sweep's own pictures, written to its parent run when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image

from inversion.metrics import catalogue
from inversion.pictures.curves import to_image
from inversion.record.mlflow_store import open_client
from inversion.runtime.atomic import png, write_file
from sweeps.report.view import save_view
from sweeps.results.frame import joined
from sweeps.results.store import Store
from sweeps.results.summarize import Study, Summary, study

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from sweeps.report.source import Source
    from sweeps.results.axes import Axis

log = logging.getLogger(__name__)

MAX_NOTE = 7900  # characters of a tag
ABOUT = (
    "Each run restores one photo under one setting: restored.png, consistent.png, panel.png, loss.png and the metrics. "
    "Runs of kind `sweep` are the parents of a grid: contact sheet, heatmaps, curves, table and report.html."
)


def compare_sweep(uri: str, parent_run_id: str, report: Path) -> Study:
    """Compare a sweep's children and log what comes of it to the parent run.

    At the artifact root, under the same names in every sweep, so that MLflow's compare page shows two sweeps
    side by side: contact_sheet.png, curves.png, heatmap_<metric>.png, table.json (log_table), report.html; where a
    sweep has several tasks the later ones' pictures begin with the task's name. Tags best, recommended and
    recommended_overrides of the first task; metrics best_quality, mean_quality, share_finished; the recommendation in
    words is the run's description.

    Works for a sweep of which nothing finished, or nothing started. A picture that cannot be made or logged is a
    warning, and the others are still made. Raises ConfigError when the store cannot be read.

    uri: absolute, as from `absolute_uri`. report: file in which the HTML page is kept as well. Returns what was found,
    for the console. Pictures and table.csv lie in the folder of its name beside it, too: report/ of report.html.
    `sweeps.ui.sweep_link` opens MLflow's charts on the sweep's runs.
    """
    from sweeps.report.page import render
    from sweeps.report.source import read_source

    store = Store(uri)
    found = study(store.sweep(parent_run_id))
    source = read_source(store, found)
    client, folder = open_client(uri), report.with_suffix("")

    def log_picture(name: str, make: Callable[[], Image.Image]) -> None:
        write_file(folder / name, png(make()))
        client.log_artifact(parent_run_id, str(folder / name))

    for number, summary in enumerate(found.summaries):
        prefix = f"{summary.table.task.title.replace(' ', '_')}_" if number else ""
        for name, make in pictures_of(summary, source):
            attempt(prefix + name, partial(log_picture, prefix + name, make))
    table = joined([summary.table for summary in found.summaries])
    printable = table.assign(started=table["started"].astype(str))  # MLflow's table viewer takes no dates
    attempt("table.csv", lambda: write_file(folder / "table.csv", table.to_csv(index=False).encode()))
    attempt("table.json", lambda: client.log_table(parent_run_id, printable, "table.json"))

    def write_report() -> None:
        html = render(found, source)
        write_file(report, html.encode())
        log_report(uri, parent_run_id, html)

    attempt("report.html", write_report)
    attempt("tags", lambda: _describe(client, parent_run_id, found))
    experiment = client.get_run(parent_run_id).info.experiment_id
    attempt("description of the experiment", lambda: _describe_experiment(client, experiment))
    attempt("view in MLflow", lambda: save_view(uri, experiment, parent_run_id, found))
    return found


def pictures_of(summary: Summary, source: Source) -> Iterator[tuple[str, Callable[[], Image.Image]]]:
    """Name and maker of each."""
    from sweeps.report.figures import heatmap, loss_curves
    from sweeps.report.sheets.contact_sheet import contact_sheet

    @lru_cache(maxsize=64)
    def picture(run_id: str, name: str) -> Image.Image | None:
        path = source.file(run_id, name)
        return None if path is None else Image.open(path).convert("RGB")

    def curves() -> Image.Image:
        axes: list[Axis | None] = [*loss_curves.main_axes(summary)] or [None]
        terms = summary.table.terms[-1:]
        return to_image(
            loss_curves.draw_curves(
                [
                    loss_curves.curve_numbers(summary, source.losses.get(term, {}), term, axis)
                    for term in terms
                    for axis in axes
                ]
            )
        )

    def mapped(metric: str) -> Image.Image:
        return to_image(heatmap.draw_heatmap(heatmap.heatmap_numbers(summary, metric)))

    yield "contact_sheet.png", lambda: contact_sheet(summary, picture)
    yield "curves.png", curves
    for metric in summary.table.metrics:
        if metric.removeprefix("consistent_") in catalogue.COMPARED and summary.cells[metric].notna().any():
            yield f"heatmap_{metric}.png", partial(mapped, metric)


def log_report(uri: str, parent_run_id: str, html: str) -> None:
    """Keep the report with its sweep."""
    open_client(uri).log_text(parent_run_id, html, "report.html")


def attempt(name: str, make: Callable[[], object]) -> None:
    """The sweep is done and recorded: no picture of it may make it fail."""
    try:
        make()
    except Exception as error:
        log.warning("could not write the sweep's %s: %s", name, error)


def _describe(client: MlflowClient, parent_run_id: str, found: Study) -> None:
    """Tags and metrics by which sweeps can be compared with each other."""
    client.set_tag(parent_run_id, "mlflow.note.content", found.reason[:MAX_NOTE])
    summary = found.summaries[0]
    rows = pd.concat([summary.table.rows for summary in found.summaries])
    if len(rows):
        client.log_metric(parent_run_id, "share_finished", float((rows["status"] == "FINISHED").mean()))
    verdict = summary.verdicts[0] if summary.verdicts else None
    if verdict is None or verdict.best is None or verdict.recommended is None:
        return
    client.log_metric(parent_run_id, "best_quality", float(summary.cells["quality"].max()))
    client.log_metric(parent_run_id, "mean_quality", float(summary.cells["quality"].mean()))
    client.set_tag(parent_run_id, "best", summary.describe(verdict.best))
    client.set_tag(parent_run_id, "recommended", summary.describe(verdict.recommended))
    if command := found.command(summary, verdict.command):
        client.set_tag(parent_run_id, "recommended_overrides", command)


def _describe_experiment(client: MlflowClient, experiment_id: str) -> None:
    """Unless a person has written a description."""
    if "mlflow.note.content" not in client.get_experiment(experiment_id).tags:
        client.set_experiment_tag(experiment_id, "mlflow.note.content", ABOUT)

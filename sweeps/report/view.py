"""What MLflow's chart view shows of a sweep, kept in the store as one of MLflow's own shared views."""

from __future__ import annotations

import json
from typing import Any

from inversion.metrics import catalogue
from inversion.record.mlflow_store import open_client
from sweeps.execute.ledger import membership
from sweeps.results.axes import CHECKPOINT
from sweeps.results.criterion import CONSISTENT
from sweeps.results.summarize import Study, Summary

TAG = "mlflow.sharedViewState."  # of the experiment; the rest of its name is the link's viewStateShareKey
MOST_RUNS = 10  # side by side: MLflow's own limit for pictures
BARS = ("psnr", "identity_distance", "ssim", "fit_psnr")  # of the consistent picture where runs have it
# Charts abreast, their height in px.
SECTIONS = {
    "Restorations": (1, 700),
    "Metrics": (3, 360),
    "Progress": (1, 420),
}


def save_view(uri: str, experiment_id: str, sweep: str, study: Study) -> None:
    """Keep the view that `sweeps.ui.sweep_link` opens: a sweep's best finished runs and their charts, the best first.

    A chart draws the first MOST_RUNS runs of the list in reverse order (MLflow 3.17), so the list has the best ones
    alone and the best of them last. MLflow's generated view lists all params above every picture of its image grid,
    which hides the picture, and draws losses on a linear scale.
    """
    summary = study.summaries[0]
    known, likeness = summary.criterion.original_known, summary.criterion.likeness
    order = recorded(summary, "psnr" if known else likeness)
    lower = catalogue.metric(order).better == "lower"
    state = {
        "searchFilter": f"tags.`{membership(sweep)}`='yes' and status='FINISHED'{best_alone(study, order, lower)}",
        "orderByKey": f"metrics.`{order}`",
        "orderByAsc": not lower,
        "compareRunsMode": "CHART",
        "compareRunCharts": charts(summary, order),
        "compareRunSections": [_section(name) for name in SECTIONS],
        "isAccordionReordered": True,  # else by name
    }
    open_client(uri).set_experiment_tag(experiment_id, TAG + sweep, json.dumps(state, separators=(",", ":")))


def best_alone(study: Study, metric: str, lower: bool) -> str:
    """A filter's words that leave out all but the MOST_RUNS best of all tasks; "" where there are no more.

    Of equal runs that are too many for the last places none is shown, unless they are the best of all.
    """
    tables = [summary.table.rows for summary in study.summaries if metric in summary.table.rows]
    values = sorted(
        (
            float(value)
            for rows in tables
            for value in rows.loc[rows["status"] == "FINISHED", metric].dropna()
        ),
        reverse=not lower,
    )
    if len(values) <= MOST_RUNS:
        return ""
    last = values[MOST_RUNS - 1]
    too_many = values[MOST_RUNS] == last != values[0]
    return f" and metrics.`{metric}` {'<' if lower else '>'}{'' if too_many else '='} {last!r}"


def recorded(summary: Summary, metric: str) -> str:
    """A metric's name in these runs: that of the consistent picture where they have it."""
    final = f"{CONSISTENT}{metric}"
    return final if final in summary.table.metrics else metric


def charts(summary: Summary, order: str) -> list[dict[str, Any]]:
    """Every run's picture, its metrics, its losses on a log scale, its settings, its way there."""
    found = summary.table.metrics
    named = [name for name in (recorded(summary, bar) for bar in BARS) if name in found]
    settings = [axis.key for axis in summary.table.axes if axis.key != CHECKPOINT]
    bars = [
        {"type": "BAR", "metricKey": name, "displayName": catalogue.metric(name).heading} for name in named
    ]
    curves = [_curve(name) for name in reversed(summary.table.terms)]
    parallel = [{"type": "PARALLEL", "selectedParams": settings, "selectedMetrics": [order]}]
    measured = [
        *bars[:1],
        *curves[:1],
        *(parallel if settings and order in found else []),
        *bars[1:],
        *curves[1:],
    ]
    drawn = [_pictures("restored", "Restorations"), _pictures("progress", "Progress")]
    drawn += [{"metricSectionId": "Metrics", **chart} for chart in measured]
    common = {"runsCountToCompare": MOST_RUNS, "deleted": False, "isGenerated": False}
    return [{"uuid": f"chart-{i}", **common, **chart} for i, chart in enumerate(drawn)]


def _section(name: str) -> dict[str, Any]:
    columns, height = SECTIONS[name]
    return {
        "uuid": name,
        "name": name,
        "display": True,
        "isReordered": False,
        "deleted": False,
        "isGenerated": False,
        "columns": columns,
        "cardHeight": height,
    }


def _pictures(key: str, section: str) -> dict[str, Any]:
    return {
        "type": "IMAGE",
        "metricSectionId": section,
        "imageKeys": [key],
        "step": 0,
        "showRunParams": False,
    }


def _curve(metric: str) -> dict[str, Any]:
    return {
        "type": "LINE",
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": metric,
        "scaleType": "log",
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "selectedXAxisMetricKey": "",
        "lineSmoothness": 0,
        "range": {},
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }

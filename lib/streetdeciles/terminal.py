"""What the command line shows: a table a stage, the plan of a run, its models, and the results at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.run_log import StageReport
from streetdeciles.splits.registry import split_of
from streetdeciles.tables import MEASURES, METRICS

if TYPE_CHECKING:
    from rich.console import Console

    from streetdeciles.features.status import ExtractionStatus
    from streetdeciles.pipeline import Planned


def console() -> Console:
    from rich.console import Console

    # In a log file or a pipe there is no width to keep to; 120 columns hold every table.
    out = Console()
    return out if out.is_terminal else Console(width=120)


def show_plan(planned: Sequence[Planned]) -> None:
    from rich.table import Table

    table = Table("stage", "action", "why", "writes", title="Plan")
    for step in planned:
        table.add_row(step.stage.name, step.action, step.why, ", ".join(step.stage.writes))
    console().print(table)


def show_stage(planned: Planned, report: StageReport) -> None:
    """The stage's counts and notes; one line where it was up to date."""
    if planned.action == "up to date":
        console().print(f"[bold]{report.stage}[/bold] is up to date")
        return
    show_report(report)


def show_report(report: StageReport) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "count", title=f"{report.stage} ({report.seconds:.1f} s)", title_justify="left")
    table.columns[1].justify = "right"
    for name, count in report.counts.items():
        table.add_row(escape(name), f"{count:,}")
    console().print(table)
    for note in report.notes:
        console().print(f"  {escape(note)}")


def show_status(status: ExtractionStatus) -> None:
    """How far the extraction is, why photographs were rejected and why shards failed."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "shards", "images", title="features", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, (shards, images) in status.shards.items():
        table.add_row(name, f"{shards:,}", f"{images:,}")
    console().print(table)
    console().print(f"  {status.features:,} features, {sum(status.rejects.values()):,} rejects")
    for reason, n in status.rejects.most_common(10):
        console().print(f"    {reason}: {n:,}")
    if status.images_a_second:
        console().print(f"  {status.images_a_second:.1f} images/s while it worked")
    for number, why in [*status.failures.items()][:10]:
        console().print(f"  shard {number} failed: {escape(why)}", soft_wrap=True)
    at_work = f"at work: {status.owner}" if status.owner else "no run is at work"
    console().print(f"  {escape(at_work)}")


def show_models(models: Sequence[dict[str, Any]]) -> None:
    """A line for each of a card's models; of imported ones no losses are known."""
    from rich.table import Table

    table = Table("outcome", "fold", "best epoch", "validation loss", "validation MAE", "file")
    for model in models:
        losses = (("best_epoch", ""), ("val_loss", ".3f"), ("val_mae", ".2f"))
        values = ["-" if model[name] is None else format(model[name], how) for name, how in losses]
        table.add_row(model["outcome"], str(model["fold"]), *values, model["file"])
    console().print(table)


def show_model_card(card: dict[str, Any]) -> None:
    """What a model card says of all its models."""
    from rich.markup import escape

    for title in ("split", "training", "input", "versions"):
        console().print(f"[bold]{title}[/bold]")
        for key, value in card[title].items():
            console().print(escape(f"  {key}: {value}"), highlight=False)
    console().print(f"[bold]training set[/bold] {card['training_set']}", highlight=False)
    for note in card["notes"]:
        console().print(f"  {escape(note)}", highlight=False)


def show_results(config: RunConfig) -> None:
    """The measures of the report's method and the median baseline on areas, then the path of the report.

    Of a run that holds nothing out: the path of its models.
    """
    import pandas as pd
    from rich.table import Table

    if "prediction" in split_of(config.dataset).skipped_stages:
        models = storage.join(config.work_dir, "models")
        console().print(f"models: {models}; nothing is held out, so nothing was predicted or measured", soft_wrap=True)
        return
    metrics = pd.read_parquet(storage.join(config.work_dir, METRICS.name))
    shown = metrics[(metrics["level"] == "area") & metrics["method"].isin([config.report.method, "median"])]
    title = "Areas, by models trained elsewhere" if config.prediction.models else "Held-out areas"
    table = Table("region", "outcome", "model", "areas", *MEASURES, title=title)
    for row in shown.sort_values(["region", "outcome", "model"], ascending=[True, True, False]).to_dict("records"):
        values = ["-" if pd.isna(row[name]) else f"{row[name]:.2f}" for name in MEASURES]
        table.add_row(row["region"], row["outcome"], row["model"], str(row["n"]), *values)
    console().print(table)
    console().print(f"report: {storage.join(config.work_dir, 'report.html')}", soft_wrap=True)

"""What the command line shows: a run's plan, a table for each stage, its models, and the results at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.evaluation.comparisons import summarise, worse_than_median
from streetdeciles.methods import AREA, BASELINES, MAIN_MEASURES
from streetdeciles.run_log import StageReport
from streetdeciles.shown import shown
from streetdeciles.splits.registry import split_of
from streetdeciles.stages import FEATURES_STAGE, PREDICTION_STAGE
from streetdeciles.tables import COMPARISONS, METRICS
from streetdeciles.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from streetdeciles.features.status import ExtractionStatus
    from streetdeciles.plans import Planned
    from streetdeciles.verify import Verification


def say(text: object, *, bold: str = "") -> None:
    """Print one line, `bold` first. Names of files and ids cannot act as markup, line breaks or terminal commands."""
    from rich.text import Text

    _console().print(Text.assemble((shown(bold), "bold"), shown(text)), soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str, numbers: int = 0) -> None:
    """Print a table; its last `numbers` columns are numbers."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=Text(shown(title)) if title else None, title_justify="left")
    for column in table.columns[len(columns) - numbers :]:
        column.justify = "right"
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    _console().print(table)


def _console() -> Console:
    from rich.console import Console

    # A log file or a pipe has no width; every table fits in 120 columns.
    out = Console()
    return out if out.is_terminal else Console(width=120)


def show_plan(planned: Sequence[Planned]) -> None:
    rows = [(step.stage.name, step.action, step.why, ", ".join(step.stage.writes)) for step in planned]
    show_table(("stage", "action", "why", "writes"), rows, title="Plan")


def show_stage(planned: Planned, report: StageReport) -> None:
    """Print the stage's counts and notes; one line if its tables were up to date."""
    if planned.action == "export":
        say(f" is up to date; its export was made again, because {planned.why}", bold=report.stage)
        return
    if planned.action == "up to date":
        say(" is up to date", bold=report.stage)
        return
    show_report(report)


def show_report(report: StageReport) -> None:
    rows = [(name, f"{count:,}") for name, count in report.counts.items()]
    show_table(("what", "count"), rows, title=f"{report.stage} ({report.seconds:.1f} s)", numbers=1)
    for note in report.notes:
        say(f"  {note}")


def show_status(status: ExtractionStatus) -> None:
    """Print the progress of the extraction, the reasons for rejects, and why shards failed."""
    rows = [(name, f"{shards:,}", f"{images:,}") for name, (shards, images) in status.shards.items()]
    show_table(("what", "shards", "images"), rows, title=FEATURES_STAGE, numbers=2)
    n_rejects = sum(status.rejects.values())
    say(f"  {status.features:,} features, {counted(n_rejects, 'reject')}")
    for reason, n in status.rejects.most_common(10):
        say(f"    {reason}: {n:,}")
    if status.images_per_second:
        say(f"  {status.images_per_second:.1f} images/s while extracting")
    for number, why in [*status.failures.items()][:10]:
        say(f"  shard {number} failed: {why}")
    say(f"  running: {status.owner}" if status.owner else "  no run is running")


def show_verification(verification: Verification) -> None:
    """Print one line for each file that differs from what was written, and one line for all."""
    for problem in verification.problems:
        say(f"{problem.path}: {problem.what}; {problem.advice}")
    files, tables = counted(verification.files, "file"), counted(verification.tables, "table")
    if verification.problems:
        say(f"{counted(len(verification.problems), 'problem')}; compared {files} of {tables} with what was written")
    else:
        say(f"all {files} of {tables} are unchanged since they were written")


def show_models(models: Sequence[dict[str, Any]]) -> None:
    """Print a line for each of a card's models; the losses of imported models are not known."""
    rows = []
    for model in models:
        formats = (("best_epoch", ""), ("val_loss", ".3f"), ("val_mae", ".2f"))
        values = ["-" if model[name] is None else format(model[name], spec) for name, spec in formats]
        rows.append((model["outcome"], model["fold"], *values, model["file"]))
    show_table(("outcome", "fold", "best epoch", "validation loss", "validation MAE", "file"), rows, title="")


def show_model_card(card: dict[str, Any]) -> None:
    """Print what a model card says about all its models."""
    for title in ("split", "training", "input", "versions"):
        say("", bold=title)
        for key, value in card[title].items():
            say(f"  {key}: {value}")
    say(f" {card['training_set']}", bold="training set")
    for note in card["notes"]:
        say(f"  {note}")


def show_results(config: RunConfig) -> None:
    """Print the measures of the report's method and of the baselines on areas, and which are better.

    For a run that holds nothing out, print the path of its models.
    """
    import pandas as pd

    if PREDICTION_STAGE in split_of(config.dataset).skipped_stages:
        models = storage.join(config.work_dir, "models")
        say(f"models: {models}; nothing is held out, so nothing was predicted or measured")
        return
    metrics, comparisons = (storage.read_pandas(table, config.work_dir) for table in (METRICS, COMPARISONS))
    method, order = config.report.method, [config.report.method, *BASELINES]
    on_areas = metrics[(metrics["level"] == AREA) & metrics["method"].isin(order)]
    on_areas = on_areas.assign(order=on_areas["method"].map(order.index)).sort_values(["region", "outcome", "order"])
    title = "Areas, by models trained elsewhere" if config.prediction.models else "Held-out areas"
    rows = []
    for row in on_areas.to_dict("records"):
        values = ["-" if pd.isna(row[name]) else f"{row[name]:.2f}" for name in MAIN_MEASURES]
        rows.append((row["region"], row["outcome"], row["model"], row["n"], *values))
    show_table(("region", "outcome", "model", "areas", *MAIN_MEASURES), rows, title=title)
    for line in summarise(metrics, comparisons, method):
        say(line)
    if worse := worse_than_median(metrics, method):
        say(worse)
    say(f"report: {storage.join(config.work_dir, 'report.html')}")

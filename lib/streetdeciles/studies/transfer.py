"""`transfer`: the table of how well models of one region do in another, as they are and fine-tuned there."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.errors import RunRefused
from streetdeciles.keras_start import start_keras
from streetdeciles.run_log import StageReport
from streetdeciles.splits.registry import split_of
from streetdeciles.stages import DATASET_STAGE, PREDICTION_STAGE, REPORT_STAGE, TRAINING_STAGE
from streetdeciles.studies.row_areas import read_row_areas
from streetdeciles.tables import TRAINING_SET, TRANSFER
from streetdeciles.training.inputs import read_rows, read_start_models, scratch_folder
from streetdeciles.training.plan import resolve_precision
from streetdeciles.training_set.reader import training_set_shape

if TYPE_CHECKING:
    from streetdeciles.studies.transferring import Setting

FOLDER = ("_cache", "transfer")


def transfer(config: RunConfig) -> StageReport:
    """Write the table transfer; the run's other tables and its models stay as they are.

    The source is `training.start_from`, if it is set, and each region is a target. Else each region of the training set
    is a source for each other one, by models that learn from all of its areas. What a killed run has trained is not
    trained again. The report is made again in the next run, because it shows the table.

    Raises:
        RunRefused: a split without held-out areas, one region and no models to start from, or nothing can be learned.
    """
    skipped = {*split_of(config.dataset).skipped_stages}
    if {TRAINING_STAGE, PREDICTION_STAGE} & skipped or config.dataset.held_out_deciles:
        raise RunRefused(
            f"transfer measures held-out areas, and dataset.split {config.dataset.split} has none; use folds"
        )
    uri = storage.join(config.work_dir, TRAINING_SET)
    areas = read_row_areas(uri, training_set_shape(uri).rows)
    regions = sorted({*areas.keys["region"]})
    if len(regions) < 2 and config.training.start_from is None:
        raise RunRefused(
            f"transfer needs a second region: the training set has {', '.join(regions)} only; add one to "
            "labels.regions, or set training.start_from to the models folder of another region's run"
        )
    start_keras()
    from streetdeciles.studies.transferring import Setting

    own_folder = storage.join(config.work_dir, *FOLDER)
    with scratch_folder(own_folder) as folder:
        rows = read_rows(config.work_dir, folder, dtype=config.training.cache)
        setting = Setting(rows, areas, config, resolve_precision(config.training), own_folder)
        found, notes = _all_pairs(setting, regions)
    if not found:
        raise RunRefused(f"transfer: nothing can be learned; {'; '.join(notes)}")
    _write(found, config.work_dir)
    storage.remove(own_folder)
    run_log.forget(config.work_dir, REPORT_STAGE)
    notes.append("the report shows it after the next `streetdeciles run`")
    return StageReport("transfer", {"locations": len(rows), "rows": len(found)}, [*_lines(found), *notes])


def _all_pairs(setting: Setting, regions: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    from streetdeciles.studies.transferring import TUNING_RATE, source_models, transfer_to

    config = setting.config
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    starts = read_start_models(config.training, config.work_dir)
    if starts is not None:
        source = run_of_models(str(config.training.start_from))
        for region in regions:
            of_pair, more = transfer_to(setting, region, source, starts, rate_share=1.0)
            rows, notes = rows + of_pair, notes + more
        return rows, notes
    for source in regions:
        starts, more = source_models(setting, source)
        notes += [f"models of {source}: {note}" for note in more]
        for region in regions:
            if region != source:
                of_pair, more = transfer_to(setting, region, source, starts, rate_share=TUNING_RATE)
                rows, notes = rows + of_pair, notes + more
    return rows, notes


def run_of_models(path: str) -> str:
    """The name of the folder with the run of these models, e.g. `london` for `output/london/models`.

    >>> run_of_models("output/london/models"), run_of_models("output/london/models/imd_income/0.keras")
    ('london', 'london')
    """
    parts = path.rstrip("/").split("/")
    return parts[max(0, parts.index("models") - 1)] if "models" in parts else parts[-1]


def _write(rows: Sequence[dict[str, Any]], work_dir: str) -> None:
    """The table as one file, whole or not at all, with the generation of the training set that it is about."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    mark = run_log.read_mark(work_dir, DATASET_STAGE)
    types = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in TRANSFER.columns.items()])
    generation = mark.generation if mark else ""
    file = BytesIO()
    pq.write_table(pa.Table.from_pylist([{**row, "dataset": generation} for row in rows], schema), file)
    with storage.new_folder(work_dir, TRANSFER.name) as uri:
        storage.write_bytes(storage.join(uri, "part-0.parquet"), file.getvalue())


def _lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """E.g. "imd from london in leeds: MAE 2.31 as is, 2.20 with 1 %, … of 400 areas"."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        share = f"with {row['share']:.0%}" if row["share"] else "as is"
        lines.setdefault((row["outcome"], row["source"], row["region"]), []).append(f"{row['mae']:.2f} {share}")
    return [
        f"{outcome} from {source} in {region}: MAE {', '.join(of_shares)}"
        for (outcome, source, region), of_shares in lines.items()
    ]

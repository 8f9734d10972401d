"""How far the extraction is, from its files alone: no Spark, no lock, so at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.features import ledger
from streetdeciles.features.ledger import Mark
from streetdeciles.features.shard_files import shard_folders
from streetdeciles.lock import lock_owner
from streetdeciles.tables import FEATURES, IMAGE_INDEX, REJECTS


@dataclass(frozen=True)
class ExtractionStatus:
    """Counts over the shards of the index as it is now."""

    shards: Mapping[str, tuple[int, int]]
    """(shards, their images) that are `done`, `failed` when last tried, `missing`, and `all` of them."""
    features: int
    rejects: Counter[str]
    """Rejects of the finished shards, by reason."""
    failures: Mapping[int, str]
    """Why shards failed, by number."""
    images_per_second: float
    """Over the time in which shards were computed; 0 where none was."""
    owner: str | None
    """The run that is at work."""


def extraction_status(work_dir: str) -> ExtractionStatus:
    """How far the extraction in `work_dir` is; RunRefused where there is no index yet.

    No file is read for this, so a shard whose photographs were exchanged for as many others counts as done until the
    stage runs.
    """
    images = _images_by_shard(work_dir)
    marks = ledger.read_marks(work_dir)
    failures = ledger.read_failures(work_dir)
    of_features, of_rejects = (shard_folders(table, work_dir) for table in (FEATURES, REJECTS))
    done = {
        number: mark
        for number, mark in marks.items()
        if mark.images == images.get(number)
        and (not mark.features or number in of_features)
        and (not mark.rejects or number in of_rejects)
    }
    failed = {number: why for number, why in sorted(failures.items()) if number in images and number not in done}
    missing = images.keys() - done.keys() - failed.keys()
    groups: dict[str, Iterable[int]] = {"done": done, "failed": failed, "missing": missing, "all": images}
    return ExtractionStatus(
        shards={name: (len([*group]), sum(images[number] for number in group)) for name, group in groups.items()},
        features=sum(mark.features for mark in done.values()),
        rejects=sum((Counter(mark.rejects) for mark in done.values()), Counter()),
        failures=failed,
        images_per_second=_images_per_second([*done.values()]),
        owner=lock_owner(work_dir),
    )


def _images_by_shard(work_dir: str) -> dict[int, int]:
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    uri = storage.join(work_dir, IMAGE_INDEX.name)
    if not storage.exists(uri):
        raise RunRefused(f"{uri}: there is no index of photographs yet; run the stage images first")
    fs, folder = storage.filesystem(uri)
    images: Counter[int] = Counter()
    for batch in ds.dataset(folder, filesystem=fs, format="parquet").to_batches(columns=["shard"]):
        for count in pc.value_counts(batch.column("shard")).to_pylist():
            images[count["values"]] += count["counts"]
    return images


def _images_per_second(marks: Iterable[Mark]) -> float:
    """Waves overlap, and between two runs nothing happens: the time is that in which at least one wave was at work."""
    n, busy_s, until = 0, 0.0, 0.0
    for mark in sorted(marks, key=lambda mark: mark.started):
        if not mark.started:
            continue
        n += mark.images
        busy_s += max(0.0, mark.ended - max(mark.started, until))
        until = max(until, mark.ended)
    return n / busy_s if busy_s else 0.0

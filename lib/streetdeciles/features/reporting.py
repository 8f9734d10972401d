"""What the stage says when it is done, from the marks as they are on disk, whichever run wrote them."""

from __future__ import annotations

from collections.abc import Sequence

from streetdeciles.features import ledger
from streetdeciles.features.bottleneck import advice, device_shares
from streetdeciles.features.ledger import Shard
from streetdeciles.run_log import StageReport
from streetdeciles.stages import FEATURES_STAGE
from streetdeciles.wording import counted


def extraction_report(
    shards: Sequence[Shard],
    todo: Sequence[Shard],
    removed: int,
    work_dir: str,
    took_s: float,
    *,
    tasks: int,
    decode_threads: int,
    cores_of_gpu: int = 0,
) -> StageReport:
    """Counts over all `shards`, and what this run has done: the shards `todo` in `took_s` seconds, `tasks` at a time.

    `removed` is the number of finished shards that the index no longer had; `cores_of_gpu` is as for `advice`.
    """
    marks = ledger.read_marks(work_dir)
    counts, seconds = ledger.totals(marks[shard.number] for shard in shards)
    n_done = sum(shard.to_compute for shard in todo)
    n_retried = sum(shard.retried for shard in todo)
    n_missing = sum(not shard.retried for shard in todo)
    notes = [f"extracted {n_missing} of {counted(len(shards), 'shard')}; {counted(n_done, 'image')} in {took_s:.1f} s"]
    if n_done:
        notes[0] += f", {n_done / took_s:.1f} images/s"
    if n_retried:
        notes.append(f"{counted(n_retried, 'photograph was', 'photographs were')} tried again, the others kept")
    if removed:
        notes.append(
            f"{counted(removed, 'finished shard was', 'finished shards were')} removed: "
            "the index has other photographs there now"
        )
    notes.extend(sorted({f"on {mark.network}" for mark in marks.values() if mark.network}))
    spent = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    notes.append(f"all shards, summed over threads: {spent}")
    if declined := sum(mark.declined for mark in marks.values()):
        notes.append(f"the GPU declined {declined} JPEGs, which the CPU decoded")
    done = [marks[shard.number] for shard in todo]
    on_gpu = [mark for mark in done if mark.network.startswith("gpu ")]
    gpu_can_decode = any("decoder" not in mark.settings for mark in on_gpu)
    shares = device_shares([mark.device_seconds for mark in done], took_s * tasks)
    cores = cores_of_gpu if on_gpu else 0
    notes.extend(advice(shares, decode_threads, gpu_can_decode=gpu_can_decode, cores_of_gpu=cores))
    return StageReport(FEATURES_STAGE, dict(counts), notes)

"""Bar charts of the newest results, as blocks of Mermaid, which GitHub draws; `make bench-table` refreshes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Chart:
    """One bar for each benchmark of `labels` that has a result."""

    title: str
    key: str
    """Which figure of a result: `ours` or `ratio`."""
    unit: str
    on_gpu: bool
    """Whether the results are those of a machine with an NVIDIA GPU."""
    labels: Mapping[str, str]
    """Name of a benchmark -> what stands beside its bar."""


CHARTS = (
    Chart(
        "One H200 with 16 cores, JPEGs of 640 x 640, VGG16",
        "ours",
        "images/s",
        on_gpu=True,
        labels={
            "decode_threads": "decoding, 16 threads",
            "extraction_core_gpu": "files to features, one task",
            "extraction_core_gpu_tasks": "files to features, four tasks",
            "extraction_core_gpu_decode": "JPEG engines, one task",
            "extraction_core_gpu_decode_tasks": "JPEG engines, four tasks",
            "extraction_network_gpu": "network call, pixels in memory",
        },
    ),
    Chart(
        "Two cores, rate divided by that of the comparison",
        "ratio",
        "times as fast",
        on_gpu=False,
        labels={
            "extraction": "extraction: the reference's way",
            "extraction_ray_data": "extraction: Ray Data",
            "extraction_predict_batch_udf": "extraction: predict_batch_udf",
            "extraction_decoding": "decoding: Pillow in a loop",
            "prediction": "prediction: one model after the other",
            "training_float32": "training, float32: PyTorch loop",
            "training_bfloat16": "training, bfloat16: PyTorch loop",
        },
    ),
)


def charts(results: list[dict[str, Any]]) -> str:
    """All charts that have a result, for the page."""
    return "\n\n".join(filter(None, (mermaid(chart, results) for chart in CHARTS)))


def mermaid(chart: Chart, results: list[dict[str, Any]]) -> str:
    """The chart as a block of Markdown; empty if none of its benchmarks has a result. The newest result counts."""
    values = {
        result["name"]: result[chart.key]
        for result in results
        if result["machine"].startswith("NVIDIA") == chart.on_gpu and result["name"] in chart.labels
    }
    if not values:
        return ""
    names = [name for name in chart.labels if name in values]
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta horizontal",
            f'    title "{chart.title}"',
            f"    x-axis [{', '.join(_quoted(chart.labels[name]) for name in names)}]",
            f'    y-axis "{chart.unit}" 0 --> {max(values.values()):g}',
            f"    bar [{', '.join(f'{values[name]:g}' for name in names)}]",
            "```",
        ]
    )


def _quoted(label: str) -> str:
    return f'"{label}"'

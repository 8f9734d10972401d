"""The examples in docstrings run, and so does the code in docs/ that calls this package."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from paths import DOCS
from streetdeciles.training_set.codec import encode_arrays
from streetdeciles.training_set.columns import TrainingSetShape, training_set_ddl
from streetdeciles.training_set.writer import write_training_set

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LIBRARY = Path(__file__).parents[1] / "lib"
SHAPE = TrainingSetShape(rows=2, views=1, feature_size=3, outcomes=("imd_income",))


def modules_with_examples() -> list[str]:
    paths = sorted(path for path in LIBRARY.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
    names = [".".join(path.relative_to(LIBRARY).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


def code_that_calls_this_package() -> list[str]:
    pages = [page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md"))]
    blocks = [block for page in pages for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)]
    return [block for block in blocks if "streetdeciles" in block]


@pytest.fixture(scope="module")
def folder(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a training set of two locations, and a prediction of one, where `make demo` writes its own."""
    folder = tmp_path_factory.mktemp("run")
    features = encode_arrays(np.zeros((2, 1, 3), np.float32)).to_pylist()
    masks = encode_arrays(np.ones((2, 1), bool)).to_pylist()
    rows = [
        ("BL9 0AA", 0, "bury", "E01004955", None, None, "E01004955", features[0], masks[0], 0, -1, "", 7),
        ("BL9 0AB", 1, "bury", "E01004956", None, None, "E01004956", features[1], masks[1], 1, -1, "", None),
    ]
    frame = spark.createDataFrame(rows, training_set_ddl(SHAPE.outcomes)).coalesce(1)
    demo = folder / "output" / "demo"
    write_training_set(frame, str(demo / "training_set"), SHAPE)
    (demo / "predictions").mkdir()
    pd.DataFrame({"score": [0.5], "temperature": [2.0]}).to_parquet(demo / "predictions" / "part.parquet")
    return folder


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_give_what_they_say(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    result = doctest.testmod(import_module(name), raise_on_error=False)
    assert result.attempted
    assert not result.failed


def test_python_code_in_the_docs_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    blocks = code_that_calls_this_package()
    assert blocks
    for block in blocks:
        exec(compile(block, "docs", "exec"), {})

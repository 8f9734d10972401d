"""What the command line imports before it knows what to do, and that the import contracts are alive."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("pyspark", "tensorflow", "keras", "petastorm", "h5py", "cv2", "plotly", "pandas", "pyarrow", "scipy")


def test_command_line_starts_without_heavy_libraries() -> None:
    code = "import json, sys, streetdeciles.cli; print(json.dumps(sorted(sys.modules)))"
    linted = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(linted.stdout)).isdisjoint(HEAVY)


def test_import_contracts_refuse_a_stage_that_imports_another(tmp_path: Path) -> None:
    """On a copy of the package with one wrong line in it: the contracts are not empty words."""
    package = tmp_path / "streetdeciles"
    subprocess.run(["cp", "-r", REPOSITORY / "lib" / "streetdeciles", package], check=True)
    for example in ("demo_city", "published_layouts"):
        subprocess.run(["cp", "-r", REPOSITORY / "examples" / example, tmp_path], check=True)
    (package / "images" / "wrong.py").write_text("import streetdeciles.labels\nimport petastorm\n")
    (tmp_path / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text())
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    linted = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    words = " ".join(linted.stdout.split())
    assert "streetdeciles.images is not allowed to import streetdeciles.labels" in words
    assert "streetdeciles.images.wrong -> petastorm" in words

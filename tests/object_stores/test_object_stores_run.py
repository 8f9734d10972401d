"""A run whose config, locations, photographs, archive and backbone are objects on S3."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from small_run import BACKBONE, LOCATION_IDS, make_small_run
from streetdeciles import storage

pytestmark = pytest.mark.compare


def test_run_reads_config_photographs_archive_and_backbone_from_s3(bucket: str, tmp_path: Path) -> None:
    run = make_small_run(tmp_path)
    names = [f"{location}_{view}.jpg" for location in LOCATION_IDS for view in range(2)]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in names[12:]:
            tar.add(run.folder / "photographs" / name, name)
    for name in names[:12]:
        storage.write_bytes(f"{bucket}/photographs/{name}", (run.folder / "photographs" / name).read_bytes())
    storage.write_bytes(f"{bucket}/photographs/more.tgz", archive.getvalue())
    storage.write_bytes(f"{bucket}/networks/grid mean.keras", BACKBONE.read_bytes())
    storage.write_bytes(f"{bucket}/locations.csv", (run.folder / "locations.csv").read_bytes())
    run.set(work_dir=str(run.work_dir), features={"backbone": "networks/grid mean.keras"})
    values = yaml.safe_load(run.config.read_text())
    storage.write_text(f"{bucket}/run.yaml", yaml.safe_dump(values))

    command = [sys.executable, "-m", "streetdeciles", "run", "--to", "features", "--config", f"{bucket}/run.yaml"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    index = pd.read_parquet(run.work_dir / "image_index")
    assert len(index) == 24
    assert all(uri.startswith(f"{bucket}/photographs/") for uri in index["uri"])
    assert sum(index["member"].notna()) == 12
    features = pd.read_parquet(run.work_dir / "features")
    assert sorted(features["image_id"]) == sorted(name.removesuffix(".jpg") for name in names)
    assert features["features"].map(tuple).nunique() == 24

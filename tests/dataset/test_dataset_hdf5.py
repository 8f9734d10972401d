"""The training set as HDF5 where there is no room for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from streetdeciles.dataset.hdf5 import LOCATION_COLUMNS, write_files
from streetdeciles.training_set.columns import TrainingSetShape

shape = TrainingSetShape(rows=12, views=2, feature_size=4800, outcomes=("imd",))
batch = {name: np.array(["x"] * 12) for name in LOCATION_COLUMNS}
batch |= {"row_number": np.arange(12), "features": np.ones((12, 2, 4800), "float32")}
batch |= {"view_mask": np.ones((12, 2), bool), "imd": np.ones(12, int)}
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    write_files([batch], shape, Path(sys.argv[1]))
except OSError as error:
    print(error.strerror, error.filename)
"""


def test_no_room_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    """HDF5 1.14 ends the process by a segmentation fault after a failed write, be it minutes later."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"File too large {tmp_path}/training_set.h5\n"

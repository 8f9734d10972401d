"""A district of ten real areas, and the demo city drawn in it once."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_district import AREAS, District, cut_out


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return cut_out(tmp_path_factory.mktemp("district"), AREAS)


@pytest.fixture(scope="session")
def city(district: District, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished city; tests that change it work on a copy."""
    out = tmp_path_factory.mktemp("demo") / "city"
    district.draw(out)
    return out

"""The split spatial_blocks: whole areas in contiguous blocks, balanced folds, buffers, and the same result anywhere."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.errors import RunRefused
from streetdeciles.geography.centres import centre_coordinates, to_metres
from streetdeciles.splits.bisection import bisect
from streetdeciles.splits.spatial_blocks import SpatialBlocks, assign_blocks

SIDE = 0.005
"""Degrees between neighbours of the lattice, some 400 m."""


def town(cells: list[tuple[int, int]], sizes: list[int], strata: list[str | None]) -> pd.DataFrame:
    """One square area per cell of a lattice near 53.5 N, 2.2 W."""
    corners = [(-2.2 + SIDE * x, 53.5 + SIDE * y) for x, y in cells]
    shapes = [shapely.box(west, south, west + SIDE, south + SIDE) for west, south in corners]
    names = [f"E{i:05d}" for i in range(len(cells))]
    frame = pd.DataFrame({"unit": names, "stratum": strata, "n_locations": sizes, "region": "town"})
    return frame.assign(shape=shapes)


def square_town(side: int) -> pd.DataFrame:
    """A square of areas with 4 locations each, whose deciles rise from west to east."""
    cells = [(x, y) for x in range(side) for y in range(side)]
    return town(cells, [4] * len(cells), [f"town {x * 10 // side + 1}" for x, _ in cells])


TOWNS = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 12), st.integers(0, 12)), st.integers(1, 60), st.sampled_from(["a 1", "b 2", None])
    ),
    min_size=6,
    max_size=50,
    unique_by=lambda row: row[0],
).map(lambda rows: town(*map(list, zip(*rows, strict=True))))


@settings(max_examples=40, deadline=None)
@given(areas=TOWNS, folds=st.integers(2, 5), seed=st.integers(0, 9))
def test_each_area_is_in_one_block_and_each_block_in_one_fold(areas: pd.DataFrame, folds: int, seed: int) -> None:
    out = assign_blocks(areas, folds, buffer_m=0, seed=seed)
    assert out["unit"].tolist() == areas["unit"].tolist()
    assert {*out["fold"]} == {*range(folds)}
    assert {*out["block"]} == {*range(min(4 * folds, len(areas)))}
    assert (out.groupby("block")["fold"].nunique() == 1).all()


@settings(max_examples=40, deadline=None)
@given(areas=TOWNS, seed=st.integers(0, 9))
def test_blocks_are_contiguous(areas: pd.DataFrame, seed: int) -> None:
    out = assign_blocks(areas, 2, buffer_m=0, seed=seed)
    centres = centre_coordinates(to_metres(areas["shape"].to_list()))
    hulls = [shapely.multipoints(centres[out["block"] == block]).convex_hull for block in out["block"].unique()]
    whole = shapely.multipoints(centres).convex_hull.area
    for one, other in combinations(hulls, 2):
        assert one.intersection(other).area <= 1e-6 * whole + 1


def test_blocks_of_a_lattice_are_connected() -> None:
    side = 24
    areas = square_town(side)
    for seed in range(4):
        blocks = assign_blocks(areas, 5, buffer_m=0, seed=seed)["block"].to_numpy().reshape(side, side)
        for block in range(20):
            cells = shapely.box(*np.array([(x, y, x + 1, y + 1) for x, y in np.argwhere(blocks == block)]).T)
            grown = shapely.union_all(shapely.buffer(cells, 0.01))
            assert grown.geom_type == "Polygon", (seed, block)


@settings(max_examples=30, deadline=None)
@given(areas=TOWNS, seed=st.integers(0, 9), order=st.integers(0, 99))
def test_order_of_rows_does_not_matter(areas: pd.DataFrame, seed: int, order: int) -> None:
    shuffled = areas.sample(frac=1, random_state=order)
    one, other = (assign_blocks(frame, 3, buffer_m=0, seed=seed) for frame in (areas, shuffled))
    pd.testing.assert_frame_equal(one, other)


def test_seed_decides_the_blocks() -> None:
    areas = square_town(12)
    first, again, other = (assign_blocks(areas, 3, buffer_m=0, seed=seed)["block"].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_folds_have_their_share_of_locations_and_deciles() -> None:
    areas = square_town(30)
    for seed in range(3):
        joined = areas.merge(assign_blocks(areas, 5, buffer_m=0, seed=seed), on="unit")
        totals = joined.groupby("fold")["n_locations"].sum()
        assert totals.max() / totals.min() < 1.05
        of_class = joined.pivot_table(
            index="fold", columns="stratum", values="n_locations", aggfunc="sum", fill_value=0
        )
        # Blocks of neighbours are alike, yet no decile is missing from the training of any fold.
        assert (of_class < 0.6 * of_class.sum()).all(axis=None)


@settings(max_examples=30, deadline=None)
@given(areas=TOWNS, seed=st.integers(0, 9), buffer_m=st.sampled_from([1, 350, 600]))
def test_buffer_holds_what_is_nearer_to_another_fold(areas: pd.DataFrame, seed: int, buffer_m: int) -> None:
    try:
        out = assign_blocks(areas, 2, buffer_m=buffer_m, seed=seed)
    except RunRefused as refused:
        assert "leave nothing to learn from" in str(refused)  # noqa: PT017
        return
    plane = to_metres(areas["shape"].to_list())
    fold = out["fold"].to_numpy()
    for unit, folds_near in enumerate(out["buffer_of"]):
        other = 1 - fold[unit]
        distance = min(plane[unit].distance(shape) for shape in plane[fold == other])
        assert folds_near == ([other] if distance < buffer_m else [])


def test_a_buffer_is_counted_and_said() -> None:
    areas = square_town(10)
    without, near = SpatialBlocks(2), SpatialBlocks(2, buffer_m=1)
    assert without.describe(areas, without.assign(areas, seed=1)).endswith("are learned from")
    folds = near.assign(areas, seed=1)
    n_left_out = [sum(number in row for row in folds["buffer_of"]) for number in (0, 1)]
    assert min(n_left_out) > 0
    described = near.describe(areas, folds)
    assert described.startswith(
        "spatial_blocks: 8 contiguous blocks in 2 folds (4, 4); areas and locations of the folds: "
    )
    assert f"buffer of 1 m: left out of training {n_left_out[0]}, {n_left_out[1]} areas" in described


def test_a_buffer_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(RunRefused, match=r"dataset.buffer_m: 50000 m around fold 0 leave nothing to learn from"):
        assign_blocks(square_town(6), 2, buffer_m=50_000, seed=0)


def test_areas_without_a_place_are_refused() -> None:
    areas = square_town(6)
    areas.loc[3, "shape"] = None
    with pytest.raises(
        RunRefused, match=r"1 of 36 areas, e.g. E00003, have neither a polygon .* nor locations with lat"
    ):
        assign_blocks(areas, 2, buffer_m=0, seed=0)


@pytest.mark.parametrize(("side", "per_fold"), [(20, 4), (36, 6), (60, 12)])
def test_larger_maps_have_more_blocks_per_fold(side: int, per_fold: int) -> None:
    assert assign_blocks(square_town(side), 2, buffer_m=0, seed=0)["block"].nunique() == 2 * per_fold


def test_no_block_is_in_two_regions() -> None:
    near, far = square_town(10), square_town(5)
    far = far.assign(unit="F" + far["unit"], region="village", shape=shapely.transform(far["shape"], lambda xy: xy + 1))
    out = assign_blocks(pd.concat([near, far]), 5, buffer_m=0, seed=3)
    assert out["block"].nunique() == 20
    of_village = out.loc[out["unit"].str.startswith("F"), "block"]
    assert of_village.nunique() == 4  # a fifth of the locations
    assert not {*of_village} & {*out.loc[out["unit"].str.startswith("E"), "block"]}


def test_bisection_gives_blocks_of_equal_weight() -> None:
    # On a line, with weights 1, 2, 3, ... 8: of 36 in all, 15 and 21 are nearest to a half.
    line = np.array([(i, 0) for i in range(8)])
    assert bisect(line, np.arange(1, 9), 2).tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert bisect(line, np.ones(8, int), 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert bisect(line, np.array([100, 1, 1, 1, 1, 1, 1, 1]), 8).tolist() == [*range(8)]


def test_blocks_of_a_country_take_seconds() -> None:
    n = 33_755
    random = np.random.default_rng(0)
    points = shapely.points(random.uniform(-5, 1, n), random.uniform(50, 55, n))
    areas = pd.DataFrame({"unit": [f"E{i:05d}" for i in range(n)], "n_locations": random.integers(1, 90, n)})
    areas = areas.assign(stratum=random.integers(1, 11, n).astype(str), region="all", shape=points)
    start = time.process_time()
    assign_blocks(areas, 5, buffer_m=2000, seed=0)
    assert time.process_time() - start < 10

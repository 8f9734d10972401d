"""The drawing: the same each time, in its formats, and telling of the deciles, but loosely."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from demo_city.damage import DAMAGES, choose_damaged
from demo_city.photograph import JPEG_SIZES, PNG_SIZES, Place, draw_photographs, format_of
from demo_city.traits import HEALTH, INCOME, LIVING, OUTCOMES, traits_of

PLACE = Place("E01004941-1", "E01004941", {INCOME: 3, HEALTH: 4, LIVING: 8})


def at(decile: int, location_id: str) -> Place:
    return Place(location_id, location_id, dict.fromkeys(OUTCOMES, decile))


def test_view_drawn_alone_has_the_same_bytes() -> None:
    together = dict(draw_photographs(7, PLACE, range(4)))
    assert dict(draw_photographs(7, PLACE, [2])) == {2: together[2]}
    assert len(set(together.values())) == 4


def test_other_seed_draws_another_picture() -> None:
    (one,) = draw_photographs(1, PLACE, [0])
    (other,) = draw_photographs(2, PLACE, [0])
    assert one != other


def test_formats_are_mixed() -> None:
    formats = [format_of(1, f"location-{i}") for i in range(600)]
    png = [kind for kind in formats if kind.ending == "png"]
    assert 0.04 < len(png) / len(formats) < 0.13
    assert {kind.size for kind in png} == set(PNG_SIZES)
    assert {kind.size for kind in formats if kind.ending == "jpg"} == set(JPEG_SIZES)


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_file_is_what_its_format_says(ending: str) -> None:
    name = next(f"location-{i}" for i in range(600) if format_of(1, f"location-{i}").ending == ending)
    ((_, content),) = draw_photographs(1, at(5, name), [1])
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == {"jpg": "JPEG", "png": "PNG"}[ending]
        assert image.size == format_of(1, name).size
        assert image.convert("RGB").getcolors(64) is None  # a picture, not a blank
    assert 10_000 < len(content) < 200_000


def test_every_damage_strikes_once_and_jpeg_only() -> None:
    files = [f"photographs/a/a-{i}_{view}.{'png' if i == 3 else 'jpg'}" for i in range(8) for view in range(4)]
    chosen = choose_damaged(1, files)
    assert sorted(chosen.values()) == sorted(DAMAGES)
    assert all(file.endswith(".jpg") for file in chosen)
    assert choose_damaged(1, files) == chosen != choose_damaged(2, files)


@pytest.mark.parametrize(
    ("trait", "outcome"), [("wealth", INCOME), ("upkeep", HEALTH), ("greenery", LIVING), ("air", LIVING)]
)
def test_trait_follows_its_outcome_loosely(trait: str, outcome: str) -> None:
    chance = random.Random(trait)
    deciles: list[Mapping[str, int]] = [{name: chance.randint(1, 10) for name in OUTCOMES} for _ in range(400)]
    traits = [traits_of(own, random.Random(2 * i), random.Random(2 * i + 1)) for i, own in enumerate(deciles)]
    values = [getattr(own, trait) for own in traits]
    assert all(0 <= value <= 1 for value in values)
    assert 0.4 < float(np.mean(values)) < 0.6
    assert 0.55 < spearmanr(values, [own[outcome] for own in deciles]).statistic < 0.9


def test_greenery_seen_follows_the_decile_but_does_not_tell_it() -> None:
    green, deciles = [], []
    for i in range(40):
        decile = 1 + i % 10
        ((_, content),) = draw_photographs(3, at(decile, f"location-{i}"), [1])
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image.convert("RGB").reduce(4)).astype(int)
        red, greenness, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        green.append(float(((greenness > red + 6) & (greenness > blue + 12)).mean()))
        deciles.append(decile)
    assert 0.3 < spearmanr(green, deciles).statistic < 0.9

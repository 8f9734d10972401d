"""Preprocessing against scikit-image, which the reference used, and against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paths import DATA
from streetdeciles.backbones.preprocessing import bgr_minus_means, scaled_centre_crop
from streetdeciles.backbones.vgg import VGG16

transform = pytest.importorskip("skimage.transform", reason="needs scikit-image, as in dev.lock")

PHOTOS = sorted((DATA / "photos").glob("*.jpg"))


def by_scikit_image(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    factor = 224 / min(height, width) + 0.0001
    size = round(factor * height), round(factor * width)
    scaled = transform.resize(image.astype(np.float32) / 255, size, order=1, anti_aliasing=False, mode="edge")
    top, left = int((size[0] - 224) / 2), int((size[1] - 224) / 2)
    crop = scaled[top : top + 224, left : left + 224] * 255
    return crop[:, :, ::-1] - np.array([103.939, 116.779, 123.68])


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit, which an extraction in this process has changed."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_photo_is_prepared_as_by_scikit_image(photo: Path) -> None:
    with Image.open(photo) as opened:
        image = np.asarray(opened.convert("RGB"))
    prepared = VGG16.preprocess(image)
    assert prepared.shape == (224, 224, 3)
    assert prepared.dtype == np.float32
    assert prepared.flags.c_contiguous
    assert np.abs(prepared - by_scikit_image(image)).max() < 0.001  # of 255; 1 would be enough


@pytest.mark.parametrize("shape", [(1, 50_000), (3, 2), (224, 224), (227, 224), (5003, 5001), (100, 333)])
def test_any_shape_is_prepared_as_by_scikit_image(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    if max(shape) / min(shape) > 100:  # scikit-image would make 224 x 11,205,000 pixels; the crop is in the middle
        assert scaled_centre_crop(224)(image).shape == (224, 224, 3)
        return
    assert np.abs(bgr_minus_means(224)(image) - by_scikit_image(image)).max() < 0.001


def test_colours_are_blue_green_red_minus_their_means() -> None:
    image = np.full((300, 400, 3), (10, 20, 30), dtype=np.uint8)
    expected = np.float32([30 - 103.939, 20 - 116.779, 10 - 123.68])
    assert np.allclose(bgr_minus_means(224)(image), expected, atol=1e-5)


def test_image_of_the_right_height_is_only_cropped() -> None:
    """224 x 301: at a factor of 1.0001 there stay 301 columns, of which int((301 - 224) / 2) = 38 go at the left."""
    image = np.zeros((224, 301, 3), dtype=np.uint8)
    image[:, :, 0] = np.minimum(np.arange(301), 255)
    crop = scaled_centre_crop(224)(image)
    assert crop[0, :5, 0].tolist() == [38.0, 39.0, 40.0, 41.0, 42.0]
    assert crop[:, :, 1:].max() == 0


def test_half_pixel_centres_and_no_anti_aliasing() -> None:
    """448 -> 224 takes the mean of the two pixels in the middle; of 896 -> 224 the two middle ones of four."""
    columns = np.zeros((448, 448, 3), dtype=np.uint8)
    columns[:, ::2] = 100
    assert np.allclose(scaled_centre_crop(224)(columns), 50)
    middle = np.zeros((896, 896, 3), dtype=np.uint8)
    middle[:, 1::4] = middle[:, 2::4] = 200
    assert np.allclose(scaled_centre_crop(224)(middle), 200)


def by_triangles(length: int, size: int, factor: float) -> np.ndarray:
    """[size, length]: how much each pixel of a side counts for each of the crop; a triangle as wide as two pixels."""
    scaled = round(factor * length)
    at = np.arange(int((scaled - size) / 2), int((scaled - size) / 2) + size) + 0.5
    distance = np.abs(at[:, None] * length / scaled - (np.arange(length) + 0.5))
    weights = np.maximum(0, 1 - distance / max(1, length / scaled))
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("shape", [(640, 640), (480, 700), (1024, 768), (100, 333)])
def test_anti_aliased_crop_is_a_mean_under_triangles(shape: tuple[int, int]) -> None:
    with Image.open(PHOTOS[0]) as opened:
        image = np.asarray(opened.convert("RGB").resize((shape[1], shape[0])))
    factor = 224 / min(shape) + 0.0001
    down, across = (by_triangles(length, 224, factor) for length in shape)
    expected = np.einsum("ih,hwc,jw->ijc", down, image, across, optimize=True)
    actual = scaled_centre_crop(224).antialiased()(image)
    assert actual.dtype == np.float32
    assert np.abs(actual - expected).max() <= 1.01  # rounded to whole numbers, after each direction
    prepared = VGG16.antialiased().preprocess(image)
    assert prepared.flags.c_contiguous
    assert np.allclose(prepared, actual[:, :, ::-1] - np.array([103.939, 116.779, 123.68]), atol=1e-4)


def test_anti_aliasing_keeps_the_mean_of_fine_stripes() -> None:
    """896 -> 224: of four pixels two are 200; without it they alone are seen."""
    stripes = np.zeros((896, 896, 3), dtype=np.uint8)
    stripes[:, 1::4] = stripes[:, 2::4] = 200
    assert scaled_centre_crop(224).antialiased()(stripes)[:, 2:-2].tolist() == np.full((224, 220, 3), 100.0).tolist()
    assert scaled_centre_crop(224).antialiased()(np.zeros((1, 50_000, 3), np.uint8)).shape == (224, 224, 3)


def test_anti_aliasing_changes_the_name() -> None:
    smooth = VGG16.antialiased()
    assert smooth.preprocessing == "bgr minus means, 224, bilinear with anti-aliasing, 1"
    assert smooth.weight_shapes is VGG16.weight_shapes

"""Photographs that stay on the device which has decoded them: the same pixels, rejects and order as by the CPU.

JAX's CPU stands in for the GPU, and this package's own decoder, or nvImageCodec's CPU back end, for the engines.
`test_features_device_gather.py` runs these tests in a process of their own, with Keras on JAX.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image
from pixel_network import SIZE
from test_features_gpu_jpegs import JPEGS, MAX_PIXELS, SMALL, index_batch, nvimgcodec

from streetdeciles.backbones.preprocessing import bgr_minus_means, scaled_centre_crop
from streetdeciles.backbones.sampling import Neighbours
from streetdeciles.extraction import device_gather, preparing
from streetdeciles.extraction.compiled import compiled
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.decoding import decode
from streetdeciles.extraction.device_decoding import DeviceDecoder, EngineJpeg
from streetdeciles.extraction.device_gather import DeviceGather
from streetdeciles.extraction.device_pictures import DevicePictures
from streetdeciles.extraction.extracted import STATISTICS
from streetdeciles.extraction.gpu_decoding import ENGINES
from streetdeciles.extraction.memory import DecodingMemory
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.preparing import Preparation, is_one_colour
from streetdeciles.extraction.tally import Tally

__all__ = ["nvimgcodec"]

PREPROCESS = scaled_centre_crop(SIZE)


class HostImage:
    """A picture as nvImageCodec's CPU back end gives it; it uses its memory again if the next one has its shape."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels

    def overwrite(self, pixels: np.ndarray) -> None:
        if pixels.shape == self.shape:
            self._pixels[...] = pixels
        else:
            self._pixels = pixels

    @property
    def shape(self) -> tuple[int, ...]:
        return self._pixels.shape

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._pixels.__array_interface__

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def cpu(self) -> np.ndarray:
        return self._pixels


class Engines:
    """In place of engines: decodes all, except where the bytes' sum can be divided by `declines`."""

    declines = 10**9

    def __init__(self, back_end: str) -> None:
        assert back_end == ENGINES

    def decode(self, files: Sequence[bytes]) -> list[np.ndarray | None]:
        return [None if image is None else image.cpu() for image in self.images(files)]

    def images(self, files: Sequence[bytes], over: Sequence[HostImage] | None = None) -> list[HostImage | None]:
        made: list[HostImage | None] = []
        for old, file in zip(over or [None] * len(files), files, strict=True):
            pixels = np.array(decode(file, max_pixels=MAX_PIXELS))
            image = old or HostImage(pixels)
            image.overwrite(pixels)
            made.append(image if sum(file) % self.declines else None)
        return made


def jpeg(width: int, height: int, seed: int) -> bytes:
    file = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return file.getvalue()


def many_files() -> dict[str, bytes]:
    """Of 4 sizes, some progressive or damaged, one of one colour."""
    grey = BytesIO()
    Image.new("RGB", (101, 67), (9, 9, 9)).save(grey, "JPEG")
    files = {f"{i:02d} {name}": JPEGS[name] for i in range(3) for name in (*SMALL, "progressive")}
    files |= {f"{i:02d} wide": jpeg(90, 40, i) for i in range(12)} | {
        f"{i:02d} high": jpeg(33, 77, i) for i in range(7)
    }
    return dict(sorted({**files, "05 grey": grey.getvalue(), "06 empty": b"", "07 text": b"no picture"}.items()))


def gathering_network(gather: DeviceGather | None, batch_size: int, seen: list[int]) -> Network:
    """Means of pixels; `seen` gets the number of photographs of each batch that were on the device."""

    def compute(pictures: Pictures) -> np.ndarray:
        seen.append(len(pictures.on_device))
        pixels = pictures.pixels if gather is None else np.asarray(gather.batch(pictures))
        means: np.ndarray = PREPROCESS.images(pixels, pictures.weights).mean(axis=(1, 2))
        return means

    return Network(compute, batch_size, "means", 2, gather=gather)


def extracted(
    files: dict[str, bytes], folder: Path, gather: DeviceGather | None, back_end: str | None, batch_size: int = 6
) -> tuple[list[dict[str, Any]], Tally, list[int]]:
    """(features in their order and then rejects, the statistics, for each batch how many were on the device)."""
    seen: list[int] = []
    preparation = Preparation(PREPROCESS, MAX_PIXELS, 2, "float32", back_end=back_end)
    batches = [*extract([index_batch(files, folder)], gathering_network(gather, batch_size, seen), preparation)]
    rows = [row for batch in batches for row in batch.to_pylist()]
    (tally,) = (Tally.from_json(row["detail"]) for row in rows if row["kind"] == STATISTICS)
    return sorted((row for row in rows if row["kind"] != STATISTICS), key=lambda row: row["kind"]), tally, seen


@pytest.fixture
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs for 3 pictures compile sooner than those for 64."""
    monkeypatch.setattr(device_gather, "MAX_PICTURES", 3)
    monkeypatch.setattr(preparing, "engine_decoder", Engines)


@pytest.mark.usefixtures("few_at_a_time")
@pytest.mark.parametrize(("width", "height", "n", "plain"), [(80, 41, 3, True), (7, 60, 2, False), (1, 1, 1, False)])
def test_pixels_picked_on_the_device_are_those_of_numpy(width: int, height: int, n: int, plain: bool) -> None:
    generator = np.random.default_rng(width)
    some = [generator.integers(0, 1 if plain and not i else 256, (height, width, 3), dtype=np.uint8) for i in range(n)]
    gather, sampling = DeviceGather(Neighbours(SIZE)), Neighbours(SIZE)
    assert gather.pictures_at_a_time((width, height), 3) == 3
    pixels, weights, one_colour = gather.pick(some, (width, height))
    assert pixels.shape == (3, *sampling.pixels_shape)
    assert one_colour.tolist() == [is_one_colour(picture) for picture in some]
    expected = Pictures.empty(n, PREPROCESS)
    for slot, picture in enumerate(some):
        expected.pick(picture, slot)
        assert np.array_equal(weights, expected.weights[slot])
    assert np.array_equal(np.asarray(pixels)[:n, ..., :3], expected.pixels[..., :3])


@pytest.mark.usefixtures("few_at_a_time")
@pytest.mark.parametrize(("declines", "max_sizes"), [(10**9, 4), (3, 4), (10**9, 1), (1, 4)])
def test_extraction_gives_the_same_when_pixels_stay(
    declines: int, max_sizes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engines, "declines", declines)
    monkeypatch.setattr(device_gather, "MAX_SIZES", max_sizes)
    files = many_files()
    expected, _, _ = extracted(files, tmp_path, None, None)
    gather = DeviceGather(Neighbours(SIZE))
    rows, tally, on_device = extracted(files, tmp_path, gather, ENGINES)
    assert rows == expected
    plain = [content for name, content in files.items() if name[3:] not in ("progressive", "empty", "text")]
    assert tally.declined == sum(sum(content) % declines == 0 for content in plain)
    assert (sum(on_device) >= 10) == (declines > 1)
    assert len(gather._places) <= max_sizes
    assert sum(on_device) + tally.declined <= len(plain)


@pytest.mark.usefixtures("few_at_a_time")
@pytest.mark.parametrize(
    ("places", "is_joined"),
    [
        ([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)], True),
        ([(1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 2)], True),
        ([(0, 0), (0, 2), (0, 1), (1, 0), (1, 1), (1, 2)], False),
        ([(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1)], False),
        ([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), None], False),
        ([None] * 6, False),
    ],
)
def test_batch_has_the_pixels_of_its_slots_in_any_order(
    places: list[tuple[int, int] | None], is_joined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = DeviceGather(Neighbours(SIZE))
    generator = np.random.default_rng(0)
    gather.pictures_at_a_time((30, 20), 3)
    sources = [
        gather.pick([*generator.integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)], (30, 20)).pixels for _ in range(3)
    ]
    pictures = Pictures.empty(6, PREPROCESS)
    pictures.pixels[...] = 7
    expected = pictures.pixels.copy()
    order = generator.permutation(6)  # threads finish in any order
    for slot in order:
        place = places[slot]
        if place is not None:
            source, number = place
            pictures.leave_on_device(slot, (sources[source], number), np.zeros((2, SIZE)))
            expected[slot] = np.asarray(sources[source])[number]
    joined, n_joined = device_gather._joined, []
    monkeypatch.setattr(device_gather, "_joined", lambda sources: n_joined.append(len(sources)) or joined(sources))
    assert np.array_equal(np.asarray(gather.batch(pictures)), expected)
    assert n_joined == ([2] if is_joined else [])


class Counted(DeviceGather):
    """Counts the arrays that it makes."""

    def __init__(self) -> None:
        super().__init__(Neighbours(SIZE))
        self.n_arrays = 0

    def as_array(self, image: Any) -> Any:
        self.n_arrays += 1
        return super().as_array(image)


def test_memory_of_pictures_is_used_again() -> None:
    """Arrays stay over the memory in which the decoder makes new pictures; only the first gets a new one each time."""
    gather = Counted()
    pictures = DevicePictures((40, 30), Engines(ENGINES), gather.as_array)
    for number, (n_files, n_new) in enumerate([(4, 4), (4, 1), (3, 1), (5, 2), (5, 1)]):
        files = [jpeg(40, 30, 10 * number + i) for i in range(n_files)]
        before = gather.n_arrays
        for file, array in zip(files, pictures.decode(files), strict=True):
            assert np.array_equal(array, decode(file, max_pixels=MAX_PIXELS))
        assert gather.n_arrays - before == n_new


def test_declined_files_take_no_memory_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    gather = Counted()
    pictures = DevicePictures((40, 30), Engines(ENGINES), gather.as_array)
    monkeypatch.setattr(Engines, "declines", 3)
    files = [jpeg(40, 30, i) for i in range(24)]
    for first in range(0, 24, 8):
        some = files[first : first + 8]
        for file, array in zip(some, pictures.decode(some), strict=True):
            if sum(file) % 3 == 0:
                assert array is None
            else:
                assert np.array_equal(array, decode(file, max_pixels=MAX_PIXELS))
        assert len(pictures._images) <= 8
    assert len(pictures._images) == 8
    assert gather.n_arrays <= 8 + 2  # the first of each further call


def test_picture_that_has_moved_gets_a_new_array() -> None:
    """As when the decoder needs more memory for it; and one of another size than its markers say gets none."""

    class Moving(Engines):
        def images(self, files: Sequence[bytes], over: Sequence[HostImage] | None = None) -> list[HostImage | None]:
            for image in over or []:
                image._pixels = image._pixels.copy()
            return super().images(files, over)

    pictures = DevicePictures((40, 30), Moving(ENGINES), HostImage.cpu)
    for number in range(5):
        files = [jpeg(40, 30, 3 * number), jpeg(30, 40, 1), jpeg(40, 30, 3 * number + 2)]
        first, second, third = pictures.decode(files)
        assert np.array_equal(first, decode(files[0], max_pixels=MAX_PIXELS))
        assert second is None
        assert np.array_equal(third, decode(files[2], max_pixels=MAX_PIXELS))
        assert len(pictures._arrays) <= 2 * len(pictures._images)


@pytest.mark.usefixtures("few_at_a_time")
def test_each_size_keeps_its_memory() -> None:
    """Chunks of three sizes, in turn and in one thread."""
    gather = Counted()
    decoder = DeviceDecoder(Engines(ENGINES), gather, DecodingMemory(MAX_PIXELS, 1), threads=1)
    for number in range(4):
        for size in ((40, 30), (30, 40), (50, 50)):
            jpegs = {i: EngineJpeg(jpeg(*size, 10 * number + i), size) for i in range(3)}
            assert [*decoder.picked(jpegs)] == [0, 1, 2]
    assert gather.n_arrays == 3 * (3 + 3)
    assert len(decoder._idle) == 3


@pytest.mark.usefixtures("few_at_a_time")
def test_only_a_few_batches_are_on_the_device(tmp_path: Path) -> None:
    """120 photographs in batches of 4, two in flight: at most 5 buffers, whose slots may be from as many arrays."""
    live: list[int] = []

    class Watched(DeviceGather):
        def batch(self, pictures: Pictures) -> Any:
            live.append(sum(array.shape[1:] == pictures.pixels.shape[1:] for array in jax.live_arrays()))
            return super().batch(pictures)

    files = {f"{i:03d}": jpeg(40, 30, i) for i in range(120)}
    _, _, on_device = extracted(files, tmp_path, Watched(Neighbours(SIZE)), ENGINES, batch_size=4)
    assert sum(on_device) == 120
    assert max(live) <= 5 * 4 + 2
    assert not [array for array in jax.live_arrays() if array.shape[2:] == (2, SIZE, SIZE, 4)]


@pytest.mark.usefixtures("few_at_a_time")
def test_device_that_has_no_room_for_pictures_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Full(DeviceGather):
        def pick(self, pictures: Sequence[Any], size: tuple[int, int]) -> Any:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 123 bytes.")

    files = many_files()
    expected, _, _ = extracted(files, tmp_path, None, None)
    with caplog.at_level(logging.WARNING):
        rows, tally, on_device = extracted(files, tmp_path, Full(Neighbours(SIZE)), ENGINES)
    assert (rows, sum(on_device), tally.declined) == (expected, 0, 0)
    assert 1 <= len(caplog.messages) <= 2  # by each of the two threads that were at it
    assert "decoded photographs do not stay on the GPU from here on (RESOURCE_EXHAUSTED" in caplog.messages[0]


def test_sizes_that_few_photographs_have_get_no_program() -> None:
    gather = DeviceGather(Neighbours(SIZE))
    assert gather.pictures_at_a_time((640, 640), 31) == 0
    assert gather.pictures_at_a_time((640, 640), 32) == 64
    assert gather.pictures_at_a_time((640, 640), 1) == 64  # it has one now
    assert gather.pictures_at_a_time((4000, 2000), 2) == 4  # 32 megapixels
    assert [gather.pictures_at_a_time((100 + i, 100), 64) for i in range(3)] == [64, 64, 0]


@pytest.mark.compare
@pytest.mark.usefixtures("nvimgcodec")
def test_pixels_of_nvimagecodec_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_gather, "MAX_PICTURES", 3)
    files = many_files()
    expected, _, _ = extracted(files, tmp_path, None, None)
    rows, tally, on_device = extracted(files, tmp_path, DeviceGather(Neighbours(SIZE)), "CPU_ONLY")
    assert rows == expected
    assert tally.declined == 0
    assert sum(on_device) > 20


@pytest.mark.parametrize("there", [[], [1, 2, 5], [0, 1, 2, 3, 4, 5]])
def test_compiled_network_takes_pixels_from_the_device(there: list[int]) -> None:
    """Some slots of a batch from the device, none or all; and parts of the batch, as when memory does not suffice."""
    import keras

    preprocess = bgr_minus_means(16)
    seen = keras.Input((16, 16, 3))
    compute, _, _, gather = compiled(keras.Model(seen, keras.layers.Flatten()(seen)), preprocess, "cpu")
    assert gather is not None
    photographs = np.random.default_rng(0).integers(0, 256, (6, 20, 30, 3), dtype=np.uint8)
    gather.pictures_at_a_time((30, 20), 64)
    pixels, weights, _ = gather.pick([*photographs], (30, 20))
    expected = np.stack([preprocess(photograph) for photograph in photographs]).reshape(6, -1)
    pictures = Pictures.empty(6, preprocess)
    for slot, photograph in enumerate(photographs):
        if slot in there:
            pictures.leave_on_device(slot, (pixels, slot), weights)
        else:
            pictures.pick(photograph, slot)
    assert np.abs(compute(pictures) - expected).max() < 1e-4
    assert np.abs(np.concatenate([compute(pictures[:4]), compute(pictures[4:8])]) - expected).max() < 1e-4


def test_memory_that_jax_plans_grows_with_the_batch() -> None:
    """A convolution of 64 x 64 x 8 float32 has 131,072 bytes of each photograph, of which its pixels travel."""
    import keras

    seen = keras.Input((64, 64, 3))
    wide = keras.layers.Conv2D(8, 3, padding="same")(keras.layers.Conv2D(8, 3, padding="same")(seen))
    program = compiled(keras.Model(seen, keras.layers.GlobalAveragePooling2D()(wide)), bgr_minus_means(64), "cpu")
    two, four = program.bytes_taken(2), program.bytes_taken(4)
    assert two is not None
    assert four is not None
    pixels = 2 * 2 * 64 * 64 * 4
    assert 2 * (131_072 + 3 * pixels) <= two <= 2 * (6 * 131_072 + 3 * pixels)
    assert 1.5 < four / two < 2.5
    assert program.memory_limit is None

"""From bytes to the network's input: decoded, cut, and the pixels picked that the network needs, in many threads."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from threading import local
from typing import TYPE_CHECKING, NamedTuple

from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.preprocessing import Preprocessing
from streetdeciles.errors import ShardFailed
from streetdeciles.extraction.contents import Content, Reading, file_of
from streetdeciles.extraction.decoding import decode
from streetdeciles.extraction.device_decoding import DeviceDecoder, EngineJpeg
from streetdeciles.extraction.engine_jpegs import engine_jpeg_size
from streetdeciles.extraction.extracted import Photograph, Row
from streetdeciles.extraction.gpu_decoding import EngineDecoder, engine_decoder
from streetdeciles.extraction.memory import DecodingMemory, decoding_bytes
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.reading import PAUSES_S
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.extraction.watch import MAX_DECODING_S, Watch

if TYPE_CHECKING:
    from streetdeciles.extraction.device_gather import DeviceGather

ROWS_PER_CHUNK = 8
"""How many photographs a thread decodes at a time."""

ROWS_PER_DEVICE_CHUNK = 64
"""The same if photographs stay on the GPU that decodes them, which is fastest with many at a time."""

HASH_DIGITS = 32
SAMPLE_STEP = 16
"""Step in pixels of the sample that is compared before all pixels of a picture are, if its first few are equal."""

SCRATCH_BYTES = 4 * 1024 * 1024
"""Room for a picture of a megapixel."""


@dataclass(frozen=True)
class Preparation:
    """How photographs become the network's input, and how its output is kept."""

    preprocess: Preprocessing
    max_pixels: int
    """A picture with more pixels is a reject."""
    threads: int
    """Threads that decode."""
    store: str
    """The precision in which features are kept, float32 or float16."""
    cut: Callable[[Array, int], Array] | None = None
    """From a panorama and the number of a view to the view, where photographs are panoramas."""
    min_pixels: int = 1
    max_decoding_s: float = MAX_DECODING_S
    pauses_s: Sequence[float] = PAUSES_S
    """Waits between attempts at a file that cannot be read."""
    back_end: str | None = None
    """nvImageCodec's back end, which decodes the JPEGs that suit it; None: everything is decoded on the CPU."""


class Prepared(NamedTuple):
    """A photograph that is in its slot, or why it is not."""

    photograph: Photograph
    problem: Rejected | ShardFailed | None


class PreparedChunk(NamedTuple):
    """Some rows of one shard, in neighbouring slots."""

    of_rows: list[Prepared]
    reading_s: float
    decoding_s: float
    n_declined: int = 0
    """JPEGs that the GPU should have decoded, and did not."""


class Preparer:
    """What the threads of one task do, and what they share."""

    def __init__(self, preparation: Preparation, gather: DeviceGather | None = None) -> None:
        self.preparation = preparation
        self._memory = DecodingMemory(preparation.max_pixels, preparation.threads)
        self._engines = engine_decoder(preparation.back_end) if preparation.back_end else None
        # Views of a panorama are cut in this machine's memory.
        self._on_device = None
        if self._engines is not None and gather is not None and preparation.cut is None:
            self._on_device = DeviceDecoder(self._engines, gather, self._memory, preparation.threads)
        self._of_thread = local()
        self.watch = Watch(preparation.max_decoding_s)

    @property
    def rows_per_chunk(self) -> int:
        """How many photographs a thread reads or decodes at a time."""
        return ROWS_PER_CHUNK if self._on_device is None else ROWS_PER_DEVICE_CHUNK

    def prepare(
        self, rows: Sequence[Row], reading: Reading, first: int, pictures: Pictures, slot: int
    ) -> PreparedChunk:
        """Prepare rows, whose bytes are those of `reading` from number `first` on, into the slots from `slot` on."""
        contents = reading.result()
        start = time.perf_counter()
        of_rows: dict[int, Prepared] = {}
        n_declined = 0
        if self._engines is not None:
            files = contents.of_rows[first : first + len(rows)]
            of_rows, n_declined = self._prepare_on_gpu(self._engines, rows, files, pictures, slot)
        for _, views in groupby((i for i in range(len(rows)) if i not in of_rows), lambda i: file_of(rows[i])):
            views_of = {i: rows[i] for i in views}
            content = contents.of_rows[first + next(iter(views_of))]
            of_rows |= self._prepare(views_of, content, pictures, slot)
            for i in views_of:
                contents.of_rows[first + i] = b""  # frees the file's memory, now that the picture is decoded
        reading_s = 0.0 if first else contents.reading_s
        decoding_s = time.perf_counter() - start
        return PreparedChunk([of_rows[i] for i in range(len(rows))], reading_s, decoding_s, n_declined)

    def _prepare_on_gpu(
        self, engines: EngineDecoder, rows: Sequence[Row], files: Sequence[Content], pictures: Pictures, slot: int
    ) -> tuple[dict[int, Prepared], int]:
        """(those that the GPU has decoded, by their number in `rows`; how many it declined)."""
        jpegs = {i: jpeg for i, file in enumerate(files) if (jpeg := self._engine_jpeg(file))}
        of_rows = self._leave_on_device(rows, jpegs, pictures, slot)
        rest = {i: jpeg for i, jpeg in jpegs.items() if i not in of_rows}
        with self._memory.lease() as reserve:
            reserve(sum(decoding_bytes("RGB", width * height) for _, (width, height) in rest.values()))
            decoded = engines.decode([jpeg.content for jpeg in rest.values()])
            for i, picture in zip(rest, decoded, strict=True):
                if picture is not None:
                    of_rows |= self._prepare({i: rows[i]}, files[i], pictures, slot, picture)
        return of_rows, len(jpegs) - len(of_rows)

    def _leave_on_device(
        self, rows: Sequence[Row], jpegs: Mapping[int, EngineJpeg], pictures: Pictures, slot: int
    ) -> dict[int, Prepared]:
        """Those whose pixels are on the device now, by their number in `rows`."""
        of_rows: dict[int, Prepared] = {}
        if self._on_device is not None:
            for i, picked in self._on_device.picked(jpegs).items():
                pictures.leave_on_device(slot + i, picked.place, picked.weights)
                photograph = Photograph(rows[i], hash_of(jpegs[i].content), picked.one_colour)
                of_rows[i] = Prepared(photograph, None)
        return of_rows

    def _engine_jpeg(self, content: Content) -> EngineJpeg | None:
        if not isinstance(content, bytes) or (size := engine_jpeg_size(content)) is None:
            return None
        if not self.preparation.min_pixels <= size[0] * size[1] <= self.preparation.max_pixels:
            return None
        return EngineJpeg(content, size)

    def _prepare(
        self, views: Mapping[int, Row], content: Content, pictures: Pictures, slot: int, picture: Array | None = None
    ) -> dict[int, Prepared]:
        """Prepare the `views` of one file, a single one or those of a panorama, each in its slot after `slot`.

        `picture`: the decoded content, if the GPU has decoded it.
        """
        if not isinstance(content, bytes):
            return {i: Prepared(Photograph(row), content) for i, row in views.items()}
        content_hash = hash_of(content)
        problem: Rejected | ShardFailed | None = None
        one_colour: dict[int, bool] = {}
        try:
            with self._memory.lease() as reserve, self.watch.over(next(iter(views.values()))):
                picture = self._decode(content, reserve) if picture is None else picture
                for i, row in views.items():
                    one_colour[i] = self._pick(picture, row, pictures, slot + i)
        except (Rejected, ShardFailed) as error:
            problem = error.with_traceback(None)  # a trace would keep the file's bytes in memory
        except MemoryError:
            uri = next(iter(views.values())).uri
            problem = ShardFailed(f"{uri}: not enough memory to decode it; lower features.decode_threads")
        return {
            i: Prepared(Photograph(row, content_hash, None if problem else one_colour[i]), problem)
            for i, row in views.items()
        }

    def _scratch(self) -> bytearray:
        """This thread's memory for a picture, so that it is not taken from the system and given back for each one."""
        if not hasattr(self._of_thread, "scratch"):
            self._of_thread.scratch = bytearray(SCRATCH_BYTES)
        scratch: bytearray = self._of_thread.scratch
        return scratch

    def _decode(self, content: bytes, reserve: Callable[[int], None]) -> Array:
        return decode(
            content,
            max_pixels=self.preparation.max_pixels,
            min_pixels=self.preparation.min_pixels,
            reserve=reserve,
            scratch=self._scratch(),
        )

    def _pick(self, picture: Array, row: Row, pictures: Pictures, slot: int) -> bool:
        """Fill the slot; returns whether the picture is of one colour."""
        cut = self.preparation.cut
        view = cut(picture, row.view) if cut else picture
        pictures.pick(view, slot)
        return is_one_colour(view)


def hash_of(content: bytes) -> str:
    """The first HASH_DIGITS hexadecimal digits of a file's SHA-256."""
    return hashlib.sha256(content).hexdigest()[:HASH_DIGITS]


def is_one_colour(picture: Array) -> bool:
    """Whether all pixels of [height, width, 3] are equal."""
    first = picture[0, 0].tobytes()
    height, width = picture.shape[:2]
    if any(picture[row, column].tobytes() != first for row in (height // 2, -1) for column in (width // 3, -1)):
        return False
    sample = picture[::SAMPLE_STEP, ::SAMPLE_STEP]
    return bool((sample == picture[0, 0]).all()) and bool((picture == picture[0, 0]).all())

"""JPEGs decoded by a GPU's JPEG engines, through nvImageCodec (the extra `gpu-decode`).

Compared with Pillow on an H100, with nvImageCodec 0.9, for 4:4:4, 4:2:2, 4:2:0, 4:1:1 and grey, even and odd sizes, and
with restart markers: the CPU back end gives the same pixels exactly; the engines (`HW_GPU_ONLY`) differ by at most one
level in a few pixels, not at all for 4:4:4 and grey, and decline progressive files; the hybrid CUDA back end differs by
up to three levels in 2 % of the values. So features of photographs that the engines decoded are not equal to others,
and have a fingerprint of their own. Fancy upsampling must be on, and decoding a region of interest crashes version
0.9.0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import RunRefused
from streetdeciles.extraction.device import GPU_DRIVER
from streetdeciles.keras_start import without_start_messages

if TYPE_CHECKING:
    from nvidia import nvimgcodec

ENGINES = "HW_GPU_ONLY"
"""nvImageCodec's name of the back end that decodes on the JPEG engines."""

GPU_PIXELS = "JPEG engines of the GPU, fancy upsampling"
"""Part of the fingerprint of features; to be changed whenever the same files get different pixels."""

_CPU_ONLY_DEVICE = -99999
"""NVIMGCODEC_DEVICE_CPU_ONLY: no GPU is needed."""

_HOW_TO_GO_ON = "or set features.decoder to cpu"


class EngineDecoder:
    """Decodes batches of JPEGs in any number of threads; each uses a decoder that no other thread uses meanwhile.

    Decoders are kept for the next batch and the next task, since making one takes time.

    Args:
        back_end: nvImageCodec's name of it. With `CPU_ONLY` it needs no GPU.

    Raises:
        RunRefused: the package or the GPU is missing, or the GPU has no JPEG engines.
    """

    def __init__(self, back_end: str = ENGINES) -> None:
        self._back_end = back_end
        self._idle: SimpleQueue[nvimgcodec.Decoder] = SimpleQueue()
        refuse_without_package()
        os.environ.setdefault("PYNVIMGCODEC_VERBOSITY", "0")  # else a line for each file that it declines
        with without_start_messages():
            try:
                (probe,) = self.decode([_probe()])
            except RuntimeError as error:
                raise RunRefused(
                    f"features.decoder is gpu, and nvImageCodec finds no GPU on {os.uname().nodename} ({error}); "
                    f"install NVIDIA's driver and a package of the same CUDA version there, {_HOW_TO_GO_ON}"
                ) from None
        if probe is None:
            raise RunRefused(
                f"features.decoder is gpu, and the GPU on {os.uname().nodename} decodes no JPEG; only some have JPEG "
                f"engines, such as A100, H100 and L4, and nvidia-nvjpeg must be installed; use another GPU, "
                f"{_HOW_TO_GO_ON}"
            )

    def decode(self, files: Sequence[bytes]) -> list[Array | None]:
        """RGB uint8 [height, width, 3] of each file, in this machine's memory; None for those that it declines."""
        return [None if image is None else np.ascontiguousarray(image.cpu()) for image in self.images(files)]

    def images(self, files: Sequence[bytes], over: Sequence[Any] | None = None) -> list[Any | None]:
        """nvImageCodec's RGB image of each file, in the memory of its back end; None for those that it declines.

        Args:
            over: as many of its images, which are lost: their memory is used again.
        """
        if not files:
            return []
        try:
            decoder = self._idle.get_nowait()
        except Empty:
            decoder = self._new_decoder()
        images: list[Any | None] = decoder.decode([*files], images=None if over is None else [*over])
        self._idle.put(decoder)  # not where it has failed
        return images

    def _new_decoder(self) -> nvimgcodec.Decoder:
        from nvidia import nvimgcodec

        return nvimgcodec.Decoder(
            # The worker sees its task's GPU only, which is the first.
            device_id=0 if self._back_end == ENGINES else _CPU_ONLY_DEVICE,
            max_num_cpu_threads=1,
            backends=[nvimgcodec.Backend(nvimgcodec.BackendKind.__members__[self._back_end])],
            options=":fancy_upsampling=1",
        )


@cache
def engine_decoder(back_end: str) -> EngineDecoder:
    """The decoder of this process, which its tasks use one after another; RunRefused as for `EngineDecoder`."""
    return EngineDecoder(back_end)


def refuse_without_package() -> None:
    """RunRefused where nvImageCodec is not installed in this Python."""
    if find_spec("nvidia") is None or find_spec("nvidia.nvimgcodec") is None:
        raise RunRefused(
            f"features.decoder is gpu, and nvImageCodec is not installed on {os.uname().nodename}; "
            f"pip install 'streetdeciles[gpu-decode]' there ([gpu-decode-cu13] with CUDA 13), {_HOW_TO_GO_ON}"
        )


def refuse_without_gpu() -> None:
    """RunRefused where this machine cannot decode on a GPU, as far as that is known without starting one."""
    refuse_without_package()
    if not Path(GPU_DRIVER).exists():
        raise RunRefused(
            f"features.decoder is gpu, and {os.uname().nodename} has no NVIDIA GPU with its driver; "
            f"run on a machine that has one, {_HOW_TO_GO_ON}"
        )


def _probe() -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (64, 64), (200, 80, 40)).save(file, "JPEG")
    return file.getvalue()

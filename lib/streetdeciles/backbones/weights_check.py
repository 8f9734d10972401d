"""Whether weights can be had, asked before a run: by headers, Keras' cache and a word with the server, in seconds."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from pathlib import Path

from streetdeciles import storage
from streetdeciles.backbones.applications import APPLICATIONS, read_config
from streetdeciles.backbones.encoders import ENCODERS
from streetdeciles.backbones.keras_files import check_keras
from streetdeciles.backbones.npy_files import check_npy
from streetdeciles.backbones.registry import backbone_named
from streetdeciles.backbones.vgg import KERAS_FILES
from streetdeciles.backbones.weights import cannot_download, opened_weights
from streetdeciles.errors import RunRefused

IMAGENET_FILES = {
    "resnet50": "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
    "efficientnetv2b0": "efficientnet_v2/efficientnetv2-b0.h5",
    "convnext_tiny": "convnext/convnext_tiny.h5",
}
"""Below KERAS_FILES, for networks that Keras itself downloads weights for."""

TIMEOUT_S = 8.0
"""For the server's answer, name look-up included."""


def check_weights(source: str, backbone: str, *, layer: str | None = None) -> None:
    """RunRefused where `read_weights` would not find weights of the backbone at `source`.

    Neither Keras nor another framework is started, and no numbers are read: a file may still be refused later.
    """
    is_light = not (backbone in APPLICATIONS or backbone in ENCODERS or backbone.endswith(".keras"))
    known = backbone_named(backbone, layer=layer) if is_light else None
    if backbone.endswith(".keras") and storage.is_local(backbone):
        read_config(backbone)
    if source.startswith("random:"):
        return
    if source == "imagenet":
        url = known.imagenet[0] if known and known.imagenet else f"{KERAS_FILES}/{IMAGENET_FILES[backbone]}"
        if not is_cached(url):
            check_reachable(url)
        return
    if not storage.is_local(source) or not source.endswith((".h5", ".keras", ".npy")):
        return  # elsewhere, or a folder of KerasHub's: the config's check has looked whether it is there
    with opened_weights(source, backbone) as file:
        if source.endswith(".npy"):
            if known is None:
                raise RunRefused(
                    f"{source}: .npy files are read for VGG16 and VGG19 only, not for {backbone}; take Keras' .h5"
                )
            check_npy(file, source, known)
        else:
            check_keras(file, source, known.weight_shapes if known else {})


def is_cached(url: str) -> bool:
    """Whether Keras has the file in its cache; a damaged one it would download again."""
    home = os.environ.get("KERAS_HOME") or str(Path("~/.keras").expanduser())
    name = url.rsplit("/", 1)[1]
    # Keras takes the second where the first cannot be written.
    return any((Path(folder) / "models" / name).is_file() for folder in (home, "/tmp/.keras"))  # noqa: S108


def check_reachable(url: str, timeout_s: float = TIMEOUT_S) -> None:
    """RunRefused where the server does not say within `timeout_s` that it has the file."""
    answers: list[Exception | None] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - Keras' own address
        try:
            with urllib.request.urlopen(request, timeout=timeout_s):  # noqa: S310
                answers.append(None)
        except urllib.error.HTTPError as error:
            answers.append(None if error.code in (405, 501) else error)  # it knows no HEAD, but answers
        except (OSError, ValueError) as error:
            answers.append(error)

    # A look-up of a name has no timeout of its own, so it is left behind where it takes too long.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(timeout_s)
    answer = answers[0] if answers else TimeoutError(f"no answer within {timeout_s:g} s")
    if answer is not None:
        raise cannot_download(url, answer)

"""Weights that are not available are refused before a run, by their headers or by asking the server."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from paths import DATA
from streetdeciles.backbone_sources import Seeded, backbone_source, weight_source
from streetdeciles.backbones.applications import APPLICATIONS
from streetdeciles.backbones.imagenet import check_reachable, is_cached
from streetdeciles.backbones.registry import backbone_named, check_weights
from streetdeciles.errors import RunRefused


class Weights(BaseHTTPRequestHandler):
    """A server that has `/there.h5`, and answers HEAD without content."""

    def do_HEAD(self) -> None:
        if self.path == "/slow.h5":
            time.sleep(2)
        self.send_response(200 if self.path == "/there.h5" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Weights)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def write_layers(path: Path, names: list[str]) -> str:
    """A file as Keras 2 wrote it, with arrays that fit no network."""
    with h5py.File(path, "w") as h5:
        h5.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = h5.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode()]
            group.create_dataset(f"{name}/kernel:0", data=np.zeros(3, np.float32))
    return str(path)


def check(weights: str, backbone: str, **options: Any) -> None:
    """`check_weights` with values from a config."""
    check_weights(weight_source(weights), backbone_source(backbone), **options)


def test_server_is_asked_for_the_file(server: str) -> None:
    check_reachable(f"{server}/there.h5")

    with pytest.raises(RunRefused, match=r"cannot download http\S+/gone\.h5 \(HTTP Error 404: Not Found\); fetch"):
        check_reachable(f"{server}/gone.h5")
    with pytest.raises(RunRefused, match=r"\(\[Errno 111\] Connection refused\)"):
        check_reachable("http://127.0.0.1:9/vgg16.h5")


def test_slow_server_is_given_up(server: str) -> None:
    with pytest.raises(RunRefused, match=r"slow\.h5 \((no answer within 0\.2 s|timed out)\)"):
        check_reachable(f"{server}/slow.h5", timeout_s=0.2)


def test_weights_in_the_cache_need_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:9/{tmp_path.name}.h5"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert not is_cached(url)

    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{tmp_path.name}.h5").write_bytes(b"")

    assert is_cached(url)


def test_files_of_imagenet_weights_are_those_of_keras() -> None:
    from keras.src.applications import convnext, efficientnet_v2, resnet

    for application, module in zip(APPLICATIONS, (resnet, efficientnet_v2, convnext), strict=True):
        folder, file = application.imagenet.split("/")
        assert module.BASE_WEIGHTS_PATH.endswith(f"/tensorflow/keras-applications/{folder}/")
        assert file.removesuffix(".h5").split("_weights")[0] in inspect.getsource(module)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("vgg16.h5", b"<html>sign in</html>", "cannot be read as weights"),
        ("vgg16.npy", b"<html>sign in</html>", "cannot be read as weights"),
        ("vgg16.keras", b"<html>sign in</html>", "cannot be read as weights"),
        ("vgg16.h5", b"", "cannot be read as weights"),
    ],
)
def test_file_that_holds_no_weights_is_refused(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(RunRefused, match=rf"{name}: {expected}"):
        check(str(tmp_path / name), "vgg16")


def test_file_of_another_network_is_refused_by_its_layers(tmp_path: Path) -> None:
    names = [name.split("/")[0] for name in backbone_named("vgg16").weight_shapes]

    check(write_layers(tmp_path / "vgg16.h5", [*dict.fromkeys(names)]), "vgg16")
    check(write_layers(tmp_path / "short.h5", names[:1]), "vgg16", layer="block1_conv1")
    with pytest.raises(RunRefused, match=r"resnet\.h5: has no layer block1_conv1; its layers are conv1, bn1"):
        check(write_layers(tmp_path / "resnet.h5", ["conv1", "bn1"]), "vgg16")


def test_plain_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", np.zeros((3, 4)))

    with pytest.raises(RunRefused, match=r"features\.npy: expected a pickled dict of layers, found an array"):
        check(str(tmp_path / "features.npy"), "vgg16")
    with pytest.raises(RunRefused, match="VGG16 and VGG19 only, not for resnet50"):
        check(str(tmp_path / "features.npy"), "resnet50")


def test_unknown_layer_is_refused_without_weights() -> None:
    with pytest.raises(RunRefused, match=r"features\.layer: vgg16 has no layer 'fc9'"):
        check_weights(Seeded(1), backbone_source("vgg16"), layer="fc9")


def test_saved_model_is_checked(tmp_path: Path) -> None:
    model = str(DATA / "backbones" / "grid_mean.keras")
    check(model, model)

    (tmp_path / "other.keras").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(RunRefused, match=r"other\.keras: cannot be read as a model"):
        check(str(tmp_path / "other.keras"), str(tmp_path / "other.keras"))

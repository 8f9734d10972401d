"""Device and precision, and the real network as the workers load it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from zipfile import ZipFile

import pytest

from streetdeciles.backbone_sources import Named, Seeded
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.config import FeaturesConfig
from streetdeciles.errors import RunFailed
from streetdeciles.extraction import network
from streetdeciles.extraction.compiled import Compiled
from streetdeciles.extraction.gpu_tasks import GIB, NetworkMemory, gpu_batch_size
from streetdeciles.extraction.network import NetworkSettings, automatic_batch_size
from streetdeciles.features.image_network import backbone_network
from streetdeciles.features.workers import LoadInTask, keep_directories_of_archives
from streetdeciles.hardware import Device
from streetdeciles.parallel import Parallelism, cores_of_gpu_task, gpu_share

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WEIGHTS_OF_SEED_1 = "4adf29b9a7a17d4a244d4547afcf75043de5c19ca0b47f884e0b7d966b3825ae"
"""Pinned: features made with a seed's weights are comparable only as long as it gives the same numbers."""


def in_new_process(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Frameworks start once a process."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_gpu_that_is_not_there_is_refused_and_nothing_else_is_said() -> None:
    completed = in_new_process(
        """
from streetdeciles.extraction import device
try:
    device.start("gpu", threads=1, backend="tensorflow")
except Exception as error:
    print(type(error).__name__, error)
print(device.start("auto", threads=3, backend="tensorflow").name)
import tensorflow
print(tensorflow.config.list_logical_devices("GPU"))
""",
        CUDA_VISIBLE_DEVICES="-1",
    )
    refused, name, gpus = completed.stdout.splitlines()
    assert refused.startswith("RunRefused features.device is gpu, and tensorflow sees none")
    assert name.endswith("3 thread(s)")
    assert gpus == "[]"
    assert completed.stderr == ""


def test_worker_that_is_given_another_gpu_does_not_go_on_with_the_first() -> None:
    completed = in_new_process(
        """
from streetdeciles.extraction import device
device._set_environment("auto", 1, "tensorflow", "3")
import os
print(os.environ["CUDA_VISIBLE_DEVICES"])
device._set_environment("auto", 1, "tensorflow", "3")
device._set_environment("auto", 1, "tensorflow", "5")
"""
    )
    assert completed.stdout == "3\n"
    assert completed.stderr.strip().endswith("RuntimeError: this worker was started with GPU 3 and now has to use 5")


def test_features_do_not_depend_on_the_batch() -> None:
    """Bit by bit: in batches of 2 and of 4, at another place, among others, beside padding."""
    completed = in_new_process(
        f"""
import numpy as np
from dataclasses import replace
from streetdeciles.backbone_sources import Named, Seeded
from streetdeciles.extraction.network import NetworkSettings, load_network
settings = NetworkSettings(Named("vgg16"), Seeded(1), {WEIGHTS_OF_SEED_1!r}, "float32", "cpu", "tensorflow", 2, 4)
from streetdeciles.backbones.vgg import VGG16
from streetdeciles.extraction.pictures import Pictures
images = Pictures.empty(4, VGG16.preprocess)
generator = np.random.default_rng(0)
images.pixels[:] = generator.integers(0, 256, images.pixels.shape)
images.weights[:] = generator.random(images.weights.shape)
network = load_network(settings)
assert load_network(settings) is network
four = network.compute(images)
padded = Pictures.empty(4, VGG16.preprocess)
padded.copy(images, [3, 2], at=0)
print(np.array_equal(network.compute(padded)[:2], four[::-1][:2]))
print(np.array_equal(load_network(replace(settings, batch_size=2)).compute(images[2:]), four[2:]))
print(network.description)
"""
    )
    assert completed.returncode == 0, completed.stderr
    in_other_places, in_smaller_batches, description = completed.stdout.splitlines()
    assert in_other_places == "True"
    assert in_smaller_batches == "True"
    assert description.startswith("cpu (")
    assert description.endswith("2 thread(s)), float32, batches of 4")


@pytest.mark.parametrize(("amount", "share"), [(None, 1.0), ("1", 1.0), ("0.25", 0.25), ("2", 1.0)])
def test_part_of_a_gpu_is_what_spark_gives_to_a_task(amount: str | None, share: float) -> None:
    session = SimpleNamespace(conf={"spark.task.resource.gpu.amount": amount} if amount else {})
    assert gpu_share(cast("SparkSession", session)) == share


@pytest.mark.parametrize(("tasks", "local", "share"), [(4, True, 0.25), (1, True, 1.0), (4, False, 1.0)])
def test_tasks_of_a_local_master_share_the_first_gpu(
    tasks: int, local: bool, share: float, spark: SparkSession, tmp_path: Path
) -> None:
    features = FeaturesConfig(weights="random:1", precision="float32")
    with backbone_network(spark, features, str(tmp_path), Parallelism(tasks, 2, local=local)) as used:
        assert cast(LoadInTask, used.load).settings.gpu_share == share


@pytest.mark.parametrize(("amount", "cpus", "cores"), [(None, "8", 0), ("1", "8", 8), ("1", None, 1), ("0.5", "8", 0)])
def test_cores_beside_a_gpu_are_those_of_a_task_that_has_it_alone(
    amount: str | None, cpus: str | None, cores: int
) -> None:
    settings = {"spark.task.resource.gpu.amount": amount, "spark.task.cpus": cpus}
    session = SimpleNamespace(conf={name: value for name, value in settings.items() if value})
    assert cores_of_gpu_task(cast("SparkSession", session)) == cores


def test_weights_that_differ_on_a_worker_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(precision: str) -> Any:
        import keras

        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="fc1", dtype=precision)])

    shapes = {"fc1/kernel": (2, 3), "fc1/bias": (3,)}
    small = replace(VGG16, build=build, weight_shapes=shapes)
    monkeypatch.setattr(network, "backbone_from", lambda name, **_: small)
    settings = NetworkSettings(Named("small"), Seeded(2), WEIGHTS_OF_SEED_1, "float32", "cpu", "tensorflow", 2, 1)
    with pytest.raises(RunFailed, match="features.weights: random:2 differ on this executor from the driver's"):
        network._build(settings, Device("cpu", "x", bfloat16=False))


@pytest.mark.parametrize(
    ("listed", "address", "visible"),
    [
        ("", "1", "1"),
        ("2,3", "3", "3"),  # an address of the machine
        ("2,3", "0", "2"),  # one that counts from the list's beginning
        ("GPU-5ae1, GPU-77b2", "1", "GPU-77b2"),
        ("GPU-5ae1", None, "GPU-5ae1"),
        ("-1", "1", "1"),
    ],
)
def test_gpus_that_the_cluster_has_chosen_stay_chosen(listed: str, address: str | None, visible: str) -> None:
    program = f"""
from streetdeciles.extraction import device
device._set_environment("auto", 1, "tensorflow", {address!r})
device._set_environment("auto", 1, "tensorflow", {address!r})
import os
print(os.environ["CUDA_VISIBLE_DEVICES"])
"""
    done = in_new_process(program, CUDA_VISIBLE_DEVICES=listed)
    assert (done.stdout, done.stderr) == (f"{visible}\n", "")


def test_gpu_that_an_executor_may_not_see_is_refused() -> None:
    program = """
from streetdeciles.extraction import device
device._set_environment("auto", 1, "tensorflow", "7")
"""
    done = in_new_process(program, CUDA_VISIBLE_DEVICES="GPU-5ae1,GPU-77b2")
    assert "RunRefused: Spark gave GPU 7 to a task" in done.stderr
    assert "where CUDA_VISIBLE_DEVICES is GPU-5ae1,GPU-77b2; the discovery script must list" in done.stderr


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_compiled_preprocessing_is_that_of_one_photograph(backend: str) -> None:
    """Of every example photograph, in batches of 7: within 1e-4 of what NumPy makes of it, VGG's and CLIP's."""
    program = """
import keras
import numpy as np
from paths import DATA
from streetdeciles.backbones.preprocessing import bgr_minus_means, normalised
from streetdeciles.extraction.compiled import compiled
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.pictures import Pictures
from streetdeciles.extraction.rejects import Rejected

prepare_pillow(50_000_000)
photographs = []
for path in sorted([*(DATA / "photos").glob("*.jpg"), *(DATA / "difficult_images").iterdir()]):
    try:
        photographs.append(decode(path.read_bytes(), max_pixels=50_000_000))
    except Rejected:
        continue
seen = keras.Input((32, 32, 3))
network = keras.Model(seen, keras.layers.Flatten()(seen))
largest = 0.0
for preprocess in (
    bgr_minus_means(32),
    bgr_minus_means(32).antialiased(),
    normalised(32, shorter=32, means=(0.4, 0.5, 0.6), deviations=(0.2, 0.3, 0.4)),
):
    compute = compiled(network, preprocess, "cpu").compute
    for first in range(0, len(photographs), 7):
        pictures = Pictures.empty(7, preprocess)
        some = photographs[first : first + 7]
        for slot, photograph in enumerate(some):
            pictures.pick(photograph, slot)
        found = compute(pictures)[: len(some)]
        expected = np.stack([preprocess(photograph) for photograph in some]).reshape(len(some), -1)
        largest = max(largest, float(np.abs(found - expected).max()))
print(len(photographs), largest < 1e-4, largest)
"""
    done = in_new_process(program, KERAS_BACKEND=backend, JAX_PLATFORMS="cpu", PYTHONPATH=os.pathsep.join(sys.path))
    assert done.stdout.startswith("66 True "), done.stderr


@pytest.mark.parametrize(
    ("memory_gib", "batch_size"),
    [
        (None, 64),  # nobody knows
        (80.0, 256),  # 640 would fit, and gain nothing
        # 0.9 of 36.5 less 1.25 for the task and 6 for the weights is 25.6: exactly 256 times 0.1.
        (36.5, 256),
        (36.49, 128),
        (9.0, 8),  # 0.85
        (8.17, 1),  # 0.103
        (1.0, 1),  # nothing: the first photograph will say that memory does not suffice
    ],
)
def test_largest_batch_that_fits_into_a_gpu_is_taken(memory_gib: float | None, batch_size: int) -> None:
    network_memory = NetworkMemory(weights=6 * GIB, per_photograph=GIB // 10)
    assert gpu_batch_size(network_memory, memory_gib and memory_gib * GIB) == batch_size


def a_program(taken: int | Exception | None, limit_gib: float | None = None) -> Compiled:
    def bytes_taken(n: int) -> int | None:
        assert n == 32
        if isinstance(taken, Exception):
            raise taken
        return taken

    return Compiled(lambda pictures: pictures.images(), bytes_taken, int(limit_gib * GIB) if limit_gib else None)


@pytest.mark.parametrize(
    ("taken", "limit_gib", "share", "batch_size"),
    [
        (32 * GIB // 10, None, 1.0, 128),  # 0.9 * 24 - 1.25 - 1 = 19.35 has room for 193 photographs of 0.1
        (32 * GIB // 10, None, 0.5, 64),  # 8.55
        (32 * GIB // 10, 6.0, 1.0, 16),  # 3.15, because the framework may not use more
        (32 * GIB // 100, None, 0.5, 256),
        (None, None, 1.0, 256),  # not known: as for VGG16, 25 MB each
        (MemoryError("RESOURCE_EXHAUSTED: out of memory"), None, 1.0, 32),
    ],
)
def test_batch_on_a_gpu_follows_from_what_the_network_takes(
    taken: int | Exception | None, limit_gib: float | None, share: float, batch_size: int
) -> None:
    gpu = Device("gpu", "L4", bfloat16=True, memory_bytes=24 * GIB)
    assert automatic_batch_size(a_program(taken, limit_gib), GIB, gpu, share) == batch_size


def test_nothing_is_measured_on_a_cpu() -> None:
    program = a_program(AssertionError("measured"))
    assert automatic_batch_size(program, GIB, Device("cpu", "x", bfloat16=True), 1.0) == 8


def _refuse_to_read(archive: str) -> None:
    raise AssertionError(f"{archive} was read again")


def test_archives_on_the_path_of_a_worker_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python looks again for modules, as Spark has it do before each task; what it knows of an archive stays."""
    archive = tmp_path / "modules.zip"
    with ZipFile(archive, "w") as file:
        file.writestr("first_of_archive.py", "")
        file.writestr("second_of_archive.py", "")
    monkeypatch.syspath_prepend(archive)
    assert find_spec("first_of_archive") is not None
    keep_directories_of_archives()
    monkeypatch.setattr("zipimport._read_directory", _refuse_to_read)
    invalidate_caches()
    assert find_spec("second_of_archive") is not None
    assert find_spec("second_of_archive") is not None
    assert find_spec("third_of_archive") is None

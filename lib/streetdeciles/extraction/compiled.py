"""A network and what precedes it on its device, as one compiled function of the framework below Keras."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.preprocessing import Preprocessing
from streetdeciles.backbones.sampling import Neighbours
from streetdeciles.extraction.pictures import Pictures

if TYPE_CHECKING:
    import keras

    from streetdeciles.extraction.device_gather import DeviceGather


BATCHES_IN_FLIGHT = 3
"""On a GPU: one batch arrives and one leaves while one is computed."""


class Compiled(NamedTuple):
    """A network on its device."""

    compute: Callable[[Pictures], Array]
    """uint8 pixels and their weights to float32 features [n, length]; several threads may call it."""
    bytes_taken: Callable[[int], int | None]
    """Bytes of GPU memory, besides the weights, that batches of n photographs take; None if that is not known."""
    memory_limit: int | None = None
    """Bytes of GPU memory that this process may use; None if that is not known, as on a CPU."""
    gather: DeviceGather | None = None
    """Picks pixels of photographs that are on the device; None if they must come from this machine's memory."""


def compiled(model: keras.Model, preprocess: Preprocessing, device_kind: str) -> Compiled:
    """The network as a function that is compiled once for each number of photographs.

    While one call waits for its result, others can transfer their pixels and start. With torch nothing is compiled.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _by_tensorflow(model, preprocess, device_kind)
    if backend == "jax":
        return _by_jax(model, preprocess)
    return Compiled(lambda pictures: np.asarray(model.predict_on_batch(pictures.images())), lambda n: None)


def _by_tensorflow(model: keras.Model, preprocess: Preprocessing, device_kind: str) -> Compiled:
    import tensorflow as tf

    def prepare(pixels: Any, weights: Any) -> Any:
        colours = tf.cast(pixels[..., :3], tf.float32)
        return preprocess.finish(colours, weights, lambda images, axis: tf.reverse(images, [axis]))

    # One pass over memory on a CPU. oneDNN's convolutions are faster than XLA's there; on a GPU XLA needs a CUDA file
    # that many installations lack.
    prepare = tf.function(prepare, jit_compile=device_kind == "cpu")

    def features(pixels: Any, weights: Any) -> Any:
        return model(prepare(pixels, weights), training=False)

    features = tf.function(features)

    def compute(pictures: Pictures) -> Array:
        return np.asarray(features(tf.constant(pictures.pixels), tf.constant(pictures.weights)))

    def bytes_taken(n: int) -> int | None:
        statistics, gpu = tf.config.experimental, "GPU:0"
        pictures = Pictures.empty(n, preprocess)
        compute(pictures)  # the first call also tries algorithms, which takes memory that later ones do not
        statistics.reset_memory_stats(gpu)
        before = statistics.get_memory_info(gpu)["current"]
        with ThreadPoolExecutor(BATCHES_IN_FLIGHT) as pool:
            for _ in pool.map(compute, repeat(pictures, BATCHES_IN_FLIGHT)):
                pass
        return int(statistics.get_memory_info(gpu)["peak"] - before)

    return Compiled(compute, bytes_taken)


def _by_jax(model: keras.Model, preprocess: Preprocessing) -> Compiled:
    import jax

    from streetdeciles.extraction.device_gather import DeviceGather

    gather = DeviceGather(preprocess.sampling) if isinstance(preprocess.sampling, Neighbours) else None

    # As arguments they stay where they are; inside the function they would become constants of its program.
    trainable = [variable.value for variable in model.trainable_variables]
    fixed = [variable.value for variable in model.non_trainable_variables]

    @jax.jit
    def features(trainable: Any, fixed: Any, pixels: Any, weights: Any) -> Any:
        images = preprocess.finish(pixels[..., :3].astype("float32"), weights, jax.numpy.flip)
        return model.stateless_call(trainable, fixed, images, training=False)[0]

    def compute(pictures: Pictures) -> Array:
        pixels = jax.device_put(pictures.pixels) if gather is None else gather.batch(pictures)
        on_device = features(trainable, fixed, pixels, jax.device_put(pictures.weights))
        on_device.copy_to_host_async()
        return np.asarray(on_device)

    def bytes_taken(n: int) -> int | None:
        one = Pictures.empty(1, preprocess)
        array_like: Any = jax.ShapeDtypeStruct
        pixels, weights = (array_like((n, *array.shape[1:]), array.dtype) for array in (one.pixels, one.weights))
        program = features.lower(trainable, fixed, pixels, weights).compile().memory_analysis()
        if program is None:
            return None
        transferred = n * (one.pixels.nbytes + one.weights.nbytes) + program.output_size_in_bytes
        return int(program.temp_size_in_bytes + BATCHES_IN_FLIGHT * transferred)

    statistics = jax.local_devices()[0].memory_stats() or {}
    return Compiled(compute, bytes_taken, statistics.get("bytes_limit"), gather)

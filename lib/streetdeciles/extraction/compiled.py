"""A network and what precedes it on its device, as one compiled function of the framework below Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.preprocessing import Preprocessing
from streetdeciles.extraction.pictures import Pictures

if TYPE_CHECKING:
    import keras


def compiled(model: keras.Model, preprocess: Preprocessing, device_kind: str) -> Callable[[Pictures], Array]:
    """A function of uint8 pixels and their weights to float32 features [n, length], which several threads may call.

    It is compiled once for each number of photographs. While one call waits for its result, others transfer and start.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _by_tensorflow(model, preprocess, device_kind)
    if backend == "jax":
        return _by_jax(model, preprocess)
    return lambda pictures: np.asarray(model.predict_on_batch(pictures.images()))


def _by_tensorflow(model: keras.Model, preprocess: Preprocessing, device_kind: str) -> Callable[[Pictures], Array]:
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
    return lambda pictures: np.asarray(features(tf.constant(pictures.pixels), tf.constant(pictures.weights)))


def _by_jax(model: keras.Model, preprocess: Preprocessing) -> Callable[[Pictures], Array]:
    import jax

    # Given as arguments, they stay where they are; within the function they would become constants of its program.
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    @jax.jit
    def features(trainable: Any, others: Any, pixels: Any, weights: Any) -> Any:
        images = preprocess.finish(pixels[..., :3].astype("float32"), weights, jax.numpy.flip)
        return model.stateless_call(trainable, others, images, training=False)[0]

    def compute(pictures: Pictures) -> Array:
        on_device = features(trainable, others, jax.device_put(pictures.pixels), jax.device_put(pictures.weights))
        on_device.copy_to_host_async()
        return np.asarray(on_device)

    return compute

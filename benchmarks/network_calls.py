"""Rates of the network on photographs in memory, and of the transfer to its device. No Spark."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np

from streetdeciles.backbones.vgg import VGG16
from streetdeciles.extraction.network import Network
from streetdeciles.extraction.pictures import Pictures


def network_calls(network: Network, pictures: Pictures, n: int) -> Callable[[], float]:
    """Images/s of the network on the same photographs in memory, with as many calls side by side as it allows."""
    calls = max(network.at_a_time, n // network.batch_size)

    def run() -> float:
        with ThreadPoolExecutor(network.at_a_time) as pool:
            start = time.perf_counter()
            for _ in pool.map(network.compute, repeat(pictures, calls)):
                pass
            return calls * network.batch_size / (time.perf_counter() - start)

    return run


def slower_part(network: Network, pictures: Pictures, n: int) -> Callable[[], float]:
    """Images/s of the transfer alone, or of the network alone on photographs that are on the device: the lower."""
    import jax

    on_device = Pictures(pictures.preprocess, jax.device_put(pictures.pixels), jax.device_put(pictures.weights))
    alone = network_calls(network, on_device, n)

    def transferred() -> float:
        calls = max(4, n // network.batch_size)
        start = time.perf_counter()
        for _ in range(calls):
            jax.block_until_ready(jax.device_put((pictures.pixels, pictures.weights)))
        return calls * network.batch_size / (time.perf_counter() - start)

    def run() -> float:
        transfer, compute = transferred(), alone()
        print(f"transfer alone {transfer:.0f} images/s, compiled network alone {compute:.0f} images/s", flush=True)
        return min(transfer, compute)

    return run


def random_pictures(network: Network) -> Pictures:
    pictures = Pictures.empty(network.batch_size, VGG16.preprocess)
    generator = np.random.default_rng(0)
    pictures.pixels[...] = generator.integers(0, 256, pictures.pixels.shape, dtype=np.uint8)
    pictures.weights[...] = generator.random(pictures.weights.shape)
    return pictures

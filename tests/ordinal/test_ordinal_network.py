"""The network of one outcome and fold: layers, masks, and a file that loads without this package."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network, shape_of

SHAPE = NetworkShape(views=4, features=12, view_units=(8, 6, 5), location_units=(3,), noise=0.05)


@pytest.fixture
def network() -> keras.Model:
    network = location_network(SHAPE)
    network.set_weights(initial_weights(network, np.random.default_rng(1)))
    return network


def inputs(rows: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    mask = rng.random((rows, SHAPE.views)) < 0.7
    mask[:, 0] = True
    return {"features": rng.normal(size=(rows, SHAPE.views, SHAPE.features)).astype(np.float32), "view_mask": mask}


def test_network_has_the_layers_of_the_reference(network: keras.Model) -> None:
    kernels = [tuple(variable.shape) for variable in network.weights if variable.name == "kernel"]
    assert kernels == [(12, 8), (8, 6), (6, 5), (5, 3), (3, 1)]
    assert shape_of(network) == SHAPE
    assert network(inputs()).shape == (7, 1)


def test_network_computes_the_mean_over_views(network: keras.Model) -> None:
    """The whole network in NumPy, with the untrained normalisation (mean 0, variance 1)."""
    arrays = inputs()
    kernels = [w for w in network.get_weights() if w.ndim == 2]
    hidden = arrays["features"]
    for kernel in kernels[:3]:
        hidden = np.maximum(hidden @ kernel / np.sqrt(1 + 1e-3), 0)
    mask = arrays["view_mask"][..., None]
    hidden = (hidden * mask).sum(1) / mask.sum(1)
    hidden = np.maximum(hidden @ kernels[3] / np.sqrt(1 + 1e-3), 0)
    np.testing.assert_allclose(np.asarray(network(arrays)), hidden @ kernels[4], rtol=1e-4, atol=1e-6)


def test_plain_network_maps_the_features_and_has_biases() -> None:
    """The whole plain network in NumPy."""
    shape, arrays = replace(SHAPE, variant="plain"), inputs()
    network = location_network(shape)
    rng = np.random.default_rng(4)
    weights = [rng.normal(0, 0.5, array.shape).astype(np.float32) for array in network.get_weights()]
    network.set_weights(weights)
    assert shape_of(network) == shape
    hidden = (arrays["features"] + 5) / 8
    for kernel, bias in zip(weights[:6:2], weights[1:6:2], strict=True):
        hidden = np.maximum(hidden @ kernel + bias, 0)
    mask = arrays["view_mask"][..., None]
    hidden = (hidden * mask).sum(1) / mask.sum(1)
    hidden = np.maximum(hidden @ weights[6] + weights[7], 0)
    np.testing.assert_allclose(np.asarray(network(arrays)), hidden @ weights[8] + weights[9], rtol=1e-4, atol=1e-5)


def test_missing_views_do_not_change_the_score(network: keras.Model) -> None:
    arrays = inputs()
    before = np.asarray(network(arrays))
    arrays["features"][~arrays["view_mask"]] = 1e6
    np.testing.assert_array_equal(np.asarray(network(arrays)), before)


def test_noise_is_added_only_in_training(network: keras.Model) -> None:
    arrays = inputs()
    np.testing.assert_array_equal(np.asarray(network(arrays)), np.asarray(network(arrays)))
    assert not np.array_equal(np.asarray(network(arrays, training=True)), np.asarray(network(arrays, training=True)))


def test_initial_weights_are_xavier_normal_and_seeded() -> None:
    network = location_network(NetworkShape(1, 600, (400,), (2,), noise=0))
    first, again, other = (initial_weights(network, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert first[0].std() == pytest.approx(np.sqrt(2 / 1000), rel=0.01)
    assert abs(first[0].mean()) < 1e-3


def test_saved_network_loads_without_this_package(network: keras.Model, tmp_path: Path) -> None:
    arrays = inputs()
    network.save(tmp_path / "model.keras")
    np.savez(tmp_path / "arrays.npz", **arrays)
    program = (
        "import sys, keras, numpy as np\n"
        "arrays = dict(np.load(sys.argv[1] + '/arrays.npz'))\n"
        "scores = keras.saving.load_model(sys.argv[1] + '/model.keras')(arrays)\n"
        "assert not any(name.startswith('streetdeciles') for name in sys.modules)\n"
        "np.save(sys.argv[1] + '/scores.npy', np.asarray(scores))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), np.asarray(network(arrays)))

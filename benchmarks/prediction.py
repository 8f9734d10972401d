"""Prediction of twelve outcomes of a fold's locations: the twelve models as one network, against one after the other.

Both sides get the same rows, 256 at a time, with everything that follows from a score; ours is what runs on an executor
once Arrow is decoded. Also prints how long 1.5 million locations, the postcodes of England, would take on this machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from streetdeciles.prediction.fold_models import FoldModels

from measure import interleaved, record
from streetdeciles.ordinal.binomial import predicted_decile, probabilities
from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network
from streetdeciles.ordinal.stacked_network import stack

SHAPE = NetworkShape(4, 4096, (512, 256, 128), (64,), 0.05, "batch_norm")
OUTCOMES, BATCH, NATIONAL = 12, 256, 1_500_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    features = random.normal(-3, 4, (BATCH, SHAPE.views, SHAPE.features)).astype(np.float32)
    mask = np.ones((BATCH, SHAPE.views), bool)
    template = location_network(SHAPE)
    weights = [initial_weights(template, np.random.default_rng(i)) for i in range(OUTCOMES)]
    together = FoldModels(tuple(f"outcome_{i}" for i in range(OUTCOMES)), stack(SHAPE, weights))
    networks = []
    for own in weights:
        networks.append(location_network(SHAPE))
        networks[-1].set_weights(own)

    def rate(work: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            work()
            start = time.perf_counter()
            for _ in range(options.batches):
                work()
            return options.batches * BATCH / (time.perf_counter() - start)

        return run

    def one_after_the_other() -> None:
        for network in networks:
            scores = network.predict_on_batch({"features": features, "view_mask": mask})
            np.asarray(predicted_decile(scores)), np.asarray(probabilities(scores))

    ours = rate(lambda: together.predict(features, mask))
    compared = interleaved(ours, rate(one_after_the_other), options.runs)
    record("prediction", compared, unit="locations/s, 12 outcomes", other_is="one model after the other")
    print(f"{NATIONAL:,} locations x {OUTCOMES} outcomes: {NATIONAL / compared.ours / 60:.0f} minutes")


if __name__ == "__main__":
    main()

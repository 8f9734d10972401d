"""Prediction of twelve outcomes for the locations of one fold: twelve models as one network, or one after the other.

Both sides get the same rows, 256 at a time, and compute scores, deciles and probabilities; ours is the code that runs
on an executor after Arrow is decoded. Also prints how long 1.5 million locations, the postcodes of England, would take
on this machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from measure import interleaved, record
from streetdeciles.ordinal.binomial import predicted_decile
from streetdeciles.ordinal.network import NetworkShape, initial_weights, location_network
from streetdeciles.ordinal.stacked_network import stack
from streetdeciles.ordinal.tempered import probabilities
from streetdeciles.prediction.predictors import HeldOutModels, OutcomeStack

SHAPE = NetworkShape(4, 4096, (512, 256, 128), (64,), 0.05, "batch_norm")
OUTCOMES, ROWS_PER_BATCH, NATIONAL_ROWS = 12, 256, 1_500_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    features = random.normal(-3, 4, (ROWS_PER_BATCH, SHAPE.views, SHAPE.features)).astype(np.float32)
    mask = np.ones((ROWS_PER_BATCH, SHAPE.views), bool)
    template = location_network(SHAPE)
    weights = [initial_weights(template, np.random.default_rng(i)) for i in range(OUTCOMES)]
    outcomes = tuple(f"outcome_{i}" for i in range(OUTCOMES))
    together = HeldOutModels({0: OutcomeStack(outcomes, np.ones(OUTCOMES), stack(SHAPE, weights))}, held_out_deciles=())
    locations = pa.RecordBatch.from_pydict({"fold": [0] * ROWS_PER_BATCH})
    networks = []
    for model_weights in weights:
        networks.append(location_network(SHAPE))
        networks[-1].set_weights(model_weights)

    def rate(work: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            work()
            start = time.perf_counter()
            for _ in range(options.batches):
                work()
            return options.batches * ROWS_PER_BATCH / (time.perf_counter() - start)

        return run

    def one_after_another() -> None:
        for network in networks:
            scores = network.predict_on_batch({"features": features, "view_mask": mask})
            np.asarray(predicted_decile(scores)), np.asarray(probabilities(scores))

    ours = rate(lambda: list(together.predict(locations, features, mask)))
    compared = interleaved(ours, rate(one_after_another), options.runs)
    record("prediction", compared, unit="locations/s, 12 outcomes", other_is="one model after another")
    print(f"{NATIONAL_ROWS:,} locations x {OUTCOMES} outcomes: {NATIONAL_ROWS / compared.ours / 60:.0f} minutes")


if __name__ == "__main__":
    main()

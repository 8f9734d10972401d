"""What the page says of the split: which places are measured, and what the models had seen of them."""

from __future__ import annotations

from dataclasses import dataclass

from streetdeciles.config import RunConfig

UNSEEN = "models that had not seen the area", "a model that had not seen its area"


@dataclass(frozen=True)
class SplitWords:
    """`models` ends "predicted by …"; `model` the same of one place, which `places` begins: "… was predicted by".

    `figure` is a tile at the top, if any.
    """

    models: str
    model: str
    places: str
    setting: str
    figure: tuple[str, str] | None = None


def split_words(config: RunConfig) -> SplitWords:
    dataset, folds = config.dataset, config.training.folds
    if dataset.split == "test_only":
        elsewhere = "models that were trained elsewhere"
        setting = "not known: every location is predicted by models of another run"
        return SplitWords(elsewhere, f"the mean of {elsewhere}", "Every location", setting)
    if dataset.held_out_deciles:
        deciles = " or ".join(map(str, sorted(dataset.held_out_deciles)))
        return SplitWords(
            f"models that had seen no place of decile {deciles}",
            f"a model that had seen no place of decile {deciles}",
            f"Every location whose true decile is {deciles}, and no other,",
            f"by class: places of decile {deciles} are held out",
            (f"{len(dataset.held_out_deciles)}", "of ten deciles held out"),
        )
    if dataset.test_share:
        share = f"{100 * dataset.test_share:g} %"
        validation = f", {100 * dataset.validation_share:g} % to validate on" if dataset.validation_share else ""
        return SplitWords(
            *UNSEEN,
            "Every location of the part that is held out, and no other,",
            f"{share} of the locations held out{validation}; all locations of an area are in one part",
            (share, "of the locations held out, in whole areas"),
        )
    every = "Every location"
    figure = f"{dataset.folds}", "folds of whole areas"
    setting = f"{dataset.folds} folds; all locations of an area are in one"
    if folds:
        numbers = ", ".join(map(str, sorted(folds)))
        every = f"Every location of fold {numbers}, and no other,"
        figure = f"{len(folds)} of {dataset.folds}", "folds of whole areas"
        setting += f"; trained and predicted: fold {numbers}"
    return SplitWords(*UNSEEN, every, setting, figure)

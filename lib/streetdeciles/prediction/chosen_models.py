"""Which models predict, and how: the driver sends a `ChosenModels` to the workers."""

from __future__ import annotations

from dataclasses import dataclass

from streetdeciles.models.card import ModelFile


@dataclass(frozen=True)
class ChosenModels:
    """The models in `files`, below the URI `uri`.

    mean: predict with the mean score of all models of an outcome, else with those that have not seen the location's
        fold.
    held_out_deciles: if set, each outcome has one model, which predicts the locations whose decile is one of these.
    """

    uri: str
    files: tuple[ModelFile, ...]
    mean: bool = False
    held_out_deciles: tuple[int, ...] = ()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Each outcome once, in the order of the files."""
        return tuple(dict.fromkeys(file.outcome for file in self.files))

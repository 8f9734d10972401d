"""The run described as the methods section of a paper would: plain sentences, with sources and their licences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from streetdeciles.methods import METHOD_TITLES
from streetdeciles.report.settings import file_name
from streetdeciles.splits.registry import split_of
from streetdeciles.wording import counted, listed

if TYPE_CHECKING:
    from streetdeciles.config import RunConfig
    from streetdeciles.report.collect import Findings
    from streetdeciles.report.panels import Panel

REFERENCE = (
    "Suel E, Polak JW, Bennett JE, Ezzati M (2019). Measuring social, environmental and health inequalities using deep "
    "learning and street imagery. Scientific Reports 9:6229. https://doi.org/10.1038/s41598-019-42036-w"
)


def methods_text(
    findings: Findings,
    config: RunConfig,
    panels: Sequence[Panel],
    *,
    titles: Mapping[str, str],
    sources: Sequence[str],
    versions: Mapping[str, str],
    places: Mapping[str, str],
) -> list[str]:
    """The paragraphs.

    Args:
        titles: the titles of the outcomes, by name.
        sources: the lines that the licences of the published statistics ask for.
        versions: of the software, by name.
        places: the titles of the regions, by name.
    """
    return [
        _data(findings, config, titles, sources, list(places.values())),
        _features(findings, config),
        _models(findings, config),
        _measures(config),
        " ".join(filter(None, (_result(panel, titles, places) for panel in panels))) or "There are no measures.",
        _software(config, versions),
        f"Reference: {REFERENCE}",
    ]


def _data(
    findings: Findings, config: RunConfig, titles: Mapping[str, str], sources: Sequence[str], places: list[str]
) -> str:
    n_areas = len(findings.areas[["region", "area_id"]].drop_duplicates())
    own = "" if sources and not config.labels.titles() else " Some or all of them are from tables of our own."
    published = f" Sources: {'; '.join(sources)}." if sources else ""
    attribution = f" {_sentence(config.report.attribution)}" if config.report.attribution else ""
    return (
        f"The outcomes are published statistics of {n_areas:,} small areas in {listed(places)}: "
        f"{listed(list(titles.values()))}. Each was divided into deciles among the areas of its region, "
        f"where 1 is the most deprived tenth and 10 the least deprived.{published}{own}{attribution}"
    )


def _features(findings: Findings, config: RunConfig) -> str:
    counts = findings.counts
    views = counted(counts["views"], "view")
    if config.dataset.feature_import is not None:
        return (
            f"The features of {counted(counts['locations'], 'location')} with up to {views} each were made by another "
            f"program and imported ({counts['photographs']:,} views, of which "
            f"{counts['photographs'] - counts['rejects']:,} could be used)."
        )
    features = config.features
    used = counts["photographs"] - counts["rejects"]
    weights = {"imagenet": "weights trained on ImageNet"}.get(features.weights, "weights")
    if features.weights.startswith("random:"):
        weights = f"random weights (seed {features.weights.removeprefix('random:')})"
    layer = f", layer {features.layer}" if features.layer else ""
    period = f" from {findings.photographs.period}" if findings.photographs.years else ""
    return (
        f"Of {counts['photographs']:,} street-level photographs{period}, {used:,} could be used; they show "
        f"{counted(counts['locations'], 'location')} with up to {views} each. Every "
        f"photograph was reduced to features by {file_name(features.backbone)} with {weights}{layer}."
    )


def _models(findings: Findings, config: RunConfig) -> str:
    if config.prediction.models:
        return "The locations were predicted by models of another run; a score is the mean of its fold models’ scores."
    training = config.training
    views, locations = ("-".join(map(str, units)) for units in (training.view_units, training.location_units))
    return (
        f"For each outcome a network with dense layers of {views} units for each view and of {locations} for the "
        f"location gave one score, which defines a binomial distribution over the ten deciles (Suel et al. 2019). "
        f"It was trained with a learning rate of {training.learning_rate:g} and noise of {training.noise:g} for "
        f"at most {counted(training.epochs, 'epoch')}{_epochs(findings)}. Held out: "
        f"{_sentence(split_of(config.dataset, training.folds).report_words.setting)}"
    )


def _epochs(findings: Findings) -> str:
    history = findings.history[findings.history["val_loss"].notna()]
    if history.empty:
        return ""
    best = history.loc[history.groupby(["outcome", "fold"])["val_loss"].idxmin(), "epoch"].tolist()
    return (
        f"; the weights of the epoch with the lowest loss on validation areas were kept "
        f"(median {median(best):g}, range {min(best):g} to {max(best):g}, counted from 0)"
    )


def _measures(config: RunConfig) -> str:
    samples = config.evaluation.bootstrap
    intervals = f" Intervals are 95 % intervals of {samples:,} bootstrap samples of areas." if samples else ""
    return (
        f"An area’s predicted decile is the {METHOD_TITLES[config.report.method]} of its locations. Accuracy was "
        f"measured by the mean absolute error in deciles, the share of areas at most one decile off, and Spearman’s "
        f"rank correlation, on predictions by {split_of(config.dataset, config.training.folds).report_words.models}, "
        f"and compared with baselines that learned from the same areas.{intervals}"
    )


def _result(panel: Panel, titles: Mapping[str, str], places: Mapping[str, str]) -> str:
    if not panel.shown:
        return ""

    def value(name: str) -> str:
        measure = panel.headline[name]
        return f"{measure.value} ({measure.interval})" if measure.interval else measure.value

    verdicts: dict[str, list[str]] = {}
    for row in panel.beside:
        if row.verdict:
            verdicts.setdefault(row.verdict, []).append(row.baseline)
    beside = "".join(f"; {verdict} {listed(baselines)}" for verdict, baselines in verdicts.items())
    return (
        f"{titles[panel.outcome]} in {places[panel.region]} ({int(panel.shown['n']):,} areas): mean absolute error "
        f"{value('mae')}, within one decile {value('within_1')}, Spearman’s correlation {value('spearman')}{beside}."
    )


def _software(config: RunConfig, versions: Mapping[str, str]) -> str:
    software = listed([f"{name} {version}" for name, version in versions.items()])
    return f"Software: {software}. All random choices follow from the seed {config.seed}."


def _sentence(text: Any) -> str:
    return f"{str(text).rstrip().rstrip('.')}."

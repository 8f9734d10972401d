"""The page: frames in, one self-contained HTML text out, which loads nothing from the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles.config import RegionFile, RunConfig, input_paths
from streetdeciles.methods import METHOD_TITLES
from streetdeciles.outcomes import OUTCOMES
from streetdeciles.report import colours
from streetdeciles.report.accounting import funnel, tiles
from streetdeciles.report.charts import correlation_line
from streetdeciles.report.map_data import map_data
from streetdeciles.report.panels import MEASURE_TITLES, RegionMap, make_panel
from streetdeciles.splits.registry import split_of

if TYPE_CHECKING:
    from jinja2 import Environment

    from streetdeciles.report.collect import Findings
    from streetdeciles.report.gallery import Thumbnail
    from streetdeciles.report.transfer import TransferChart
    from streetdeciles.run_log import StageReport


@dataclass(frozen=True)
class Run:
    """What the page says about the run besides its findings."""

    reports: list[StageReport]
    versions: dict[str, str]
    created: str
    transfer: Sequence[TransferChart] = ()


def render(
    findings: Findings,
    config: RunConfig,
    run: Run,
    *,
    maps: Sequence[RegionMap],
    gallery: Sequence[Thumbnail],
) -> str:
    """The whole page. Every text in it is escaped, because names of files and locations come from outside."""
    outcomes = config.dataset.outcomes
    titles = outcome_titles(config)
    panels = [
        make_panel(findings, config, region.region, outcome, (r, o))
        for o, outcome in enumerate(outcomes)
        for r, region in enumerate(maps)
    ]
    split = split_of(config.dataset, config.training.folds).report_words
    region_titles = [region_title(region.region) for region in maps]
    environment = _environment()
    environment.filters["without_folders"] = lambda text: _without_folders(text, config)
    scripts = [_source(environment, "vendor/map_library.js"), _page_script(environment)]
    return environment.get_template("report.html.jinja").render(
        config=config,
        run=run,
        findings=findings,
        panels=panels,
        maps=maps,
        gallery=gallery,
        outcomes=[*titles.values()],
        titles=titles,
        sources=_attributions(config),
        tiles=tiles(findings, region_titles, split),
        split=split,
        settings=_settings(config),
        measures=list(MEASURE_TITLES.values()),
        method=METHOD_TITLES[config.report.method],
        line=correlation_line([panel.shown for panel in panels], "spearman"),
        funnel=funnel(findings),
        map_data=map_data(maps, region_titles, titles),
        style=_source(environment, "report.css"),
        scripts=scripts,
        script_hashes=[base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts],
        decile_colours=[(i + 1, colour) for i, colour in enumerate(colours.DECILE_COLOURS)],
    )


def outcome_titles(config: RunConfig) -> dict[str, str]:
    """The title of each outcome: that of the config's own tables, else that of the catalogue."""
    config_titles = config.labels.titles()
    return {
        name: config_titles.get(name) or (OUTCOMES[name].title if name in OUTCOMES else name)
        for name in config.dataset.outcomes
    }


def _attributions(config: RunConfig) -> list[str]:
    """The lines that the licences of the published statistics ask for."""
    config_titles = config.labels.titles()
    published = [OUTCOMES[name] for name in config.dataset.outcomes if name in OUTCOMES and name not in config_titles]
    return [*dict.fromkeys(outcome.publication.attribution for outcome in published)]


def region_title(name: str) -> str:
    """A region's key in the config as a heading: `greater_manchester` is Greater Manchester; other names stay."""
    return name.replace("_", " ").title() if name.islower() else name


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("streetdeciles.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["decile_class"] = colours.decile_class
    environment.filters["text_colour"] = colours.text_colour
    environment.filters["thousands"] = lambda n: f"{n:,}"
    environment.filters["short"] = lambda n: f"{n:,}" if n < 10_000 else f"{n / 1000:,.0f}k"
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["region_title"] = region_title
    environment.filters["duration"] = _duration
    environment.globals["not_known"] = colours.NOT_KNOWN
    return environment


def _source(environment: Environment, name: str) -> Any:
    from markupsafe import Markup

    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # ours, no text from outside


PAGE_SCRIPTS = ("state.js", "layers.js", "drawing.js", "maps.js", "table.js", "page.js")
"""Parts of one script, in the order in which they use each other."""


def _page_script(environment: Environment) -> Any:
    from markupsafe import Markup

    parts = [_source(environment, name) for name in PAGE_SCRIPTS]
    return Markup('"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n")  # ours, no text from outside


def _settings(config: RunConfig) -> list[tuple[str, str]]:
    """What decides the result, in words. No folders: the page may be handed on."""
    features, training = config.features, config.training
    views, locations = ("-".join(map(str, units)) for units in (training.view_units, training.location_units))
    weights = _file_name(features.weights)
    regions = "; ".join(f"{region}: {_region_words(chosen)}" for region, chosen in config.labels.regions.items())
    network = (
        f"{views} per view, {locations} per location; "
        f"learning rate {training.learning_rate:g}, batch size {training.batch_size}, "
        f"at most {training.epochs} epochs, noise {training.noise:g}"
    )
    if config.prediction.models:
        network = "trained elsewhere; the mean score of its fold models"
    return [
        ("Regions", regions),
        ("Published tables", ", ".join(_file_name(table.path) for table in config.labels.tables)),
        ("Outcomes", ", ".join(config.dataset.outcomes)),
        ("Views per location", str(config.images.views)),
        (
            "Features",
            f"{features.backbone}, weights {weights}, precision {features.precision}, kept as {features.store}",
        ),
        ("Network", network),
        ("Held out", split_of(config.dataset, config.training.folds).report_words.setting),
        ("Seed", str(config.seed)),
    ]


def _region_words(chosen: str | list[str] | RegionFile) -> str:
    if isinstance(chosen, RegionFile):
        return f"the areas in {_file_name(chosen.file)}"
    if isinstance(chosen, str):
        return "every area" if chosen == "all" else chosen
    return ", ".join(chosen)


def _without_folders(text: str, config: RunConfig) -> str:
    """`text` of a stage with this machine's paths cut to the names of files: the page may be handed on."""
    paths = [config.work_dir, *(path for _, path in input_paths(config))]
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, _file_name(path))
    return text


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"

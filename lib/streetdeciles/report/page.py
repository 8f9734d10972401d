"""The page: frames in, one self-contained HTML text out, which loads nothing from the network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streetdeciles.config import RunConfig
from streetdeciles.methods import BASELINES, IMPORTED_VIEWS, METHOD_TITLES
from streetdeciles.outcomes import OUTCOMES
from streetdeciles.report import colours
from streetdeciles.report.accounting import funnel, tiles
from streetdeciles.report.charts import correlation_line
from streetdeciles.report.gallery import AT_RANDOM
from streetdeciles.report.map_data import map_data
from streetdeciles.report.methods_text import methods_text
from streetdeciles.report.panels import MEASURE_TITLES, Panel, make_panel
from streetdeciles.report.photographs import pixels_in_words
from streetdeciles.report.plates import plate_box
from streetdeciles.report.region_map import RegionMap
from streetdeciles.report.settings import settings_as_yaml, settings_in_words, without_folders
from streetdeciles.splits.registry import split_of

if TYPE_CHECKING:
    from jinja2 import Environment

    from streetdeciles.report.collect import Findings
    from streetdeciles.report.gallery import Thumbnail
    from streetdeciles.report.share_chart import ShareChart
    from streetdeciles.run_log import StageReport


MAX_PRINTED = 3000
"""With more deciles than this, the page holds no table of all areas for paper."""


@dataclass(frozen=True)
class Run:
    """What the page says about the run besides its findings."""

    reports: list[StageReport]
    versions: dict[str, str]
    created: str
    transfer: Sequence[ShareChart] = ()
    learning_curve: Sequence[ShareChart] = ()


def render(
    findings: Findings, config: RunConfig, run: Run, *, maps: Sequence[RegionMap], gallery: Sequence[Thumbnail]
) -> str:
    """The whole page. Every text in it is escaped, because names of files and locations come from outside."""
    titles = outcome_titles(config)
    panels = _panels(findings, config, maps)
    split = split_of(config.dataset, config.training.folds).report_words
    sources = _attributions(config)
    inputs = IMPORTED_VIEWS if config.replaced_stages else "photographs"
    places = {region.region: region_title(region.region) for region in maps}
    region_titles = [*places.values()]
    environment = _environment()
    environment.filters["without_folders"] = lambda text: without_folders(text, config)
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
        sources=sources,
        tiles=tiles(findings, region_titles, split, inputs),
        inputs=inputs,
        split=split,
        settings=settings_in_words(config, findings.counts["views"]),
        settings_yaml=settings_as_yaml(config),
        methods=methods_text(
            findings, config, panels, titles=titles, sources=sources, versions=run.versions, places=places
        ),
        measures=list(MEASURE_TITLES.values()),
        method=METHOD_TITLES[config.report.method],
        positions=_positions(maps),
        line=correlation_line([panel.shown for panel in panels], "spearman"),
        funnel=funnel(findings, inputs),
        pixels=pixels_in_words([each.size for each in gallery if AT_RANDOM in each.lists and each.size]),
        map_data=map_data(maps, region_titles, titles, findings.locations, config.evaluation.min_locations),
        style=_source(environment, "report.css"),
        scripts=scripts,
        script_hashes=[base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts],
        decile_colours=[(i + 1, colour) for i, colour in enumerate(colours.DECILE_COLOURS)],
    )


def _panels(findings: Findings, config: RunConfig, maps: Sequence[RegionMap]) -> list[Panel]:
    return [
        make_panel(findings, config, region, outcome, (r, o))
        for o, outcome in enumerate(config.dataset.outcomes)
        for r, region in enumerate(maps)
    ]


def _positions(maps: Sequence[RegionMap]) -> dict[tuple[str, str], tuple[int, int]]:
    """By region and area_id: the positions of both in the lists of the page."""
    return {
        (region.region, area_id): (r, i) for r, region in enumerate(maps) for i, area_id in enumerate(region.area_ids)
    }


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
    environment.filters["decile_text"] = lambda decile: "–" if decile is None else f"{decile:g}"
    environment.filters["text_colour"] = colours.text_colour
    environment.filters["plate_box"] = plate_box
    environment.filters["thousands"] = lambda n: f"{n:,}"
    environment.filters["short"] = _short
    environment.filters["signed"] = lambda value: f"{value:+.2f}".replace("-", "−")
    environment.tests["contains"] = lambda values, value: value in values
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["region_title"] = region_title
    environment.filters["file_word"] = lambda name: re.sub(r"[^\w-]+", "_", name)
    environment.filters["duration"] = _duration
    environment.globals |= {
        "not_known": colours.NOT_KNOWN,
        "method_titles": METHOD_TITLES,
        "baselines": BASELINES,
        "max_printed": MAX_PRINTED,
    }
    return environment


def _source(environment: Environment, name: str) -> Any:
    from markupsafe import Markup

    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # ours, no text from outside


PAGE_SCRIPTS = ("state.js", "layers.js", "drawing.js", "maps.js", "table.js", "copied_tables.js", "page.js")
"""Parts of one script, in the order in which they use each other."""


def _page_script(environment: Environment) -> Any:
    from markupsafe import Markup

    parts = [_source(environment, name) for name in PAGE_SCRIPTS]
    return Markup('"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n")  # ours, no text from outside


def _short(n: int) -> str:
    """At most four characters, for the cells of a matrix."""
    if n < 1000:
        return str(n)
    return f"{n / 1000:.0f}k" if n < 999_500 else f"{n / 1e6:.1f}M"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"

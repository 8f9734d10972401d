"""`streetdeciles init`: what it recognises, and a config that a run accepts."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from paths import DATA
from small_run import SmallRun, make_small_run
from streetdeciles.cli import main
from streetdeciles.config_file import load_config
from streetdeciles.doctor.findings import VGG16_FILE
from streetdeciles.errors import RunRefused
from streetdeciles.starter.photographs import Naming, recognise_names

TABLE = DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"
BOUNDARIES = DATA / "boundaries" / "lsoa11_westminster.geojson"


@pytest.fixture(autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ImageNet's weights, as far as is looked at before a run: a file of that name in Keras' cache."""
    folder = tmp_path_factory.mktemp("keras")
    monkeypatch.setenv("KERAS_HOME", str(folder))
    file = folder / "models" / VGG16_FILE.rsplit("/", 1)[1]
    file.parent.mkdir()
    file.touch()
    return file


class Terminal(io.StringIO):
    """Answers that somebody types."""

    def isatty(self) -> bool:
        return True


def named(*views: str, form: str = "{}_{}.jpg") -> list[str]:
    return [form.format(location, view) for location in ("SW1A_1AA", "W2-1", "7") for view in views]


@pytest.mark.parametrize(
    ("names", "naming"),
    [
        (named("0", "1", "2", "3"), Naming("{location_id}_{view}.jpg", 4, None)),
        (named("0", "90", "180", "270"), Naming("{location_id}_{view}.jpg", 4, ["0", "90", "180", "270"])),
        (named("1", "2"), Naming("{location_id}_{view}.jpg", 2, ["1", "2"])),
        (named("a", "b", form="x/y/{}-{}.PNG"), Naming("{location_id}-{view}.png", 2, None)),
        (named("N", "E", "S", "W"), Naming("{location_id}_{view}.jpg", 4, ["e", "n", "s", "w"])),
        (named("0", "1", form="north/{}/{}.jpeg"), Naming("{location_id}/{view}.jpeg", 2, None)),
        ([f"{i:03d}.jpg" for i in range(40)], Naming("{location_id}.jpg", 1, None)),
        (
            [*named("0", "1"), *named("0", "1", form="{}_{}.png"), "a_0.jpg"],
            Naming("{location_id}_{view}.jpg|png", 2, None),
        ),
        (["a_0.jpg", "b_0.jpg", "b_2.jpg"], Naming("{location_id}_{view}.jpg", 3, None)),
    ],
)
def test_names_of_photographs_are_recognised(names: list[str], naming: Naming) -> None:
    assert recognise_names(names) == naming


def test_folder_without_photographs_is_refused() -> None:
    with pytest.raises(RunRefused, match="no photographs found; expected files that end with jpg"):
        recognise_names([])


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    """Photographs of twelve places in Westminster, and their coordinates in locations.csv beside the folder."""
    return make_small_run(tmp_path)


def init(run: SmallRun, *more: str) -> int:
    photographs, out = str(run.folder / "photographs"), str(run.folder / "my.yaml")
    return main(["init", "--photographs", photographs, "--table", str(TABLE), "--out", out, *more])


def test_init_writes_a_config_that_a_run_accepts(run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(run, "--boundaries", str(BOUNDARIES)) == 0
    assert f"next: streetdeciles run --config {run.folder}/my.yaml --dry-run" in capsys.readouterr().out.replace(
        "\n", ""
    )
    config = load_config(str(run.folder / "my.yaml"))
    assert config.labels.regions == {"westminster": ["Westminster"]}
    assert config.dataset.outcomes == ["imd"]
    assert (config.images.pattern, config.images.views) == ("{location_id}_{view}.jpg", 2)
    text = (run.folder / "my.yaml").read_text()
    assert 'locations: "locations.csv"' in text
    assert "imd_crime, imd_education," in text


def test_init_says_that_weights_are_missing(
    run: SmallRun, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.unlink()
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert init(run, "--boundaries", str(BOUNDARIES)) == 0
    assert "before a run: features.weights: imagenet: cannot download" in capsys.readouterr().out


def test_init_never_overwrites(run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "my.yaml").write_text("mine")
    assert init(run) == 2
    assert "my.yaml: is there already and is not overwritten" in capsys.readouterr().err
    assert (run.folder / "my.yaml").read_text() == "mine"


def test_init_without_a_terminal_names_the_option_that_it_needs(
    run: SmallRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert init(run) == 2
    assert "init needs --boundaries, and there is no terminal to ask" in capsys.readouterr().err
    assert not (run.folder / "my.yaml").exists()


def test_init_asks_for_what_it_needs(run: SmallRun, monkeypatch: pytest.MonkeyPatch) -> None:
    (run.folder / "locations.csv").rename(run.folder / "places.txt")
    answers = [run.folder / "photographs", TABLE, run.folder / "places.txt", BOUNDARIES]
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{answer}\n" for answer in answers)))
    assert main(["init", "--out", str(run.folder / "my.yaml")]) == 0
    assert load_config(str(run.folder / "my.yaml")).labels.locations == str(run.folder / "places.txt")


def test_init_leaves_nothing_that_a_run_would_refuse(run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    """Locations that no photograph has."""
    (run.folder / "locations.csv").write_text("location_id,area_id\nA,E01004736\nB,E01004660\n")
    assert init(run) == 2
    assert not (run.folder / "my.yaml").exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_init_keeps_awkward_names(run: SmallRun) -> None:
    odd = run.folder / 'a "b": {c} # 100%'
    (run.folder / "photographs").rename(odd)
    out = run.folder / "my.yaml"
    options = ["--photographs", str(odd), "--table", str(TABLE), "--boundaries", str(BOUNDARIES), "--out", str(out)]
    assert main(["init", *options]) == 0
    assert load_config(str(out)).images.folder == str(odd)

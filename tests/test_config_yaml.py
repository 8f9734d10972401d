"""Configs that are damaged or made to exhaust: each is refused quickly with one line, or is a config within bounds."""

from __future__ import annotations

import math
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streetdeciles.cli import main
from streetdeciles.config import RunConfig
from streetdeciles.config_file import load_config
from streetdeciles.config_yaml import MAX_BYTES, MAX_NODES, parse_yaml
from streetdeciles.errors import RunRefused

SECONDS = 1.0
LAUGHS = "seed: [&a0 [x,x,x,x,x,x,x,x,x,x]" + "".join(f", &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9))
MANY_KEYS = "labels: {regions: {" + ", ".join(f"r{n}: [x]" for n in range(20_000)) + "}}"
LARGEST = "".join(f"k{n}: 1\n" for n in range(MAX_NODES // 2 - 10))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"{LAUGHS}]", "more than 5,000 keys and values"),
        (MANY_KEYS, "larger than 128 KB"),
        (MANY_KEYS[:MAX_BYTES], "more than 5,000 keys and values"),
        (LARGEST, "and 2,4"),
        ("work_dir: " + "[" * 5_000 + "]" * 5_000, "nested more than 20 levels deep"),
        ("work_dir: " + "{a: " * 5_000, "nested more than 20 levels deep"),
        ("- " * 5_000, "nested more than 20 levels deep"),
        ("seed: &a [*a]", "the alias *a is part of what it stands for"),
        ("a: &a {b: 1}\nc: {<<: *a}", "merge keys (<<) are not supported"),
        ("seed: 2026-99-99", "line 1, column 7: '2026-99-99' is not a value (month must be in 1..12)"),
        ("seed: 2026-01-01t00:00:00+99:99", "is not a value"),
        ("seed: " + "9" * 5_000, "a number of more than 30 digits"),
        ("seed: 0x" + "f" * 5_000, "a number of more than 30 digits"),
        ("seed: " + ":".join(["59"] * 5_000), "a number of more than 30 digits"),
        ("seed: !!python/object/apply:os.system [true]", "a tag, tag:yaml.org,2002:python/object/apply:os.system"),
        ("seed: !!int x", "a tag, tag:yaml.org,2002:int"),
        ("seed: !!timestamp x", "a tag, tag:yaml.org,2002:timestamp"),
        ("? [a]\n: 1", "a key must be a word"),
        ("? {a: 1}\n: 1", "a key must be a word"),
        ('work_dir: "a\\0b"', "holds a NUL"),
        ('"a\\0b": 1', "holds a NUL"),
        ('work_dir: "\\ud800"', "half a character"),
        ("report: {title: caf\xe9}".encode("latin-1"), "byte 20 is not UTF-8; save the file as UTF-8"),
        ("seed: 1".encode("utf-16"), "byte 1 is not UTF-8"),
        ("seed: 1".encode("utf-32"), "byte 1 is not UTF-8"),
        (b"seed: \x00", "not valid YAML: character 7 is 0, which no text has"),
        ("seed: 1:30", "1:30 would be a number to the base 60; put text in quotes"),
        ("a: 1\n--- \nb: 1", "expected a single document"),
        ("", "expected a mapping with the keys"),
        ("a[b: 1", "a[b: unknown key"),
        ("labels: {'a[b': 1}", "labels.a[b: unknown key"),
        ('"error: x\\n\\e[31m": 1', r"error: x\n\x1b[31m: unknown key"),
    ],
)
def test_hostile_yaml_is_refused_within_a_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, expected: str
) -> None:
    config = tmp_path / "run.yaml"
    config.write_bytes(content if isinstance(content, bytes) else content.encode())
    start = time.process_time()
    assert main(["run", "--config", str(config)]) == 2
    assert time.process_time() - start < SECONDS
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {config}: ")
    assert expected in line
    assert line.isprintable()
    assert len(line) < 5_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"work_dir": "foo://x/y"}, "work_dir: foo://x/y: unknown protocol foo"),
        ({"images": {"folder": "foo://x/y"}}, "images.folder: foo://x/y: cannot be looked up (Protocol not known: foo"),
        ({"images": {"folder": "a" * 5_000}}, "no such file or folder"),
        ({"work_dir": "a" * 5_000}, ": nothing can be written there (File name too long)"),
        ({"work_dir": " "}, "work_dir is empty"),
        ({"labels": {"regions": {2019: ["x"]}}}, "should be a valid string, got 2019; put it in quotes"),
        ({"dataset": {"outcomes": [False]}}, "should be a valid string, got False; put it in quotes"),
        ({"seed": date(2026, 1, 1)}, "seed: input should be a valid integer, got datetime.date(2026, 1, 1)"),
        ({"training": {"learning_rate": math.inf}}, "training.learning_rate: input should be a finite number"),
        ({"training": {"noise": math.nan}}, "training.noise: input should be a finite number"),
    ],
)
def test_value_that_no_run_can_have_is_refused(
    tmp_path: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str], changes: dict[str, Any], expected: str
) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values | changes))
    assert main(["run", "--config", str(tmp_path / "run.yaml")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_circle_of_links_is_refused(tmp_path: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values | {"images": {"folder": "circle/x"}}))
    assert main(["run", "--config", str(tmp_path / "run.yaml")]) == 2
    assert "a path cannot be resolved" in capsys.readouterr().err


def test_config_that_is_a_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", str(tmp_path)]) == 2
    assert "cannot read the config (Is a directory)" in capsys.readouterr().err


def test_many_problems_are_named_up_to_ten(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("".join(f"k{n}: 1\n" for n in range(100)))
    with pytest.raises(RunRefused) as refused:
        load_config(str(tmp_path / "run.yaml"))
    assert str(refused.value).count("unknown key") + str(refused.value).count("is missing") == 10
    assert str(refused.value).endswith("; and 94 more")


def test_aliases_repeat_values_within_bounds() -> None:
    assert parse_yaml(b"a: &x [1, {b: 2}]\nc: *x\nd: [*x, *x]") == {
        "a": [1, {"b": 2}],
        "c": [1, {"b": 2}],
        "d": [[1, {"b": 2}], [1, {"b": 2}]],
    }


def test_byte_order_mark_of_utf_8_is_skipped() -> None:
    assert parse_yaml("\ufeffa: ä".encode()) == {"a": "ä"}


def extent(value: Any) -> tuple[int, int]:
    """Nodes and depth of plain values."""
    if isinstance(value, dict | list):
        held = [*value, *value.values()] if isinstance(value, dict) else value
        inner = [extent(one) for one in held]
        return 1 + sum(nodes for nodes, _ in inner), 1 + max((depth for _, depth in inner), default=0)
    return 1, 1


FRAGMENTS = st.sampled_from(
    [*"&*-:?[]{}|>!%@`\"'#,~ \n\t\\", "&a ", "*a", "- ", ": ", "? ", "\n  ", "<<: ", "---\n", "...\n", "%YAML 1.1\n"]
    + ["!!int ", "!!binary ", "seed", "work_dir", "1:2:3", "2026-99-99", "0x", "0b2", "1e999", "=", "\u2028", "é"]
)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100), st.lists(FRAGMENTS, max_size=40).map("".join)))
def test_any_text_is_values_within_bounds_or_one_error(content: bytes | str) -> None:
    try:
        values = parse_yaml(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
    except ValueError:
        return
    nodes, depth = extent(values)
    assert nodes <= MAX_NODES
    assert depth <= 20


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.datetimes(), st.binary()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_is_a_config_or_one_line(data: st.DataObject, tmp_path: Path) -> None:
    for name in ("table.csv", "locations.csv"):
        (tmp_path / name).write_text("x\n")
    section = data.draw(st.sampled_from([*RunConfig.model_fields]))
    fields = getattr(RunConfig.model_fields[section].annotation, "model_fields", {})
    value = data.draw(VALUES)
    if fields and data.draw(st.booleans()):
        value = {data.draw(st.sampled_from([*fields])): value}
    values = {
        "work_dir": "out",
        "labels": {
            "tables": [{"path": "table.csv"}],
            "regions": {"bury": ["Bury"]},
            "locations": "locations.csv",
        },
        "images": {"folder": "."},
        "dataset": {"outcomes": ["imd"]},
    }
    merged = {**values.get(section, {}), **value} if isinstance(value, dict) and section != "work_dir" else value
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({**values, section: merged}))
    error: RunRefused | None = None
    try:
        load_config(str(tmp_path / "run.yaml"))
    except RunRefused as refused:
        error = refused
    assert str(error).isprintable()


def test_numbers_with_leading_zeros_are_decimal() -> None:
    assert parse_yaml(b"[000, 045, 090, 0_7_, -010, 0x10]") == [0, 45, "090", 7, -10, 16]


def test_numbers_with_an_exponent_need_no_point() -> None:
    assert parse_yaml(b"[1e-3, 1.5E2, .5e1, -2.e0, '1e-3', 1e, e3]") == [0.001, 150.0, 5.0, -2.0, "1e-3", "1e", "e3"]


def test_config_that_is_a_pipe_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "run.yaml")
    assert main(["run", "--config", str(tmp_path / "run.yaml")]) == 2
    assert "the config is not a regular file" in capsys.readouterr().err

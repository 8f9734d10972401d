"""Names and secrets of others: on a terminal, in logs, in CSV files and in the saved config."""

from __future__ import annotations

import json
import logging
import stat
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_files import write_config
from small_run import SmallRun, photograph
from streetdeciles.cli import main
from streetdeciles.csv_cells import safe_cell, text_of_cell, write_rows
from streetdeciles.errors import RunFailed, RunRefused, one_line_error, reason
from streetdeciles.features.ledger import read_failures, write_failure
from streetdeciles.logs import JsonFormatter
from streetdeciles.run_log import StageReport, record
from streetdeciles.shown import LogFormatter, hide_secrets_in, is_secret, shown, without_secrets
from streetdeciles.terminal import say, show_table

FORGED = "x\nerror: all is lost\r\x1b[31m\u202e[bold]\u2028\x85.jpg"
ESCAPED = r"x\nerror: all is lost\r\x1b[31m\u202e[bold]\u2028\x85.jpg"


def test_control_characters_are_escaped() -> None:
    assert shown(FORGED) == ESCAPED
    assert shown("Orte_München (2).csv = 100 %") == "Orte_München (2).csv = 100 %"
    assert str(RunRefused(f"{FORGED}: no such file")) == f"{ESCAPED}: no such file"


@settings(deadline=None)
@given(st.text())
def test_any_text_is_shown_in_one_printable_line(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(shown(text)) == shown(text)
    assert str(one_line_error(ValueError(text))).isprintable()


def test_log_record_is_one_line_and_its_trace_is_indented() -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter("%(levelname)s %(message)s"))
    logger = logging.Logger("test")  # noqa: LOG001 - of its own
    logger.addHandler(handler)
    try:
        raise ValueError(f"{FORGED}\nINFO forged")
    except ValueError:
        logger.exception("photograph %s", FORGED)
    first, *trace = stream.getvalue().splitlines()
    assert first == f"ERROR photograph {ESCAPED}"
    assert all(line.startswith("    ") and line.isprintable() for line in trace)
    assert trace[-1] == "    INFO forged"


@pytest.mark.parametrize("formatter", [LogFormatter("%(message)s"), JsonFormatter()])
def test_trace_with_any_name_and_a_secret_of_many_lines_can_be_written(
    formatter: logging.Formatter, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "-----BEGIN-----\nplanted-key\n-----END-----"
    monkeypatch.setenv("SERVICE_PRIVATE_KEY", secret)
    hide_secrets_in({}, by_key=())
    try:
        raise ValueError(f"photo_\udcff\u202e.jpg: {secret}")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    text = formatter.format(record)
    assert b"photo_" in text.encode("utf-8")
    assert "\u202e" not in text
    assert "planted" not in text


def test_table_and_line_on_the_terminal_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"  {FORGED}", bold="[red]features")
    show_table(("name", "count"), [(FORGED, 1)], title=FORGED, numbers=1)
    output = capsys.readouterr().out
    assert output.startswith(f"[red]features  {ESCAPED}\n")
    assert output.count(ESCAPED) == 3
    assert all(line.isprintable() for line in output.split("\n"))


@pytest.mark.parametrize(
    "key",
    [
        *("spark.hadoop.fs.s3a.secret.key", "spark.hadoop.fs.s3a.access.key", "spark.authenticate.secret", "sig"),
        *("fs.azure.account.key.x.dfs.core.windows.net", "fs.azure.sas.container.account", "spark.ssl.keyPassword"),
        *("spark.databricks.token", "fs.azure.account.oauth2.client.secret", "X-Amz-Credential", "X-Amz-Signature"),
        *("clientKey", "AccountKey", "pwd", "PASSPHRASE"),
    ],
)
def test_keys_of_secrets_are_known(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["spark.sql.shuffle.partitions", "spark.ssl.keyStore", "spark.authenticate", "monkey"])
def test_other_keys_are_shown(key: str) -> None:
    assert not is_secret(key)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:pass@host/a?b=1", "https://me:***@host/a?b=1"),
        ("https://:token@host/a", "https://:***@host/a"),
        ("https://ghp_token@host/a", "https://***@host/a"),
        ("s3a://KEY:SE/CRET@bucket/x", "s3a://KEY:SE/CRET@bucket/x"),
        ("abfss://container@account.dfs.core.windows.net/x", "abfss://container@account.dfs.core.windows.net/x"),
        ("https://a/b?sv=2024&sig=abc%3D&se=1", "https://a/b?sv=2024&sig=***&se=1"),
        ("https://a/b?X-Amz-Signature=abc", "https://a/b?X-Amz-Signature=***"),
        ("-Djavax.net.ssl.trustStorePassword=abc -Xmx1g", "-Djavax.net.ssl.trustStorePassword=*** -Xmx1g"),
        ('required password="a b";', "required password=***;"),
        ("AccountName=a;AccountKey=abc==;End=x", "AccountName=a;AccountKey=***;End=x"),
        ("/photographs/a=b/12:30:00@x.jpg", "/photographs/a=b/12:30:00@x.jpg"),
    ],
)
def test_passwords_in_texts_are_left_out(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert without_secrets({"path": [text]}) == {"path": [expected]}


def test_formulas_in_text_cells_are_text() -> None:
    text = StringIO()
    write_rows(text, [["=cmd|' /C calc'!A0", "+1+1", "-x", "@SUM(1)", "\tx"], ["-5", "+1.5", "00012", -5, 1.5]])
    assert text.getvalue() == ("'=cmd|' /C calc'!A0,'+1+1,'-x,'@SUM(1),'\tx\n-5,+1.5,00012,-5,1.5\n")


@settings(deadline=None)
@given(st.text() | st.text(alphabet="'=+-@\t\r\n1a."))
def test_text_of_a_cell_comes_back(text: str) -> None:
    cell = safe_cell(text)
    assert isinstance(cell, str)
    assert text_of_cell(cell) == text


def test_secrets_are_in_no_file_of_a_run(small_run: SmallRun) -> None:
    secrets = {"spark.hadoop.fs.s3a.secret.key": "hush-1", "spark.driver.extraJavaOptions": "-Dx.password=hush-2"}
    small_run.set(spark={"conf": {**secrets, "spark.sql.shuffle.partitions": "3"}})
    assert small_run.main("run", "--to", "images") == 0
    config = small_run.work_dir / "config.json"
    conf = json.loads(config.read_text())["spark"]["conf"]
    assert conf == {
        "spark.hadoop.fs.s3a.secret.key": "***",
        "spark.driver.extraJavaOptions": "-Dx.password=***",
        "spark.sql.shuffle.partitions": "3",
    }
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    files = [file for file in small_run.work_dir.rglob("*") if file.is_file()]
    assert not [file for file in files if b"hush" in file.read_bytes()]
    assert small_run.main("run", "--to", "images") == 0


def test_secrets_are_not_in_a_refusal(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    for spark in ({"conf": {"fs.secret.key": 123456}}, {"conf": [{"fs.secret.key": "123456"}]}):
        small_run.set(spark=spark)
        assert small_run.main("run") == 2
        output = capsys.readouterr().err
        assert "spark.conf" in output
        assert "123456" not in output
    assert "123456" not in str(RunFailed("https://a:123456@b cannot be read"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run --config x --fs.s3a.secret.key=planted", "unrecognized arguments: --fs.s3a.secret.key=***"),
        ("run --config x --token planted -planted --so", "unrecognized arguments: --token *** *** --so"),
        ("run --config x -c spark.hadoop.fs.secret.key=planted", "-c spark.hadoop.fs.secret.key=***"),
        (
            "run --config https://me:planted@127.0.0.1:9/x.yaml --speed https://a?sig=planted",
            "--speed https://a?sig=***",
        ),
        ("s3://me:planted@bucket/x run", "invalid choice: 's3://me:***@bucket/x'"),
        ("run --config x --to https://planted@host/x", "invalid choice: 'https://***@host/x'"),
        ("run --config x --debug=password=planted", "ignored explicit argument 'password=***'"),
        ("plan --config x --photographs sig=planted", "invalid int value: 'sig=***'"),
    ],
)
def test_secrets_among_wrong_arguments_are_left_out(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    error = capsys.readouterr().err
    assert said in error
    assert "planted" not in error


def test_password_of_the_command_line_is_left_out_where_its_uri_is_not() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "--config", "https://me:planted-in-argv@host/x.yaml", "--so"])
    assert shown("cannot log in with planted-in-argv") == "cannot log in with ***"


def test_secret_of_a_config_is_left_out_where_its_key_is_not(
    tmp_path: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    conf = {"spark.hadoop.fs.s3a.secret.key": ["planted-in-a-list"], "spark.proxy.token": "planted-alone-77"}
    path = write_config(tmp_path, {**values, "spark": {"conf": conf, "master": "https://me:planted-in-uri@host"}})
    assert main(["run", "--config", str(path), "--debug"]) == 2
    output = capsys.readouterr().err
    assert "Traceback" in output
    assert "planted" not in output
    assert shown("bad value planted-alone-77 of planted-in-uri") == "bad value *** of ***"


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_CONNECTION_STRING", "DATABRICKS_TOKEN", "MLFLOW_TRACKING_PASSWORD"]
)
def test_credentials_of_the_environment_are_left_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, f"/planted/in+{name}")
    monkeypatch.setenv("https_proxy", f"http://me:planted-proxy-{name}@proxy:8080")
    hide_secrets_in({"images": {"folder": "https://me:planted%2Fquoted@host/"}}, by_key=())
    said = f"bad key /planted/in+{name} for planted/quoted, planted-proxy-{name}"
    assert shown(said) == "bad key *** for ***, ***"


def test_path_of_credentials_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    hide_secrets_in({}, by_key=())
    assert shown(f"{tmp_path}: not found") == f"{tmp_path}: not found"


def test_secret_that_would_be_cut_is_left_out(
    tmp_path: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"https://me:planted-{'x' * 60}@host/grid.weights?sig=planted"
    assert "planted" not in reason(OSError(f"cannot open {address}"), 50)
    path = write_config(tmp_path, {**values, "features": {"backbone": address}})
    assert main(["run", "--config", str(path), "--debug"]) == 2
    output = capsys.readouterr().err
    assert "features.backbone: must be " in output
    assert "xxx" not in output
    assert "planted" not in output


def test_why_a_shard_failed_and_notes_are_stored_without_secrets(tmp_path: Path) -> None:
    address = "https://me:planted-password@host/a.jpg?sig=planted-signature"
    write_failure(str(tmp_path), 3, f"{address}: cannot be read")
    record(str(tmp_path), StageReport("images", notes=[f"{address} is left out"]), "x")
    assert read_failures(str(tmp_path)) == {3: "https://me:***@host/a.jpg?sig=*** cannot be read"}
    assert not [file for file in tmp_path.rglob("*.json") if "planted" in file.read_text()]


@pytest.mark.parametrize("command", [("run", "--to", "features")])
def test_name_of_a_photograph_forges_no_line(
    small_run: SmallRun, capfd: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    folder = small_run.folder / "photographs"
    (folder / FORGED).write_bytes(photograph("x"))
    (folder / FORGED.replace("x", "y_1", 1)).write_bytes(b"not a picture")
    (folder / "00000_0.jpg").write_bytes(b"not a picture")
    assert small_run.main(*command, "--debug") == 0
    out, err = capfd.readouterr()
    log = (small_run.work_dir / "logs" / "run.log").read_text()
    for line in "".join((out, err, log)).split("\n"):
        assert line.isprintable(), line
        assert not line.startswith("error:")


def test_name_of_the_config_forges_no_line(small_run: SmallRun, capsys: pytest.CaptureFixture[Any]) -> None:
    small_run.set(labels={"locations": FORGED})
    assert small_run.main("run") == 2
    *_, line, end = capsys.readouterr().err.split("\n")
    assert ESCAPED in line
    assert end == ""

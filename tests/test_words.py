"""Texts are plain English: words and phrases that were replaced stay out."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
READ_BY_USERS = ("lib", "jobs", "docs", "conf", "examples", "deploy", "README.md", "CHANGELOG.md")
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".jinja", ".js", ".sql", ".sh"}

MAX_NAME = 70
"""Characters in the name of a test."""

BANNED = {
    r"\btold\b": "name the thing: digest, batches, note, label",
    r"\bstands? (twice|once|beside|there|here)\b": "appears twice; is beside",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bmade anew\b|\banew\b": "again; recomputed",
    r"\bsee to it that\b": "make sure that",
    r"\bby lot\b": "at random",
    r"\bby heart\b": "overfit",
    r"\bis no (number|place)\b": "is not a number",
    r"\bwhat is none\b|\bis none of\b": "say what it is",
    r'"""Of (the|a|an|each|all|what|which|several) ': "a sentence with a verb",
    r"_A_(BATCH|PIXEL|TASK|FILE|SHARD|PARAMETER)\b": "_PER_",
    r"\b(MOST|LEAST)_[A-Z]": "MAX_, MIN_",
    r"\beach by itself\b": "before averaging",
    r"\bwith what it holds\b": "with its content",
    r"\bnothing is wrong\b": "Ready to run",
    r"\bas ledger\b": "one name per module",
    r"\batom of\b": "unit of",
    r"'s (own )?words\b": "output",
    r"\b(has|have) not[;:.,]": "lacks",
    r"\bparted (by|into|in)\b": "divided, split",
    r"(?<!there )\b(is|are) no (archive|photograph|reject|preset|table)s?\b": "is not a photograph",
    r"\bread where (it|they) lies?\b": "in place",
    r"\bthe one door\b": "the only module that …",
    r"\bwhile it worked\b": "while extracting",
    r"\blook before you leap\b": "say what to do",
    r"\bUp to here\b": "up to this size",
    r"\ba word with\b": "asks the server",
    r"\bdies with\b": "ends with",
    r"\ba (row|line|file|model|polygon) a (photograph|location|view|area|model|stage|worker)\b": "one … per …",
    r"\b(after|at most|keep|of|up to) so (many|much)\b": "this number of",
    r"\b[Nn]one of (any other|those|what)\b|\bwhere it is none\b": "None for any other; None if it is not one",
    r"\bnobody says\b": "not known",
    r"\bis no Parquet\b": "is not Parquet",
}


def texts() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *READ_BY_USERS], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [REPOSITORY / name for name in listed.stdout.split("\0") if Path(name).suffix in SUFFIXES]


@pytest.mark.parametrize("pattern", BANNED)
def test_no_text_holds_a_banned_phrase(pattern: str) -> None:
    hits = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert not hits, f"say it in plain words ({BANNED[pattern]}):\n" + "\n".join(hits)


def test_every_word_of_the_readme_is_in_the_glossary() -> None:
    words = re.findall(r"^\| ([a-z ]+) \|", (REPOSITORY / "README.md").read_text().split("## Words")[1], re.MULTILINE)
    glossary = (REPOSITORY / "docs" / "glossary.md").read_text()
    assert words
    assert [word for word in words if word != "word" and f"| {word} |" not in glossary] == []


def test_modules_of_tests_have_a_docstring_and_tests_short_names() -> None:
    undescribed, long = [], []
    for path in [*REPOSITORY.glob("tests/**/*.py"), *REPOSITORY.glob("examples/**/test_*.py")]:
        module = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
        undescribed += [] if ast.get_docstring(module) else [path.name]
        long += [name for name in functions if name.startswith("test_") and len(name) >= MAX_NAME]
    assert undescribed == []
    assert long == []

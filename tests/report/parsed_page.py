"""An HTML page as a tree of elements, read by Python's own parser: what a test asks of a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parts: list[Element | str] = field(default_factory=list)

    def everything(self) -> Iterator[Element]:
        """This element and all in it, in the order of the page."""
        yield self
        for part in self.parts:
            if isinstance(part, Element):
                yield from part.everything()

    def find(self, tag: str, css_class: str | None = None, **attributes: str) -> list[Element]:
        """Elements of this tag, class and these attributes (`data_outcome` is data-outcome)."""
        expected = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.everything()
            if element.tag == tag
            and (css_class is None or css_class in element.attributes.get("class", "").split())
            and expected.items() <= element.attributes.items()
        ]

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        return " ".join(" ".join(part if isinstance(part, str) else part.text for part in self.parts).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].parts.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        closed = self.open.pop()
        assert closed.tag == tag, f"</{tag}> closes <{closed.tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def parse(html: str) -> Element:
    """The page's tree; fails where an end tag is missing or out of place."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is not closed"
    return reader.open[0]

"""A small builder of HTML pages: a title, paragraphs, pictures with captions, tables. One file, no scripts.

    page = Page("A run", "What one sees here.")
    page.heading("Samples")
    page.pictures([("grid.png", "after 1000 steps")])
    page.table(["step", "loss"], [[1000, 0.69]])
    page.save("index.html")

Pictures are put into the page itself unless `embed=False`, which refers to the files beside it.
"""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from minigrad.files import write_text

MIME = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}

ROOT = Path(__file__).resolve().parents[2]  # of the repository, or of what is installed

UNEVEN = 8  # times enlarged: from here on one does not see that some pixels are larger than others

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #fdfdfb; --faint: #6b6b70; --line: #dcdcd6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e6; --paper: #18181a; --faint: #9a9aa0; --line: #3a3a3e; }
}
body { max-width: 62rem; margin: 2.5rem auto; padding: 0 1.2rem; color: var(--ink); background: var(--paper);
       font: 17px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.9rem; line-height: 1.2; } h2 { font-size: 1.3rem; margin-top: 2.4rem; }
p { max-width: 44rem; } p.lead { color: var(--faint); font-size: 1.1rem; }
.row { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start; }
figure { margin: 0.6rem 0; max-width: 100%; }
figure img { max-width: 100%; height: auto; border-radius: 4px; }
figcaption { color: var(--faint); font-size: 0.9rem; max-width: 32rem; }
img.pixels { image-rendering: pixelated; }
.scroll { overflow-x: auto; }
details { margin: 0.8rem 0; } summary { cursor: pointer; min-height: 2rem; }
a { color: #2a78d6; } .faint { color: var(--faint); font-size: 0.9rem; } code { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid var(--line); text-align: left;
         overflow-wrap: normal; }
caption { caption-side: bottom; text-align: left; color: var(--faint); padding-top: 0.4rem; }
pre { background: color-mix(in srgb, var(--ink) 7%, transparent); padding: 0.8rem 1rem; overflow-x: auto;
      border-radius: 4px; font-size: 0.88rem; }
"""

Source = str | os.PathLike[str] | Image.Image


class Page:
    """A page under construction; `save` writes it. Text is plain: it is escaped, never read as HTML."""

    def __init__(self, title: str, lead: str = "") -> None:
        self.title = title
        self._parts: list[Any] = [f"<h1>{html.escape(title)}</h1>"]
        if lead:
            self._parts.append(f'<p class="lead">{html.escape(lead)}</p>')

    def heading(self, text: str) -> None:
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def paragraph(self, text: str) -> None:
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def code(self, text: str, folded: str = "") -> None:
        """Text with its line breaks kept: a command, or a printed table. folded: if given, only this line is seen until
        it is opened."""
        block = f"<pre>{html.escape(text)}</pre>"
        summary = f"<details><summary>{html.escape(folded)}</summary>{block}</details>"
        self._parts.append(summary if folded else block)

    def sources(self, paths: Sequence[str]) -> None:
        """The program's files that the page is about, by their paths in the repository; links where they are there."""
        self._parts.append(list(paths))

    def picture(self, source: Source, caption: str = "", width: int | None = None, pixels: bool = False) -> None:
        """One picture: a file or a Pillow image. width: on the page; pixels: enlarge without blurring, to the whole
        multiple of its own size that is nearest to the width."""
        self.pictures([(source, caption)], width, pixels)

    def pictures(self, pictures: Sequence[tuple[Source, str]], width: int | None = None, pixels: bool = False) -> None:
        """Pictures with captions, side by side where the window is wide enough."""
        self._parts.append(tuple((source, caption, width, pixels) for source, caption in pictures))

    def table(self, header: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str = "") -> None:
        """A table; numbers are shown with four significant digits."""
        head = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        note = f"<caption>{html.escape(caption)}</caption>" if caption else ""
        self._parts.append(
            f'<div class="scroll"><table>{note}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def save(self, path: str | os.PathLike[str], embed: bool = True) -> None:
        """Write the page, whole or not at all. embed: pictures inside the page, else referred to as files.

        Errors: ValueError when a picture's file is missing or of a format that browsers do not show.
        """
        folder = Path(path).resolve().parent
        parts = [_part(part, folder, embed) for part in self._parts]
        text = (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{STYLE}</style></head>\n<body>\n"
            + "\n".join(parts)
            + "\n</body></html>\n"
        )
        write_text(path, text)


def _part(part: Any, folder: Path, embed: bool) -> str:
    """A part of a page as HTML: text that is HTML already, pictures (a tuple), or paths of sources (a list)."""
    if isinstance(part, str):
        return part
    if isinstance(part, tuple):
        return _row(part, folder, embed)
    return f'<p class="faint">The program: {", ".join(_source(path, folder) for path in part)}</p>'


def _source(path: str, folder: Path) -> str:
    text = f"<code>{html.escape(path)}</code>"
    if not (ROOT / path).is_file():
        return text
    way = Path(os.path.relpath(ROOT / path, folder)).as_posix()
    return f'<a href="{html.escape(way)}">{text}</a>'


def _row(pictures: tuple[tuple[Source, str, int | None, bool], ...], folder: Path, embed: bool) -> str:
    return '<div class="row">' + "".join(_figure(*picture, folder, embed) for picture in pictures) + "</div>"


def _figure(source: Source, caption: str, width: int | None, pixels: bool, folder: Path, embed: bool) -> str:
    if width and pixels:
        own = source.width if isinstance(source, Image.Image) else _width(Path(source))
        width = own * max(1, round(width / own)) if width < UNEVEN * own else width
    attributes = f' width="{width}"' if width else ""
    attributes += ' class="pixels"' if pixels else ""
    image = f'<img src="{_address(source, folder, embed)}" alt="{html.escape(caption)}"{attributes}>'
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _width(path: Path) -> int:
    """A picture file's width in pixels, 1 where it cannot be read."""
    try:
        with Image.open(path) as image:
            return image.width
    except OSError:
        return 1


def _address(source: Source, folder: Path, embed: bool) -> str:
    """What goes into `src`: the picture itself as a data address, or the way from the page to its file."""
    if isinstance(source, Image.Image):
        buffer = io.BytesIO()
        source.save(buffer, format="PNG")
        return _data_address(buffer.getvalue(), "image/png")
    path = Path(source)
    if path.suffix.lower() not in MIME:
        raise ValueError(f"Page: {path} is not a picture that browsers show ({', '.join(MIME)})")
    if not path.is_file():
        raise ValueError(f"Page: the picture {path} is not there")
    if embed:
        return _data_address(path.read_bytes(), MIME[path.suffix.lower()])
    return html.escape(Path(os.path.relpath(path.resolve(), folder)).as_posix())


def _data_address(content: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _cell(value: Any) -> str:
    return html.escape(f"{value:.4g}" if isinstance(value, float) else str(value))

"""A report's Markdown as one HTML page: pictures within, no script, nothing loaded from elsewhere."""

import html
import re
from collections.abc import Mapping

from markdown_it import MarkdownIt

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1,h2,h3{line-height:1.2}h2{margin-top:2.2rem;border-bottom:1px solid #d5dbe3}
table{border-collapse:collapse;margin:1rem 0;font-size:.92rem;display:block;overflow-x:auto}
th,td{padding:.3rem .7rem;border-bottom:1px solid #d5dbe3;text-align:left;vertical-align:top}
img{max-width:100%;height:auto}
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, markdown: str, pictures: Mapping[str, str]) -> str:
    """Make the page; `pictures` are the addresses, with the data in them, of the files that the Markdown shows.

    HTML in the Markdown is shown as text, so that nothing which a plan's author wrote can act in the page.
    """
    body = str(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))
    shown = re.sub(r'src="([^"]*)"', lambda found: f'src="{pictures.get(found[1], "")}"', body)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>\n{shown}</body></html>\n"
    )

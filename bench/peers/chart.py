"""The bars: calls per second of each entry, for a terminal and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from .figures import Results, line

_FULL, _PARTS = "█", " ▏▎▍▌▋▊▉"
_CELLS = 44

_WIDTH = 760
_LEFT, _RIGHT = 190, 130
_BAR, _STEP = 16, 24
_PANEL, _TITLE = 36, 64
_STYLE = """
    svg { color-scheme: light dark }
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .back { fill: #ffffff }
    .head { font-weight: 600 }
    .note { fill: #59636e; font-size: 12px }
    .product { fill: #0969da }
    .floor { fill: #8c959f }
    .peer { fill: #bf8700 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .back { fill: #0d1117 }
      .note { fill: #9198a1 }
      .product { fill: #58a6ff }
      .floor { fill: #6e7681 }
      .peer { fill: #d29922 }
    }
"""
_KINDS = (("product", "this product"), ("floor", "floors"), ("peer", "others"))


@dataclass(frozen=True)
class Bar:
    """One bar, its length a part of the longest one's."""

    title: str
    kind: str
    part: float
    label: str


def bars(results: Results, callers: int) -> list[Bar]:
    """Return the bars of one number of callers."""
    lines = [
        (entry, line(results, entry, callers))
        for entry in results.entries
        if callers in entry.rounds
    ]
    longest = max((one.rate for _, one in lines), default=0.0) or 1.0
    return [
        Bar(entry.title, entry.kind, one.rate / longest, _label(one.rate, one.lost))
        for entry, one in lines
    ]


def _label(rate: float, lost: int) -> str:
    return f"{rate:,.0f}" + (f", {lost} hosts lost" if lost else "")


def terminal(results: Results) -> str:
    """Return the bars as text."""
    titles = [entry.title for entry in results.entries]
    width = max(map(len, titles), default=0)
    out = []
    for callers in results.levels:
        out.append(f"calls/s, {_callers(callers)}")
        out += [
            f"  {bar.title:{width}} {_blocks(bar.part)} {bar.label}"
            for bar in bars(results, callers)
        ]
        out.append("")
    return "\n".join(out).rstrip()


def _blocks(part: float) -> str:
    eighths = round(part * _CELLS * 8)
    return _FULL * (eighths // 8) + _PARTS[eighths % 8].strip()


def _callers(count: int) -> str:
    return "1 caller" if count == 1 else f"{count} callers at once"


def svg(results: Results) -> str:
    """Return the bars as a picture that follows the reader's light or dark colours."""
    body: list[str] = []
    y = _TITLE
    for callers in results.levels:
        body.append(_text(16, y + 16, _callers(callers), "head"))
        y += _PANEL - 8
        for bar in bars(results, callers):
            body += _drawn(bar, y)
            y += _STEP
        y += 14
    head = [
        _text(16, 26, f"Calls per second to {results.hosts} hosts that answer at once", "head"),
        *_legend(),
    ]
    title = "Calls per second of this product, its floors and its peers"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}"'
            f' width="{_WIDTH}" height="{y}" role="img" aria-label="{title}">',
            f"  <title>{title}</title>",
            f"  <style>{_STYLE}  </style>",
            f'  <rect class="back" width="{_WIDTH}" height="{y}" rx="6"/>',
            *head,
            *body,
            "</svg>\n",
        ]
    )


def _drawn(bar: Bar, y: int) -> list[str]:
    length = max(1.0, bar.part * (_WIDTH - _LEFT - _RIGHT))
    return [
        _text(_LEFT - 10, y + 13, bar.title, "", 'text-anchor="end"'),
        f'  <rect class="{bar.kind}" x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}"'
        ' rx="2"/>',
        _text(_LEFT + length + 6, y + 13, bar.label, "note"),
    ]


def _legend() -> list[str]:
    out = []
    for number, (kind, name) in enumerate(_KINDS):
        x = 16 + 120 * number
        out.append(f'  <rect class="{kind}" x="{x}" y="38" width="12" height="12" rx="2"/>')
        out.append(_text(x + 18, 49, name, "note"))
    return out


def _text(x: float, y: float, text: str, kind: str, more: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    extra = f" {more}" if more else ""
    return f'  <text{named} x="{x:g}" y="{y:g}"{extra}>{escape(text)}</text>'

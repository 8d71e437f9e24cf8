from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.peers import chart, figures, report
from bench.peers.__main__ import main

from . import examples

DOCS = Path(__file__).parents[3] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def test_each_entry_has_a_row_at_each_number_of_callers() -> None:
    rows = report.rows(examples.whole())

    assert [(row[0], row[1]) for row in rows] == [
        (callers, title)
        for callers in ("1", "32")
        for title in ("Pushpin", "Held", "Direct", "Peer")
    ]
    assert rows[0][2:5] == ["50", "0.25", "1.00"]
    assert rows[4][-2:] == ["6", "9"]


def test_the_product_is_compared_with_each_peer() -> None:
    assert report.against(examples.whole()) == [
        ["callers", "entry", "/ Peer"],
        ["1", "Pushpin", "0.50"],
        ["32", "Pushpin", "0.05"],
    ]


def test_it_says_what_was_not_measured_and_why() -> None:
    for text in (report.terminal(examples.whole()), report.markdown(examples.whole())):
        assert "Front: there is none" in text


def test_it_warns_if_other_programs_disturbed_it() -> None:
    quiet, disturbed = examples.results(), examples.results(others=0.4)

    assert "Other programs took 2% of the machine's CPU meanwhile." in report.terminal(quiet)
    for text in (report.terminal(disturbed), report.markdown(disturbed)):
        assert "40% of the machine's CPU meanwhile: only the CPU of a call means much" in text


def test_columns_of_the_terminal_are_aligned() -> None:
    lines = report.terminal(examples.whole()).splitlines()

    table = [row for row in lines if row.strip()[:1].isdigit()][1:9]
    assert len({len(row) for row in table}) == 1


def test_only_the_made_part_of_the_document_changes() -> None:
    document = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"

    made = report.put_into(document, report.markdown(examples.whole()))

    assert made.startswith(f"before\n{report.BEGIN}\n\nMeasured 2026-01-02 on: a machine.")
    assert made.endswith(f"{report.END}\nafter\n")
    assert "old" not in made
    assert report.put_into(made, report.markdown(examples.whole())) == made


def test_a_document_without_a_made_part_is_left_alone() -> None:
    with pytest.raises(ValueError, match="lacks"):
        report.put_into("a document", "a table")


def test_the_longest_bar_of_a_level_is_that_of_the_highest_rate() -> None:
    bars = chart.bars(examples.whole(), 32)

    assert [(bar.title, bar.part) for bar in bars] == [
        ("Pushpin", 0.05),
        ("Held", 0.1),
        ("Direct", 0.25),
        ("Peer", 1.0),
    ]
    assert bars[0].label == "80, 9 hosts lost"


def test_bars_in_the_terminal_are_as_long_as_their_part() -> None:
    lines = chart.terminal(examples.whole()).splitlines()

    lengths = {line.split()[0]: line.count("█") for line in lines[7:]}

    assert lines[6] == "calls/s, 32 callers at once"
    assert lengths == {"Pushpin": 2, "Held": 4, "Direct": 11, "Peer": 44}


def test_the_picture_is_well_formed_and_has_a_bar_for_each_row() -> None:
    root = ET.fromstring(chart.svg(examples.whole()))

    bars = [one for one in root.iter(f"{SVG}rect") if one.get("height") == "16"]
    widths = [float(one.attrib["width"]) for one in bars]
    texts = [one.text for one in root.iter(f"{SVG}text")]

    assert len(bars) == len(report.rows(examples.whole()))
    assert widths[4] == pytest.approx(widths[7] / 20)
    assert "80, 9 hosts lost" in texts


def test_the_picture_is_readable_in_light_and_in_dark() -> None:
    style = chart.svg(examples.whole()).partition("<style>")[2].partition("</style>")[0]
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")

    for name in (".back", "text", ".note", ".product", ".floor", ".peer"):
        assert re.search(rf"{re.escape(name)} {{[^}}]*fill: #", light)
        assert re.search(rf"{re.escape(name)} {{[^}}]*fill: #", dark)


def test_names_are_escaped_in_the_picture() -> None:
    odd = examples.results(examples.entry("<a&b>", "peer", [examples.one(10)]))

    assert "&lt;A&amp;B&gt;" in chart.svg(odd)
    ET.fromstring(chart.svg(odd))


def test_an_empty_run_can_be_shown() -> None:
    empty = examples.results(examples.entry("front", "product", unavailable="there is none"))

    assert "Front: there is none" in report.terminal(empty)
    assert chart.terminal(empty) == ""
    ET.fromstring(chart.svg(empty))


def test_render_makes_the_files_from_the_figures_alone(tmp_path: Path) -> None:
    (tmp_path / "performance.json").write_bytes(figures.encode(examples.whole()))

    ended = CliRunner().invoke(main, ["--render", "--folder", str(tmp_path)])

    assert ended.exit_code == 0
    assert "calls/s, 32 callers at once" in ended.output
    assert (tmp_path / "performance.svg").read_text() == chart.svg(examples.whole())
    assert report.markdown(examples.whole()) in (tmp_path / "performance.md").read_text()


def test_a_run_makes_the_files_that_its_kept_figures_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = examples.results(examples.entry("peer", "peer", [examples.one(0.5004)]))
    monkeypatch.setattr("bench.peers.__main__.measure", lambda *asked: odd)

    ended = CliRunner().invoke(main, ["--quick", "--folder", str(tmp_path)])

    kept = figures.decode((tmp_path / "performance.json").read_bytes())
    assert ended.exit_code == 0
    assert (tmp_path / "performance.svg").read_text() == chart.svg(kept)
    assert report.markdown(kept) in (tmp_path / "performance.md").read_text()


def test_the_documents_are_those_that_the_kept_figures_make() -> None:
    kept = figures.decode((DOCS / "performance.json").read_bytes())

    assert (DOCS / "performance.svg").read_text() == chart.svg(kept)
    assert report.markdown(kept) in (DOCS / "performance.md").read_text()

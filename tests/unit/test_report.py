"""The report's model, and the page, the data and the lines that are made from it."""

import json
import re
from html.parser import HTMLParser

import pytest

from stack.release.templates import HOME
from stack.report.lines import lines
from stack.report.measured import Answer, Span, Timeline
from stack.report.model import Report
from stack.report.page import page
from stack.report.timeline import waits
from tests.demo import GIB
from tests.reported import STARTS, demo_report, row, service

VOID = {"meta", "link", "br", "img", "hr", "input"}
DRAWN = {"rect", "line"}
NEVER = ("script", "iframe", "img", "link", "object", "embed", "audio", "video", "form")
PHASES = {"store": "infrastructure", "risk": "engines", "page": "frontend"}


class Reader(HTMLParser):
    """What a page has: its text, elements, ids and addresses; tags must nest."""

    def __init__(self, html):
        super().__init__()
        self.text, self.open, self.elements, self.ids, self.addresses = [], [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.addresses += [value for name, value in attrs if name in ("href", "src", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(report):
    reader = Reader(page(report, HOME))
    assert reader.open == []
    return reader, " ".join(" ".join(reader.text).split())


def test_page_data_and_lines_say_the_same():
    report = demo_report()
    _, text = read(report)
    data = json.loads(report.model_dump_json())
    told = "\n".join(lines(report))
    assert "3 of 3" in text
    assert report.summary == data["summary"]
    assert data["summary"].startswith("3/3 containers healthy, 1/1 endpoints")
    assert "200 in 4 ms" in text
    assert "200 in 4 ms" in told
    assert data["services"][1]["found"]["answer"]["latency_ms"] == 4.4
    assert "The page: http://127.0.0.1:80 (page)" in told
    assert "risk: memory 2 GiB → 3 GiB, applied live" in text
    assert data["memory_used_bytes"] == 3 * GIB // 2
    assert "1.5 GiB" in text


def test_an_endpoint_that_was_asked_again_is_told_as_such():
    answer = Answer("http://127.0.0.1:8200/health", None, 4.4, asked=9)
    report = demo_report(services=(service("risk", row("risk", answer=answer)),))
    _, text = read(report)
    assert "200 in 4 ms, asked 9 times" in text
    assert "200 in 4 ms, asked 9 times" in "\n".join(lines(report))
    assert "for up to 10 s" in text
    assert "One request" not in text


def test_the_data_can_be_read_back():
    report = demo_report()
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_page_needs_nothing_else():
    reader, _ = read(demo_report())
    html = page(demo_report(), HOME)
    assert not set(NEVER) & set(reader.elements)
    assert all(address.startswith("#") for address in reader.addresses)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_every_link_leads_somewhere_and_no_id_is_there_twice():
    reader, _ = read(demo_report())
    assert {address[1:] for address in reader.addresses} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


def test_words_from_a_host_stay_words():
    evil = "<script>alert(1)</script>&\"'"
    answer = Answer("http://127.0.0.1:8200/health", f"answers 503: {evil}", 9.0)
    found = row("risk", health=evil, image=evil, answer=answer)
    report = demo_report(
        services=(service("risk", found),), changes=(evil,), problems=(evil,),
        timeline=Timeline(began_at=evil, spans=(Span("build", evil, 0, 1, evil), *STARTS)),
    )  # fmt: skip
    reader, text = read(report)
    assert "script" not in reader.elements
    assert text.count(evil) >= 8


def test_what_was_not_measured_is_said_with_its_reason():
    bare = service(
        "risk", row(usage=None, health="missing"), place=None, running_since=None, restarts=None
    )
    report = demo_report(
        services=(bare,),
        maps=(),
        timeline=None,
        unmeasured={
            "usage": "the counters were away",
            "start": "no start-up is recorded",
            "builds": "nothing was built",
            "system": "the host was silent",
            "findings": "the data was not here",
        },
        findings=(),
        mac=demo_report().mac.model_copy(update={"system": None}),
    )
    reader, text = read(report)
    assert not DRAWN & set(reader.elements)
    for reason in report.unmeasured.values():
        assert reason in text
    assert "0.0 %" not in text


def test_a_problem_is_told_first():
    _, text = read(demo_report(problems=("risk: its container is missing",)))
    assert text.index("risk: its container is missing") < text.index("Changes made")


def test_no_page_gives_a_grade():
    _, text = read(demo_report())
    grades = r"excellent|good|great|perfect|optimal|poor|grade|score|success|✓|✔|100 % healthy"
    assert not re.findall(grades, text, re.IGNORECASE)


def test_a_service_waits_for_the_last_of_what_it_needs():
    starts = (*STARTS, Span("start", "early", 10.0, 10.5, "healthy"))
    found = waits(starts, {"page": ("risk",), "risk": ("store",)}, {**PHASES, "early": "core"})
    assert {it.span.name: (it.after, it.waited_s) for it in found} == {
        "early": (None, 0),
        "store": (None, 0),
        "risk": ("store", 2.0),
        "page": ("risk", 3.5),
    }


def test_a_phase_waits_for_the_one_before():
    (_, _, last) = waits(STARTS, {}, PHASES)
    assert (last.span.name, last.after) == ("page", "risk")


def test_a_start_up_of_another_run_is_told_as_such():
    _, text = read(demo_report(timeline_is_now=False, changes=()))
    assert "This is the last start-up, which began 2026-01-02 03:04:00 UTC" in text
    assert "this run changed nothing on the host" in text


@pytest.mark.parametrize("word", ["Performance", "Efficiency"])
def test_a_level_is_said_not_to_be_where_a_cpuset_runs(word):
    _, text = read(demo_report())
    assert "not Performance or Efficiency cores" in text
    assert f"{word}: " in text

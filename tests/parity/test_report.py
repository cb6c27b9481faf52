"""The page of `uncurl report` in headless Chromium: it draws every chart, says nothing on the console, asks nothing of the
network and fits a phone. Where no Chromium is found these tests skip.
"""

import json
import shutil
import subprocess

import pytest
from conftest import BUILD
from sample_sweep import METHODS, TASKS, sample_sweep

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH")
SECTIONS = ["subject", "quality", "ranking", "scores", "size", "usage", "affinity", "layers", "cross-task", "prediction",
            "timings"]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def write_report(folder, sweep, name="report"):
    (folder / "sweep.json").write_text(json.dumps(sweep))
    out = folder / f"{name}.html"
    subprocess.run([BUILD / "uncurl", "report", folder, "-o", out], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report"), sample_sweep())


class Visit:
    """A page that is drawn, with what it said and asked for meanwhile."""

    def __init__(self, browser, path, width=1280, **options):
        self.page = browser.new_context(viewport={"width": width, "height": 844}, **options).new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_function("document.documentElement.dataset.charts === 'drawn'")

    def count(self, selector):
        return self.page.locator(selector).count()


@pytest.mark.parametrize("width,scheme", [(1280, "light"), (1280, "dark"), (390, "light")])
def test_draws_every_chart_in_silence_and_without_network(browser, report, width, scheme):
    visit = Visit(browser, report, width, color_scheme=scheme)
    assert visit.said == []
    assert visit.asked == [report.as_uri()]
    assert visit.count("figure") == visit.count("figure .plot svg") > 20
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    assert [section for section in SECTIONS if visit.count(f"#{section}") != 1] == []


def test_charts_show_what_the_file_holds(browser, report):
    visit = Visit(browser, report)
    names = visit.page.locator("#quality figure").first.locator(".role-legend-label text").all_text_contents()
    assert sorted(names) == sorted(METHODS)
    # A point a method and count; the two planted thresholds, each ringed in the charts of KL by task and of both for all.
    assert visit.count("#prediction .mark-symbol.role-mark path") == len(METHODS) * 4
    rings = visit.page.locator("#quality figure").first.locator(".mark-symbol.role-mark").last.locator("path").count()
    assert rings == 2
    assert visit.count("#usage figure") == len(TASKS)
    assert visit.page.locator("#affinity figure").first.locator(".mark-rect.role-mark").first.locator("path").count() == 32 * 32


def test_a_point_tells_its_numbers(browser, report):
    visit = Visit(browser, report)
    visit.page.locator("#ranking .mark-symbol.role-mark path").first.hover()
    tooltip = visit.page.locator("#vg-tooltip-element")
    tooltip.wait_for(state="visible")
    assert "reap" in tooltip.inner_text()


def test_every_chart_has_its_numbers_as_a_table(browser, report):
    visit = Visit(browser, report)
    assert visit.count("figure details table") == visit.count("figure")
    visit.page.locator("#ranking details summary").first.click()
    assert visit.page.locator("#ranking details table").first.is_visible()


def test_text_does_not_overlap_the_next_chart(browser, report):
    overflow = """[...document.querySelectorAll('figure')].filter(figure => {
        const plot = figure.querySelector('.plot').getBoundingClientRect();
        const text = [...figure.querySelectorAll('.plot svg text')].map(t => t.getBoundingClientRect());
        return text.some(t => t.bottom > plot.bottom + 1 || t.right > innerWidth + 1 || t.left < -1);
    }).map(figure => figure.textContent.slice(0, 60))"""
    for width in (1280, 800, 390):
        assert Visit(browser, report, width).page.evaluate(overflow) == []


def test_prints_on_paper(browser, report, tmp_path):
    visit = Visit(browser, report)
    visit.page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000


def test_a_hostile_name_stays_a_name(browser, tmp_path):
    sweep = sample_sweep()
    sweep["model"]["name"] = sweep["points"][0]["method"] = "</script><img src=x onerror=console.error('run')>"
    visit = Visit(browser, write_report(tmp_path, sweep))
    assert visit.said == [] and visit.count("img") == 0
    assert "<img src=x" in visit.page.locator("h1").inner_text()


def test_large_models_are_drawn_in_part(browser, tmp_path):
    visit = Visit(browser, write_report(tmp_path, sample_sweep(layers=24, experts=128)), width=390)
    assert visit.said == []
    assert "3 layers of 24 are shown" in visit.page.locator("#affinity").inner_text()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390

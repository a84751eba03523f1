"""A page in a real browser calls a Python service: examples/http/page.html as a person uses it."""

import json
import shutil

import pytest
from browsers import Browser, website
from clients import edit, run_script
from conftest import ROOT, processes_of, wait_until
from http_clients import make_token, start_with_port

EXAMPLE = ROOT / "examples" / "http"
WAITING = """
import os
GO_ON = {!r}

def wait(epoch):
    while epoch == 1 and not os.path.exists(GO_ON):
        time.sleep(0.005)
"""


class Visit:
    """The page in a browser, its node and its service."""

    def __init__(self, browser, node, go_on):
        self.browser = browser
        self.node = node
        self.token = make_token()["token"]
        self.go_on = go_on

    def open(self, origin, token=None):
        self.browser.open(f"{origin}/page.html")
        self.browser.type("#node", self.node)
        self.browser.type("#token", token or self.token)


@pytest.fixture
def origin():
    with website(EXAMPLE) as origin:
        yield origin


@pytest.fixture
def visit(own_home, tmp_path, origin):
    host, port = start_with_port(own_home, origin)
    project = tmp_path / "example"
    shutil.copytree(EXAMPLE, project)
    go_on = tmp_path / "go-on"
    edit(
        project / "service.py",
        "import leanto as lt\n",
        "import leanto as lt\n" + WAITING.format(str(go_on)),
    )
    edit(project / "service.py", "time.sleep(0.02)", "wait(epoch)")
    run_script(project, "service.py")
    with Browser() as browser:
        visit = Visit(browser, f"http://{host}:{port}", go_on)
        visit.open(origin)
        yield visit


def test_a_page_of_another_origin_shows_what_a_service_returns(visit):
    visit.browser.click("#mean button")
    assert visit.browser.wait_for("#mean + output .result") == ["3"]
    visit.browser.type("#mean input", "2.5, 3.5, 4.5, 5.5")
    visit.browser.click("#mean button")
    assert visit.browser.wait_for("#mean + output .result") == ["4"]


def test_a_page_shows_what_a_generator_yields_while_it_runs(visit):
    visit.browser.type("#train input", "3")
    visit.browser.click("#train button")
    shown = visit.browser.wait_for("#train + output div", 3)
    assert shown[0] == "epoch 0 begins"
    assert sorted(shown[1:]) == ["epoch 1 begins", '{"epoch":0,"loss":1}']
    assert visit.browser.run("return document.querySelector('#train button').disabled") is True
    visit.go_on.touch()
    assert visit.browser.wait_for("#train + output .end") == ["it has ended"]
    items = [json.loads(text) for text in visit.browser.texts("#train + output .item")]
    assert [item["epoch"] for item in items] == [0, 1, 2]


def test_a_page_shows_the_services_own_error_with_its_traceback(visit):
    visit.browser.type("#mean input", " ")
    visit.browser.click("#mean button")
    [said] = visit.browser.wait_for("#mean + output .error")
    assert said == "ZeroDivisionError: division by zero"
    visit.browser.click("#mean + output summary")
    [said] = visit.browser.wait_for("#mean + output .error")
    assert 'service.py", line' in said
    assert "in mean" in said


def test_a_page_shows_what_is_wrong_with_its_request(visit, origin):
    visit.browser.type("#train input", "")  # which becomes 0
    visit.browser.click("#train button")
    assert visit.browser.wait_for("#train + output .end") == ["it has ended"]
    visit.open(origin, token="nobody's")
    visit.browser.click("#mean button")
    [said] = visit.browser.wait_for("#mean + output .error")
    assert said.startswith("AccessDeniedError: ")
    assert "token" in said


def test_a_page_of_an_origin_that_is_not_listed_is_refused(visit, origin):
    with website(EXAMPLE) as other:
        visit.open(other)
        visit.browser.click("#mean button")
        [said] = visit.browser.wait_for("#mean + output .error")
        assert said.startswith(f"No answer: {visit.node} can't be reached, or its node.toml")
        assert other in said
        assert visit.browser.texts("#mean + output .result") == []
        # The node says so, and not only the page:
        script = """
            const headers = { Authorization: `Bearer ${arguments[1]}` };
            return fetch(`${arguments[0]}/v1/services`, { headers }).then(() => "answered", (error) => error.name);
        """
        assert visit.browser.run(script, visit.node, visit.token) == "TypeError"
        visit.open(origin)
        assert visit.browser.run(script, visit.node, visit.token) == "answered"


def test_nothing_of_the_browser_is_left(own_home):
    with Browser() as browser:
        assert browser.run("return 1 + 1") == 2
        assert len(processes_of(own_home)) > 2
    assert wait_until(lambda: processes_of(own_home) == [])

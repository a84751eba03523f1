"""A real browser: Debian's Chromium, driven through the W3C WebDriver protocol by what the standard library has."""

import base64
import contextlib
import functools
import http.server
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from clients import LIMIT

# No network of its own, no crash reports, nothing left from another run. Without --no-sandbox Chromium doesn't run as root.
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --disable-crash-reporter
--disable-breakpad --no-first-run --disable-background-networking --disable-component-update --disable-sync
--window-size=900,1000""".split()  # fmt: skip
ELEMENT = (
    "element-6066-11e4-a52e-4f735466cecf"  # how WebDriver says in JSON that something is an element
)


class BrowserError(AssertionError):
    """The browser could not do what it was told."""


class Browser:
    """A browser with one empty window, and with an empty directory for all that it keeps."""

    def __init__(self):
        # Not pytest's: a socket lies in it, whose path may be 107 bytes long.
        self._files = tempfile.TemporaryDirectory(prefix="leanto-browser-")
        self._driver = self._start_driver()
        try:
            self._base = f"http://127.0.0.1:{self._read_port()}/session"
            options = {
                "binary": find_program("chromium"),
                "args": [*FLAGS, f"--user-data-dir={self._files.name}/data"],
            }
            said = self._ask(
                "POST", "", capabilities={"alwaysMatch": {"goog:chromeOptions": options}}
            )
            self._base += "/" + said["sessionId"]
        except BaseException:
            self.close()
            raise

    def _start_driver(self):
        return subprocess.Popen(
            [find_program("chromedriver"), "--port=0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": self._files.name},
            start_new_session=True,  # so that all of it can be ended
        )  # fmt: skip

    def _read_port(self):
        said = b""
        while not (found := re.search(rb"started successfully on port (\d+)", said)):
            ready, _, _ = select.select([self._driver.stdout], [], [], LIMIT)
            data = os.read(self._driver.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise BrowserError(f"the driver doesn't start; it said {said!r}")
            said += data
        return int(found[1])

    def _ask(self, method, path, **words):
        body = json.dumps(words).encode() if method == "POST" else None
        request = urllib.request.Request(self._base + path, body, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                request, timeout=LIMIT
            ) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise BrowserError(json.load(error)["value"]["message"]) from None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        """End the browser and its driver, and wait until they are gone."""
        with contextlib.suppress(BrowserError, OSError):
            self._ask("DELETE", "")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._driver.pid, signal.SIGKILL)
        self._driver.wait(LIMIT)
        self._driver.stdout.close()
        self._files.cleanup()

    def open(self, address):
        self._ask("POST", "/url", url=address)

    def run(self, script, *arguments):
        """Run JavaScript in the page: the body of a function. Returns what it returns."""
        return self._ask("POST", "/execute/sync", script=script, args=list(arguments))

    def _find(self, selector):
        return self._ask("POST", "/element", using="css selector", value=selector)[ELEMENT]

    def click(self, selector):
        self._ask("POST", f"/element/{self._find(selector)}/click")

    def type(self, selector, text):
        """Replace what a field holds, key by key."""
        element = self._find(selector)
        self._ask("POST", f"/element/{element}/clear")
        self._ask("POST", f"/element/{element}/value", text=text)

    def texts(self, selector):
        """The visible texts of all elements that match."""
        script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)"
        return self.run(script, selector)

    def wait_for(self, selector, count=1):
        """Wait for so many elements; return their texts."""
        end = time.monotonic() + LIMIT
        while len(texts := self.texts(selector)) < count:
            if time.monotonic() > end:
                raise BrowserError(
                    f"no {count} {selector}, but {texts}; the page shows {self.texts('body')}"
                )
            time.sleep(0.01)
        return texts

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))


def find_program(name):
    path = shutil.which(name)
    assert path is not None, f"there is no {name} here: `./dev test` installs it"
    return path


@contextlib.contextmanager
def website(directory):
    """Serve a directory on a port of its own; gives its origin."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = functools.partial(Handler, directory=directory)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

"""Programs that tests run beside themselves: scripts of a project, and one that does as told."""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile

LIMIT = 60  # seconds for what takes milliseconds: reached only if something hangs


def write_project(directory, files):
    """Write a project: {relative path: text}. Returns its directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def edit(path, old, new):
    """Replace a text in a file, which must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def environment(*places, **more):
    """Return the environment of a program that finds Leanto and the modules in `places`."""
    from conftest import ROOT

    search = os.pathsep.join([*map(str, places), str(ROOT / "python")])
    return {**os.environ, "PYTHONPATH": search, "PYTHONUTF8": "1", **more}


def run_script(project, *arguments, check=True, python=sys.executable, places=(), **more):
    """Run a script of a project, from its directory; return the CompletedProcess with its texts."""
    command = [python, *map(str, arguments)]
    env = environment(*places, **more)
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=LIMIT
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return done


class Failed(AssertionError):
    """What a client was told to do raised: the name of its class, its text, its cause's text."""

    def __init__(self, kind, text, cause):
        super().__init__(f"{kind}: {text}\n{cause}")
        self.kind = kind
        self.text = text
        self.cause = cause


class Client:
    """A Python process that runs what it's told, with a project's modules at hand.

    Its standard output and error go to files, `said` and `complained` return what is in them.
    """

    def __init__(self, *places, python=sys.executable, **more):
        self._files = tempfile.TemporaryDirectory(prefix="leanto-client-")
        self.out, self.err = (pathlib.Path(self._files.name) / name for name in ("out", "err"))
        answers, answer = os.pipe()
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [python, __file__, str(answer)],
                cwd=places[0],
                env=environment(*places, **more),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                pass_fds=[answer],
            )
        os.close(answer)
        self._answers = answers
        self._read = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        os.close(self._answers)
        self._files.cleanup()

    def start(self, source):
        """Have it begin with an expression or statements; `answer` returns what came of it."""
        self.process.stdin.write(json.dumps(source).encode() + b"\n")
        self.process.stdin.flush()

    def has_answered(self):
        return b"\n" in self._read or bool(select.select([self._answers], [], [], 0)[0])

    def answer(self):
        """Return the value of the expression that was begun, None for statements. Raises Failed."""
        while b"\n" not in self._read:
            if not select.select([self._answers], [], [], LIMIT)[0]:
                raise AssertionError(f"the client hangs; it complained: {self.complained()}")
            data = os.read(self._answers, 65536)
            if not data:
                raise AssertionError(f"the client ended; it complained: {self.complained()}")
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        said = json.loads(line)
        if "error" in said:
            raise Failed(**said["error"])
        return said["value"]

    def do(self, source):
        """Run statements, or evaluate an expression and return its value."""
        self.start(source)
        return self.answer()

    def said(self):
        return self.out.read_text()

    def complained(self):
        return self.err.read_text()


def serve(answers):
    """Be the process of a `Client`."""
    # What a shell starts in the background ignores interrupts, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
    names = {}
    exec("import leanto as lt", names)
    for line in sys.stdin:
        said = json.dumps(run(json.loads(line), names), default=repr).encode() + b"\n"
        while said:
            said = said[os.write(answers, said) :]


def run(source, names):
    try:
        try:
            code = compile(source, "<told>", "eval")
        except SyntaxError:
            exec(source, names)
            return {"value": None}
        return {"value": eval(code, names)}
    except BaseException as error:
        cause = str(error.__cause__ or "")
        return {"error": {"kind": type(error).__name__, "text": str(error), "cause": cause}}


if __name__ == "__main__":
    serve(int(sys.argv[1]))

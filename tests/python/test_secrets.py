"""Secrets reach the workers of their service, and nothing that anyone can look at."""

import json
import os
import pathlib

import pytest
from clients import Client, Failed, write_project
from conftest import contents_below, leanto, processes_of, wait_until

TOKEN = "hf_Zq81mCe0pXw7"
OTHER = "hf_Changed55521"

APP = """
import os, subprocess, sys, threading

def token(name="HF_TOKEN"):
    return os.environ.get(name)

def tell():
    value = os.environ["HF_TOKEN"]
    print("in a line:", value, "and on", flush=True)
    print(f"to stderr {value}", file=sys.stderr)
    sys.stdout.write(value[:5]); sys.stdout.flush()
    sys.stdout.write(value[5:] + " in pieces\\n"); sys.stdout.flush()
    os.write(1, f"raw {value} bytes\\n".encode())
    subprocess.run(["sh", "-c", "echo from a child $HF_TOKEN"], check=True)
    print("the end", value[:4], end="")

def fail():
    value = os.environ["HF_TOKEN"]
    try:
        raise KeyError(value)
    except KeyError as error:
        raise ValueError(f"bad token {value}", [value]) from error

def stay():
    print(os.environ["HF_TOKEN"])
    os.kill(os.getpid(), 9)

class Vault:
    def __init__(self):
        self.pid = os.getpid()
    def token(self):
        return os.environ["HF_TOKEN"]
"""

IMAGE = "lt.Image().secrets(['HF_TOKEN'])"
SEND = f"lt.function(app.{{}}).options(image={IMAGE}).to(lt.here)"


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "p", {"app.py": APP, "pyproject.toml": "[project]\nname='p'\n"})


@pytest.fixture
def client(own_home, project):
    """A program with the secret in its environment, which is also the one that starts the node."""
    with Client(project, HF_TOKEN=TOKEN) as client:
        client.do("import app, os")
        yield client


def test_a_worker_has_the_secret_as_a_variable(client):
    assert client.do(SEND.format("token") + "()") == TOKEN
    assert client.do(f"lt.cls(app.Vault).options(image={IMAGE}).to(lt.here)().token()") == TOKEN


def test_no_other_service_has_it_even_if_the_program_that_started_the_node_did(client):
    client.do("before = lt.function(app.token).to(lt.here)")
    client.do(SEND.format("tell"))
    client.do("after = lt.function(app.token).options(env={'ANOTHER': 'version'}).to(lt.here)")
    assert client.do("after()") is None


def test_a_changed_secret_reaches_new_workers(client):
    client.do("f = " + SEND.format("token"))
    assert client.do("(f(), f.version == " + SEND.format("token") + ".version)") == [TOKEN, True]
    client.do(f"os.environ['HF_TOKEN'] = {OTHER!r}")
    assert client.do(SEND.format("token") + "()") == OTHER
    assert client.do("f()") == TOKEN, "a handle calls the version that it sent"


def test_a_secret_can_come_from_a_file(client, tmp_path):
    (tmp_path / "token").write_text(OTHER + "\n")
    image = (
        f"lt.Image().secrets([lt.Secret.from_file({str(tmp_path / 'token')!r}, name='API_KEY')])"
    )
    assert (
        client.do(f"lt.function(app.token).options(image={image}).to(lt.here)('API_KEY')") == OTHER
    )


@pytest.mark.parametrize(
    ("secret", "part"),
    [
        ("'NOT_SET'", "the secret NOT_SET is not in the environment"),
        ("lt.Secret.from_file('/nowhere/token', name='LOST')", "the secret LOST can't be read from /nowhere/token"),
        ("'SHORT'", "the secret SHORT is shorter than 4"),
    ],
)  # fmt: skip
def test_a_secret_that_is_not_there_is_named_at_to(client, secret, part):
    client.do("os.environ['SHORT'] = 'abc'")
    with pytest.raises(Failed, match="InvalidRequestError") as failed:
        client.do(f"lt.function(app.token).options(image=lt.Image().secrets({secret})).to(lt.here)")
    assert part in failed.value.text


def test_what_is_written_shows_asterisks_instead(client):
    client.do(SEND.format("tell") + "()")
    said = client.said().splitlines()
    assert said == [
        "in a line: *** and on",
        "*** in pieces",
        "raw *** bytes",
        "from a child ***",
        f"the end {TOKEN[:4]}",
    ]
    assert "to stderr ***" in client.complained()
    assert TOKEN not in client.complained()
    lines = [json.loads(line) for line in log_of("p/app.tell").splitlines()]
    text = "".join(line["text"] for line in lines)
    assert TOKEN not in text
    assert "raw *** bytes" in text


def log_of(service):
    named = json.loads(leanto("ls", "--json"))["services"]
    assert service in [row["name"] for row in named]
    leanto("logs", service)  # which has everything written to the file
    [file] = pathlib.Path(os.environ["HOME"], ".local/state/leanto/logs").glob("*tell.jsonl")
    return file.read_text()


def test_what_is_raised_shows_asterisks_instead(client):
    client.do("f = " + SEND.format("fail"))
    client.do(
        "import traceback\n"
        "try: f()\n"
        "except ValueError as error: text, args = traceback.format_exc(), error.args\n"
    )
    text = client.do("text")
    assert "bad token ***" in text
    assert "KeyError: '***'" in text
    assert TOKEN not in text
    assert client.do("args") == ["bad token " + "*" * len(TOKEN), ["*" * len(TOKEN)]]


def test_what_cannot_be_imported_shows_asterisks_instead(client, project):
    (project / "bad.py").write_text(
        "import os\ndef f(): pass\nif 'workspaces' in __file__: raise OSError(os.environ['HF_TOKEN'])\n"
    )
    client.do("import bad")
    with pytest.raises(Failed) as failed:
        client.do(f"lt.function(bad.f).options(image={IMAGE}).to(lt.here)")
    assert "OSError: ***" in failed.value.text
    assert TOKEN not in failed.value.text + failed.value.cause


def test_the_last_lines_of_a_dead_worker_show_asterisks_instead(client):
    with pytest.raises(Failed, match="WorkerDiedError") as failed:
        client.do(SEND.format("stay") + "()")
    assert "***" in failed.value.text
    assert TOKEN not in failed.value.text + failed.value.cause


def test_nothing_that_can_be_looked_at_has_it(client, own_home):
    client.do("f = " + SEND.format("tell"))
    client.do("f()")
    client.do(f"vault = lt.cls(app.Vault).options(image={IMAGE}, name='vault').to(lt.here)()")
    client.do("g = lt.function(app.token).options(env={'ANOTHER': 'version'}).to(lt.here)")
    client.do("g()")
    for command in (("status",), ("ls",), ("images",)):
        assert TOKEN not in leanto(*command, "--json")
    secret = TOKEN.encode()

    def holders():
        return [
            (pid, file)
            for pid in processes_of(own_home)
            if pid != client.process.pid
            for file in ("cmdline", "environ")
            if secret in read_of(pid, file)
        ]

    # Zygotes that were started before the secret was known as one end when they have no workers any more.
    assert wait_until(lambda: holders() == []), holders()
    leanto("stop")
    files = contents_below(own_home)
    assert any(path.name == "ledger.sqlite" for path in files)
    assert [path for path, content in files.items() if secret in content] == []


def read_of(pid, file):
    try:
        return pathlib.Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def test_a_restarted_node_says_that_it_has_them_no_more(client):
    client.do("f = " + SEND.format("token"))
    leanto("stop")
    with pytest.raises(Failed, match="NotFoundError") as failed:
        client.do("f()")
    assert "HF_TOKEN" in failed.value.text
    assert ".to()" in failed.value.text
    assert client.do(SEND.format("token") + "()") == TOKEN


def test_a_handle_that_travels_does_not_carry_the_value(client):
    client.do("import pickle")
    client.do("f = " + SEND.format("token"))
    assert client.do(f"{TOKEN.encode()!r} in pickle.dumps(f)") is False

"""What goes wrong arrives as what it is: the user's errors as the user's, ours as ours."""

import ast
import asyncio
import os
import re
import sys
import threading

import pytest
import shop
from clients import run_script, write_project
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "projects" / "workshop"))
import workshop  # noqa: E402


def line_of(function, text):
    """The number of the first line of a function that holds this text."""
    path, first = function.__code__.co_filename, function.__code__.co_firstlineno
    with open(path) as file:
        lines = file.read().splitlines()
    return next(i for i in range(first, len(lines) + 1) if text in lines[i - 1])


def await_one(function, *args):
    async def main():
        return await function.aio(*args)

    return asyncio.run(main())


# The user's own exceptions


def test_an_exception_arrives_as_its_own_class_with_its_attributes(sent):
    with pytest.raises(shop.helpers.StockError, match="out of stock") as caught:
        sent(shop.raise_stock_error)()
    assert type(caught.value) is shop.helpers.StockError
    assert caught.value.shelf == 7
    assert caught.value.args == ("out of stock", 7)


def test_its_cause_is_the_remote_traceback_with_the_callers_own_file_and_line(sent):
    with pytest.raises(shop.helpers.StockError) as caught:
        sent(shop.raise_stock_error)()
    text = str(caught.value.__cause__)
    line = line_of(shop.raise_stock_error, "raise ")
    assert f'File "{shop.__file__}", line {line}, in raise_stock_error' in text
    assert 'raise helpers.StockError("out of stock", 7)' in text
    assert text.rstrip().endswith("out of stock', 7)")
    assert "workspaces" not in text and "leanto/worker" not in text


def test_an_exception_that_nobody_catches_shows_both_tracebacks(tmp_path):
    main = "import leanto as lt\n\ndef f(a):\n    return a / 0\n\nlt.function(f).to(lt.here)(1)\n"
    project = write_project(tmp_path / "p", {"main.py": main})
    done = run_script(project, "main.py", check=False)
    assert done.returncode == 1
    assert f'File "{project}/main.py", line 4, in f' in done.stderr
    assert f'File "{project}/main.py", line 6, in <module>' in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


def test_the_remote_traceback_shows_what_the_exception_came_from(sent):
    with pytest.raises(ValueError, match="the outer one") as caught:
        sent(workshop.raise_from_another)()
    text = str(caught.value.__cause__)
    assert "KeyError: 'the key'" in text
    assert "direct cause of the following exception" in text


@pytest.mark.parametrize(
    ("function", "type_name", "text"),
    [
        (shop.raise_awkward_error, "helpers.AwkwardError", "one and two"),
        (shop.raise_local_error, "HiddenError", "nobody can import me"),
        (workshop.raise_only_there, "ghost.GhostError", "no Ghost here"),
    ],
)
def test_an_exception_that_cannot_be_rebuilt_here_is_a_remote_error(
    lt, sent, function, type_name, text
):
    with pytest.raises(lt.RemoteError, match=text) as caught:
        sent(function)()
    assert caught.value.type_name.endswith(type_name)
    assert caught.value.text == text
    assert f", in {function.__name__}" in caught.value.traceback
    assert caught.value.traceback.rstrip() in str(caught.value.__cause__)


def test_exceptions_arrive_alike_by_every_way_of_calling(lt, sent):
    counter = sent(shop.Counter)(1)
    with pytest.raises(ValueError, match="not negative") as caught:
        counter.price = -1
    assert f'File "{shop.__file__}"' in str(caught.value.__cause__)
    with pytest.raises(TypeError, match="unexpected keyword argument 'per'"):
        counter.increase(per=1)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = counter.colour

    async def main():
        with pytest.raises(shop.helpers.StockError) as caught:
            await sent(shop.raise_stock_error).aio()
        assert f'File "{shop.__file__}"' in str(caught.value.__cause__)
        with pytest.raises(lt.RemoteError, match="one and two"):
            await sent(shop.raise_awkward_error).aio()
        items = sent(shop.fail_after).aio(1)
        assert await items.__anext__() == 0
        with pytest.raises(shop.helpers.StockError):
            await items.__anext__()

    asyncio.run(main())


@pytest.mark.parametrize("size", [1000, 100_000, 3_000_000])
def test_an_exception_arrives_with_the_array_that_it_holds(lt, sent, size):
    raise_holding = sent(workshop.raise_holding)
    for make in (raise_holding, lambda size: await_one(raise_holding, size)):
        with pytest.raises(ValueError, match="a bad batch") as caught:
            make(size)
        text, array = caught.value.args
        assert text == "a bad batch"
        assert (array.nbytes, array.min(), array.max()) == (size, 7, 7)
        array[:] = 0  # like that of a result, it may be changed
    with pytest.raises(ValueError, match="a bad batch") as caught:
        raise_holding.submit(size).result()
    assert caught.value.args[1].nbytes == size


def test_of_an_exception_that_holds_too_much_only_the_text_arrives_and_says_so(lt, sent):
    with pytest.raises(lt.RemoteError, match="a bad batch.*larger than 64 MiB") as caught:
        sent(workshop.raise_holding)(65 << 20)
    assert caught.value.type_name == "ValueError"
    assert "in raise_holding" in str(caught.value.__cause__)


# What would end a program ends the call


@pytest.mark.parametrize(
    ("function", "args", "named"),
    [
        (sys.exit, (3,), "SystemExit"),
        (shop.interrupt, (), "KeyboardInterrupt"),
        (shop.ask, (), "input"),
    ],
)
def test_leaving_ends_the_call_and_neither_the_worker_nor_the_caller(sent, function, args, named):
    call = sent(shop.call)
    pid = call(os.getpid)
    with pytest.raises(Exception, match=".") as caught:  # no BaseException: it would end the caller
        call(function, *args)
    assert named in f"{caught.value} {caught.value.__cause__}"
    assert call(os.getpid) == pid

    async def main():
        with pytest.raises(Exception, match="."):
            await call.aio(function, *args)
        return await call.aio(os.getpid)

    assert asyncio.run(main()) == pid


# Values that do not travel


def test_an_argument_that_cannot_be_pickled_is_named(lt, sent):
    call = sent(workshop.call)
    with pytest.raises(lt.ValueTransportError, match=r"argument 2\['rows'\]\[1\]: lock"):
        call(print, {"rows": [1, threading.Lock()]})
    with pytest.raises(lt.ValueTransportError, match="argument key: "):
        call(sorted, [1], key=lambda item: item)
    with pytest.raises(TypeError, match="argument 1: generator"):
        call(item for item in ())
    with pytest.raises(lt.ValueTransportError, match="argument 1"):
        await_one(call, threading.Lock())
    assert call(len, "abc") == 3


def test_a_result_that_cannot_be_pickled_is_named(lt, sent):
    call = sent(workshop.call)
    with pytest.raises(
        lt.ValueTransportError, match="^the result cannot be pickled.*lock.*Return data"
    ):
        sent(shop.not_picklable)()
    with pytest.raises(lt.ValueTransportError, match=r"\['rows'\]\[1\]: lock"):
        call(eval, "{'rows': [1, __import__('threading').Lock()]}")
    with pytest.raises(lt.ValueTransportError, match="cannot be pickled"):
        await_one(call, eval, "__import__('threading').Lock()")
    assert call(len, "abc") == 3


def test_a_pair_is_a_result_and_not_the_arguments_of_a_call(lt, sent):
    with pytest.raises(lt.ValueTransportError) as caught:
        sent(workshop.call)(eval, "([1, __import__('threading').Lock()], {})")
    assert "argument" not in str(caught.value)
    assert "[0][1]: lock" in str(caught.value)


def test_an_item_that_cannot_be_pickled_ends_the_stream(lt, sent):
    items = sent(workshop.stream_then_lock)()
    assert next(items) == 1
    with pytest.raises(lt.ValueTransportError, match="lock"):
        next(items)


def test_an_argument_that_cannot_be_rebuilt_there_is_a_transport_error(lt, sent):
    call = sent(workshop.call)
    with pytest.raises(lt.ValueTransportError, match="this one does not travel"):
        call(id, workshop.NeverThere())
    with pytest.raises(lt.ValueTransportError, match="does not travel"):
        await_one(call, id, workshop.NeverThere())
    assert call(len, "abc") == 3


def test_a_result_that_cannot_be_rebuilt_here_is_a_transport_error(lt, sent):
    with pytest.raises(lt.ValueTransportError, match="ghost"):
        sent(workshop.only_there)()
    with pytest.raises(lt.ValueTransportError, match="ghost"):
        await_one(sent(workshop.only_there))
    assert sent(shop.add)(1, 1) == 2


# The lists are complete


def test_the_kinds_of_errors_are_those_of_the_table(lt):
    table = (ROOT / "src" / "base" / "error.h").read_text()
    rows = dict(re.findall(r'\{ErrorKind::k\w+, "(\w+)", \d+, "(\w+)"\}', table))
    assert len(rows) == len(re.findall(r"\{ErrorKind::", table))
    assert rows.pop("user") == "RemoteError"
    assert rows == {kind: class_.__name__ for kind, class_ in lt.errors.BY_KIND.items()}


def test_the_tree_of_errors_is_drawn_as_it_is(lt):
    errors = [
        value
        for value in vars(lt.errors).values()
        if isinstance(value, type) and issubclass(value, lt.LeantoError)
    ]
    drawn = dict(re.findall(r"[├└]── (\w+)(?: \(([\w.]+)\))?", lt.errors.__doc__))
    assert set(drawn) == {error.__name__ for error in errors} - {"LeantoError"}
    for name, also in drawn.items():
        bases = getattr(lt.errors, name).__bases__
        assert bases[0] is lt.LeantoError
        assert [base.__name__ for base in bases[1:]] == ([also.rpartition(".")[2]] if also else [])


def test_the_list_of_public_names_is_complete(lt):
    tree = ast.parse((ROOT / "python" / "leanto" / "__init__.py").read_text())
    for_editors = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(for_editors) == sorted(lt.__all__)
    assert set(lt._HOMES) <= set(lt.__all__) <= set(dir(lt))
    assert lt.__all__ == sorted(lt.__all__)
    for name in lt.__all__:
        assert getattr(lt, name).__doc__, f"{name} has no docstring"


def test_every_error_is_public(lt):
    for name, value in vars(lt.errors).items():
        if isinstance(value, type) and issubclass(value, lt.LeantoError):
            assert getattr(lt, name) is value
            assert name in lt.__all__

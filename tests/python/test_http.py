"""HTTP and JSON over the Unix socket: calls, their values and errors, streams, and the protocol itself."""

import json
import subprocess
import sys
import threading

import pytest
from clients import LIMIT
from conftest import ROOT, leanto, wait_until
from http_clients import UnixConnection, ask, events, get, post, send_raw, socket_path, statuses

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
import counter  # noqa: E402


@pytest.fixture(scope="module")
def services():
    """Everything of the project that these tests call, under short names."""
    import leanto as lt

    functions = [
        each
        for name, each in vars(counter).items()
        if getattr(each, "__module__", "") == "counter" and not isinstance(each, type)
    ]
    for each in functions:
        lt.function(each).to(lt.here).save(f"c.{each.__name__}")
    lt.cls(counter.Counter).to(lt.here).save("c.Counter")


@pytest.fixture
def total(lt, services):
    """A live object named 'total' that has counted to 5."""
    if lt.here.exists("total"):
        lt.here.delete("total")
    made = lt.cls(counter.Counter).to(lt.here).options(name="total")(5)
    yield made
    lt.here.delete("total")


def call(name, body=None, query="", **headers):
    return post(f"/v1/services/c.{name}{query}", body, **headers)


def refusal(answer, status, kind):
    assert (answer.status, answer.error["kind"]) == (status, kind), answer.body
    return answer.error["message"]


# Arguments and values


@pytest.mark.parametrize(
    ("body", "value"),
    [({"a": 1}, 3), ({"a": 1, "b": 5}, 6), ([1, 5], 6), ({"args": [1], "kwargs": {"b": 7}}, 8)],
)
def test_arguments_are_by_name_in_order_or_both(services, body, value):
    answer = call("add", body)
    assert (answer.status, answer.json) == (200, value)
    assert answer.headers["Content-Type"] == "application/json"


def test_no_body_is_no_arguments(services):
    assert call("everything").json == {"args": [], "kwargs": {}}
    assert call("everything", {}).json == {"args": [], "kwargs": {}}
    assert call("everything", {"args": 3}).json == {"args": [], "kwargs": {"args": 3}}
    assert call("everything", {"args": [1], "b": 2}).json == {
        "args": [],
        "kwargs": {"args": [1], "b": 2},
    }


@pytest.mark.parametrize("value", [None, True, 3, -1.5, "ä\n\u2028\U0001f600", [1, [2]], {"a": {}}])
def test_a_value_comes_back_as_it_was(services, value):
    assert call("echo", [value]).json == value


def test_hints_make_dataclasses_enums_and_times_of_json_and_results_are_said_in_it(services):
    body = {
        "point": {"x": 1, "colour": "blue"},
        "by": [2, 3],
        "when": "2025-01-31T10:00:00Z",
    }
    assert call("move", body).json == {
        "point": {"x": 3, "y": 3.0, "colour": "blue"},
        "when": "2025-01-31T10:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000001",
        "places": [3],
    }


def test_numpy_values_become_numbers_and_lists(services):
    pytest.importorskip("numpy")
    assert call("arrays").json == {"a": [0, 1, 2], "s": 0.5, "n": 7}


def test_a_coroutine_gives_its_value(services):
    assert call("add_async", [1, 2]).json == 3


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("add", "{", "not JSON"),
        ("add", "[NaN]", "NaN is not JSON"),
        ("add", "[" * 100_000, "not JSON"),
        ("add", "3", "an array: [...]"),
        ("add", {"c": 1}, "add(a: int, b: int = 2) -> int: add() got an unexpected keyword"),
        ("add", [], "missing 1 required positional argument"),
        ("move", {"point": {"x": 1, "colour": "pink"}, "by": []}, 'there are: "red", "blue"'),
        ("move", {"point": {"z": 1}, "by": []}, "Point has no 'z'; it has: colour, x, y"),
        ("move", {"point": {}, "by": []}, "no Point can be made"),
        ("move", {"point": {"x": 1}, "by": [1], "when": "soon"}, "is no datetime"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_anything_runs(services, name, body, words):
    assert words in refusal(call(name, body), 400, "invalid")


def test_a_value_that_json_cannot_say_is_406_with_the_part_and_the_way_out(services):
    message = refusal(call("unsayable"), 406, "not_acceptable")
    assert "a value of object, at ['models'][1]" in message
    assert "call it from Python" in message
    assert call("unsayable").error["type"] == "ValueTransportError"
    assert "nan is no number" in refusal(call("not_a_number"), 406, "not_acceptable")


def test_a_large_value_and_large_arguments_pass(services):
    assert len(call("large", [5_000_000]).json) == 5_000_000
    text = "y" * 5_000_000
    assert call("echo", [text]).json == text


# Errors


def test_what_user_code_raises_is_500_with_its_class_and_traceback(services):
    answer = call("fail", ["so it goes"])
    assert refusal(answer, 500, "user") == "so it goes"
    assert answer.error["type"] == "ValueError"
    assert f'{counter.__file__}", line' in answer.error["traceback"]
    assert "json_calls" not in answer.error["traceback"]


def test_a_type_error_inside_is_the_users_own(services):
    assert call("type_error").error["type"] == "TypeError"
    assert call("type_error").status == 500


def test_a_worker_that_dies_is_502(services):
    answer = call("die")
    assert (
        "exited with code 3" in refusal(answer, 502, "worker_died")
        or answer.error["exit_code"] == 3
    )


def test_a_timeout_is_504(services, tmp_path):
    message = refusal(call("wait_for", [str(tmp_path / "w")], "?timeout=0.05"), 504, "timeout")
    assert "0.05 s" in message
    (tmp_path / "w").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "query", ["?timeout=soon", "?timeout=-1", "?timeout=", "?wait=1", "?timeout"]
)
def test_a_query_that_makes_no_sense_is_refused(services, query):
    refusal(call("add", [1], query), 400, "invalid")


def test_a_service_that_is_not_there_is_404_with_near_names(services):
    assert "c.add" in refusal(post("/v1/services/c.adt", []), 404, "not_found")


# Objects and classes


def test_methods_of_a_live_object_share_its_state(total):
    assert post("/v1/objects/total/add", {"n": 2}).json == 7
    assert post("/v1/objects/total/add").json == 8
    assert total.value == 8
    assert post("/v1/objects/total", [10]).json == 80
    assert post("/v1/objects/total/each").json == list(range(8))


def test_a_method_that_returns_the_object_says_its_name(total):
    assert post("/v1/objects/total/me").json == {"object": "total"}


@pytest.mark.parametrize(
    "member", ["nothing", "doubled", "limit", "_secret", "__init__", "__class__"]
)
def test_only_public_methods_can_be_called(total, member):
    message = refusal(post(f"/v1/objects/total/{member}"), 404, "not_found")
    assert (
        "it has: " in message and "add" in message and "_secret'" not in message.split("it has")[1]
    )


def test_class_methods_are_called_on_the_class(services):
    assert post("/v1/services/c.Counter/highest").json == 1000
    assert post("/v1/services/c.Counter/twice", [4]).json == 8
    refusal(post("/v1/services/c.Counter/add", []), 404, "not_found")
    assert "POST /v1/objects/NAME/METHOD" in refusal(post("/v1/services/c.Counter"), 400, "invalid")
    refusal(post("/v1/services/c.add/part"), 404, "not_found")


def test_an_object_that_is_not_there_and_a_value_say_so(lt, services):
    refusal(post("/v1/objects/nobody/add"), 404, "not_found")
    lt.here.put("weights", [1, 2])
    try:
        assert "lt.here.get('weights')" in refusal(
            get("/v1/objects/weights"), 406, "not_acceptable"
        )
        assert {"name": "weights", "kind": "value"} in get("/v1/objects").json["objects"]
    finally:
        lt.here.delete("weights")


def test_services_and_objects_describe_themselves(total):
    rows = {row["name"]: row for row in get("/v1/services").json["services"]}
    assert rows["c.add"]["callable"] == "counter.add"
    assert rows["c.add"]["path"] == "/v1/services/c.add"
    said = get("/v1/services/c.add").json
    assert said["describe"]["call"] == "function"
    assert get(said["openapi"]).status == 200
    object_ = get("/v1/objects/total").json
    assert (object_["class"], object_["kind"]) == ("Counter", "live")
    assert object_["describe"]["members"]["add"] == "function"


def test_a_name_may_hold_what_paths_cannot(lt, services):
    lt.function(counter.add).to(lt.here).save("ä/b c?")
    assert post("/v1/services/%C3%A4%2Fb%20c%3F", [1]).json == 3
    paths = [row["path"] for row in get("/v1/services").json["services"]]
    assert "/v1/services/%C3%A4%2Fb%20c%3F" in paths


# OpenAPI


def test_a_function_has_an_openapi_document_from_its_hints(services):
    document = get("/v1/services/c.typed/openapi.json").json
    assert document["openapi"] == "3.1.0"
    operation = document["paths"]["/v1/services/c.typed"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["count"]
    assert schema["properties"] == {
        "count": {"type": "integer"},
        "name": {"type": ["string", "null"], "default": None},
        "kind": {"enum": ["a", "b"], "default": "a"},
        "points": {"type": "array", "items": {"$ref": "#/components/schemas/Point"}, "default": []},
        "scores": {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "number"}},
                {"type": "null"},
            ],
            "default": None,
        },
    }
    point = document["components"]["schemas"]["Point"]
    assert point["required"] == ["x"]
    assert point["properties"]["colour"] == {"$ref": "#/components/schemas/Colour"}
    assert document["components"]["schemas"]["Colour"]["enum"] == ["red", "blue"]
    returned = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert returned == {"type": "array", "items": {"$ref": "#/components/schemas/Point"}}
    for ref in re_refs(document):
        assert ref in document["components"]["schemas"]


def re_refs(document):
    import re

    return set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))


def test_a_generators_document_says_an_array_and_its_doc(services):
    operation = get("/v1/services/c.count_up/openapi.json").json["paths"]["/v1/services/c.count_up"]
    assert operation["post"]["summary"] == "Count from zero."
    content = operation["post"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"] == {"type": "array", "items": {"type": "integer"}}
    assert "text/event-stream" in content


def test_a_class_and_an_object_have_their_own_documents(total):
    of_class = get("/v1/services/c.Counter/openapi.json").json["paths"]
    assert set(of_class) == {"/v1/services/c.Counter/highest", "/v1/services/c.Counter/twice"}
    of_object = get("/v1/objects/total/openapi.json").json["paths"]
    assert {"/v1/objects/total/add", "/v1/objects/total", "/v1/objects/total/me"} <= set(of_object)
    assert not any("secret" in path or "doubled" in path for path in of_object)
    schema = of_object["/v1/objects/total/add"]["post"]["requestBody"]["content"]
    assert schema["application/json"]["schema"]["properties"] == {
        "n": {"type": "integer", "default": 1}
    }


# Streams


def test_a_generator_is_an_array_as_json(services):
    assert call("count_up", [100]).json == list(range(100))
    assert call("count_up", [0]).json == []
    assert call("count_slowly", [20]).json == list(range(20))


def test_a_generator_that_fails_is_that_error(services):
    assert refusal(call("count_and_fail", [3]), 500, "user") == "no more"


def test_a_generator_and_its_output_are_events_with_ids(services):
    answer = call("count_up", [30], Accept="text/event-stream")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    found = events(answer.body)
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert [data for _, name, data in found if name == "item"] == list(range(30))
    logs = "".join(data["text"] for _, name, data in found if name == "log")
    assert logs == "".join(f"at {i}\n" for i in range(30))
    assert found[-1][1:] == ("end", None)
    first = [name for _, name, _ in found].index("item")
    assert found[:first]  # what it printed before its first item came before that
    assert found[0][2]["text"].startswith("at 0\n")


def test_a_plain_call_as_events_is_its_output_and_its_result(services):
    found = events(call("shout", ["hey"], Accept="text/event-stream").body)
    assert found[-1][1:] == ("result", "HEY")
    assert {"stream": "stderr", "text": "to stderr\n"} in [data for _, _, data in found]


def test_an_error_is_the_last_event(services):
    found = events(call("count_and_fail", [2], Accept="text/event-stream").body)
    assert [name for _, name, _ in found] == ["item", "item", "error"]
    assert found[-1][2]["error"]["type"] == "ValueError"


def test_what_is_refused_is_no_stream(services):
    answer = post("/v1/services/nobody", [], Accept="text/event-stream")
    refusal(answer, 404, "not_found")


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_a_reader_who_leaves_closes_the_generator(services, tmp_path, accept):
    closed = tmp_path / "closed"
    connection = UnixConnection()
    connection.request(
        "POST", "/v1/services/c.count_for_ever", json.dumps([str(closed)]), {"Accept": accept}
    )
    if accept == "text/event-stream":
        response = connection.getresponse()
        assert b"id: 1\n" in response.read1(1000)
        connection.sock = None  # the response holds it now
        response.close()
    connection.close()
    assert wait_until(closed.exists)


def test_a_caller_who_leaves_does_not_end_the_call(services, tmp_path):
    running, ended = tmp_path / "running", tmp_path / "ended"
    connection = UnixConnection()
    connection.request("POST", "/v1/services/c.wait_for", json.dumps([str(running), str(ended)]))
    assert wait_until(running.exists)
    connection.close()
    running.unlink()
    assert wait_until(ended.exists)


# The protocol


def test_a_connection_is_kept_for_the_next_request(services):
    connection, first = UnixConnection(), None
    for i in range(20):
        assert ask("POST", "/v1/services/c.add", [i], connection).json == i + 2
        first = connection.sock if i == 0 else first
        assert connection.sock is first
    connection.close()


def raw(method, path, body="", *headers, version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def test_requests_may_be_sent_without_waiting_and_are_answered_in_order(services):
    asked = b"".join(raw("POST", "/v1/services/c.add", f"[{i}]") for i in range(50))
    answer = send_raw(asked)
    assert statuses(answer) == [200] * 50
    values = [int(line) for line in answer.split(b"\n") if line.isdigit()]
    assert values == [i + 2 for i in range(50)]


def test_chunked_bodies_and_expect_continue_are_understood(services):
    chunks = "2\r\n[1\r\n4;x=y\r\n, 5]\r\n0\r\nTrailer: x\r\n\r\n"
    asked = raw("POST", "/v1/services/c.add", "", "Transfer-Encoding: chunked")
    assert send_raw(asked + chunks.encode()).rstrip().endswith(b"\n6")
    import socket

    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(LIMIT)
        peer.connect(socket_path())
        head = raw(
            "POST", "/v1/services/c.add", "[1, 6]", "Expect: 100-continue", "Connection: close"
        )
        head, body = head.split(b"\r\n\r\n")
        peer.sendall(head + b"\r\n\r\n")
        assert peer.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(body)
        answer = b""
        while piece := peer.recv(1000):
            answer += piece
        assert answer.endswith(b"7\n")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"GET /v1/services HTTP/1.1\r\n\r\n", 400),  # no Host
        (raw("GET", "/v1/services", "", "Host: other"), 400),
        (raw("POST", "/v1/services/c.add", "", "Transfer-Encoding: gzip"), 501),
        (raw("POST", "/v1/services/c.add", "", "Transfer-Encoding: gzip, chunked"), 501),
        (raw("POST", "/v1/services/c.add", "", "Transfer-Encoding: chunked", version="1.0"), 400),
        (raw("POST", "/v1/services/c.add", "[1]", "Transfer-Encoding: chunked"), 400),
        (raw("POST", "/v1/services/c.add", "[1]", "Content-Length: 4"), 400),
        (raw("GET", "/v1/services", version="2.0"), 505),
        (raw("GET", "/v1/services", "", "X: " + "y" * 40_000), 431),
        (raw("GET", "/v1/" + "y" * 40_000), 431),
        (b"get lost\r\n\r\n", 400),
        (b"GET  /v1/services HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/services HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (raw("POST", "/v1/services/c.add", "", "Content-Length: 99999999999999"), 413),
        (raw("POST", "/v1/services/c.add", "", "Content-Length: -1"), 400),
        (raw("POST", "/v1/services/c.add", "", "Transfer-Encoding: chunked") + b"zz\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_ends(services, asked, status):
    answer = send_raw(asked + raw("GET", "/v1/services"))
    assert statuses(answer) == [status], answer
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["message"]
    assert b"\r\nConnection: close\r\n" in answer


def test_an_old_client_is_served_and_its_connection_closed(services):
    answer = send_raw(raw("POST", "/v1/services/c.add", "[1]", version="1.0") + b"more")
    assert statuses(answer) == [200]
    assert b"\r\nConnection: close\r\n" in answer


def test_a_stream_for_an_old_client_ends_with_its_connection(services):
    asked = raw(
        "POST", "/v1/services/c.count_up", "[3]", "Accept: text/event-stream", version="1.0"
    )
    import socket

    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(LIMIT)
        peer.connect(socket_path())
        peer.sendall(asked)
        answer = b""
        while piece := peer.recv(1000):
            answer += piece
    assert b"chunked" not in answer
    assert events(answer.split(b"\r\n\r\n", 1)[1])[-1][1] == "end"


def test_head_is_get_without_the_body(services):
    whole, head = get("/v1/services/c.add"), ask("HEAD", "/v1/services/c.add")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


def test_other_methods_and_paths_are_told_what_there_is(services):
    answer = get("/v1/services/c.add/part")
    refusal(answer, 405, "invalid")
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert ask("DELETE", "/v1/services/c.add").headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert ask("OPTIONS", "/v1/services").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert ask("OPTIONS", "/v1/services").status == 204
    for path in ["/", "/v2/services", "/v1/services/", "/v1/services//x", "/v1/services/a/b/c"]:
        refusal(get(path), 404, "not_found")
    for path in ["/v1/services/%", "/v1/services/%zz", "/v1/services/%ff", "/v1/services/%00"]:
        refusal(get(path), 400, "invalid")
    refusal(get("http://localhost/v1/services"), 400, "invalid")


def test_arguments_of_another_type_are_refused(services):
    refusal(call("add", "[1]", Content_Type="text/plain"), 415, "invalid")
    refusal(call("add", "x" * 200_000, Content_Type="multipart/form-data"), 415, "invalid")
    for fine in ["application/json; charset=utf-8", "application/problem+json"]:
        assert call("add", "[1]", Content_Type=fine).json == 3


def test_a_request_has_an_id_which_the_client_may_choose(services):
    assert get("/v1/services", X_Request_Id="mine-1").headers["X-Request-Id"] == "mine-1"
    first, second = (get("/v1/services").headers["X-Request-Id"] for _ in range(2))
    assert first != second
    assert get("/v1/services", X_Request_Id="no good").headers["X-Request-Id"] != "no good"


def test_many_connections_are_served_side_by_side(services, tmp_path):
    waiting = tmp_path / "waiting"
    slow = threading.Thread(target=call, args=("wait_for", [str(waiting)]))
    slow.start()
    assert wait_until(waiting.exists)
    connections = [UnixConnection() for _ in range(50)]
    for i, connection in enumerate(connections):
        connection.request("POST", "/v1/services/c.add", json.dumps([i]))
    values = [json.loads(connection.getresponse().read()) for connection in connections]
    assert values == [i + 2 for i in range(50)]
    for connection in connections:
        connection.close()
    waiting.unlink()
    slow.join(LIMIT)
    assert not slow.is_alive()


def test_frames_and_http_share_the_socket(lt, services):
    remote = lt.function(counter.add).to(lt.here)
    connection = UnixConnection()
    for i in range(5):
        assert remote(i) == ask("POST", "/v1/services/c.add", [i], connection).json
    connection.close()


def curl(*arguments):
    done = subprocess.run(
        ["curl", "-sS", "--unix-socket", socket_path(), *arguments],
        capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_calls_a_service(services):
    url = "http://localhost/v1/services/c.add"
    assert curl("-d", '{"a": 1}', url) == "3\n"
    assert curl("--json", "[2, 3]", url) == "5\n"
    assert (
        curl("-X", "POST", "http://localhost/v1/services/c.everything")
        == '{"args":[],"kwargs":{}}\n'
    )
    stream = curl(
        "-N",
        "-H",
        "Accept: text/event-stream",
        "-d",
        "[3]",
        "http://localhost/v1/services/c.count_up",
    )
    assert events(stream.encode())[-1][1] == "end"


def test_status_says_where_it_listens(services):
    assert get("/v1/status").json["http"] is None
    assert "http" not in [line.split()[0] for line in leanto("status").splitlines() if line]

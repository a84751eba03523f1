"""A plugin for pytest: what tests send to `lt.here` goes over TLS to the same node, as if it were on another machine.

`pytest -p direct_suite tests/python/test_functions.py` runs these tests that way.
"""

import pathlib
import sys
import tempfile

import pytest
from tls_relays import TlsRelay, node_socket


@pytest.fixture(scope="session", autouse=True)
def direct(shared_home):
    import leanto as lt
    from leanto import _cluster, _direct, _finding, _nodes, _tls

    lt.here.keys()  # which starts the node
    with tempfile.TemporaryDirectory() as directory:
        relay = TlsRelay(pathlib.Path(directory), node_socket(shared_home))
        node = _direct.Direct("elsewhere", _tls.parse(relay.join_word, None, None))
        _nodes.register(node)
        elsewhere = _cluster.Cluster(
            "elsewhere", {"url": relay.join_word, "python": sys.executable}
        )
        elsewhere._nodes = [node]
        patch = pytest.MonkeyPatch()
        patch.setattr(lt, "here", elsewhere)
        patch.setattr(_cluster, "here", elsewhere)
        patch.setattr(_finding, "find", lambda look: (node, look(node)))
        yield
        patch.undo()
        assert relay.asked.count("call") > 0, "nothing went that way"
        relay.close()

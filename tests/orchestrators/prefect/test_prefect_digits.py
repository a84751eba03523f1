"""examples/digits as a flow of Prefect, and the second pipeline, which calls what the first has published."""

import asyncio
import sys

from conftest import ROOT

pytest_plugins = ("prefect_server",)


def test_the_pipeline_and_the_second_one(server, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "digits"))
    monkeypatch.delitem(sys.modules, "digits", raising=False)
    import prefect_flow

    assert prefect_flow.digits()["accuracy"] > 0.9
    flow_run = server.last_flow_run()
    assert len(asyncio.run(prefect_flow.second_pipeline(4))) == 4
    from conftest import wait_until

    assert wait_until(lambda: "epoch 5: accuracy" in server.log_of(flow_run))

"""examples/digits as assets of Dagster; the last one is the second pipeline, which calls what the first has published."""

from conftest import ROOT


def test_the_pipeline_and_the_second_one(monkeypatch, lt):
    from dagster import DagsterInstance

    monkeypatch.syspath_prepend(str(ROOT / "examples" / "digits"))
    import dagster_defs

    with DagsterInstance.ephemeral() as instance:
        job = dagster_defs.defs.resolve_job_def("nightly")
        done = job.execute_in_process(instance=instance)
        assert done.success and len(done.output_for_node("second_pipeline")) == 5
        (evaluated,) = done.asset_materializations_for_node("evaluation")
        assert evaluated.metadata["accuracy"].value > 0.9
        said = [event.user_message for event in instance.all_logs(done.run_id)]
    assert any(text.startswith("epoch 5: accuracy") for text in said)
    assert {"dagster/split", "dagster/model", "digits-predictor"} <= set(lt.here.keys())

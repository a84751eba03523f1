"""What becomes of calls, streams and runs while there is no link for long: tests/far_story.py is what happens."""

import pytest
from clients import Failed


def test_a_call_goes_on_after_twenty_seconds_without_a_link(story):
    assert story.answer("talk", 50) == 500
    assert story.clients["talk"].said() == "".join(f"line {i}\n" for i in range(500))


def test_a_stream_goes_on_after_twenty_seconds_without_a_link(story):
    assert story.answer("items", 50) == list(range(500))


def test_calls_are_made_once_around_twenty_seconds_without_a_link(story):
    seen = story.answer("counts", 60)
    assert len(seen) > 10 and seen == list(range(1, len(seen) + 1))


def test_a_run_is_followed_through_twenty_seconds_without_a_link(story):
    said, result = story.answer("run", 50)
    assert said == [f"line {i}" for i in range(500)]
    assert result == 500


def test_a_host_that_lost_its_power_is_found_out_and_works_again(story):
    with pytest.raises(Failed) as caught:
        story.answer("power", 60)
    assert caught.value.kind == "NodeLostError"
    client = story.clients["power"]
    assert client.do("list(lt.function(app.items).to(on)(3, 0))") == [0, 1, 2]
    with pytest.raises(Failed) as caught:
        client.do("counter.more()")
    assert caught.value.kind == "NotFoundError"


def test_a_link_that_is_gone_for_good_is_an_error_within_its_time(story):
    with pytest.raises(Failed) as caught:
        story.answer("gone", 110)
    assert caught.value.kind == "NodeLostError"
    assert "on-b" in caught.value.text and "has not been reached for" in caught.value.text
    assert "whether the code has done its work is not known" in caught.value.text
    story.world.hosts[1].heal()
    client = story.clients["gone"]
    assert client.do("list(lt.function(app.items).to(on)(3, 0))") == [0, 1, 2]

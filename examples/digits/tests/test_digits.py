"""The package's own tests: ordinary Python, here."""

import pickle

import pytest
from digits.data import load, preprocess
from digits.evaluation import evaluate
from digits.nightly import nightly
from digits.prediction import Predictor
from digits.training import Trainer, train


@pytest.fixture(scope="module")
def split():
    return preprocess(*load())


def test_images_are_made_ready(split):
    assert [len(part) for part in split] == [1347, 450, 1347, 450]
    assert split.images.min() == 0 and split.images.max() == 1


def test_images_without_labels_are_refused():
    with pytest.raises(ValueError, match="1797 images have 1796 labels"):
        preprocess(load()[0], load()[1][1:])


def test_a_model_reads_nine_of_ten(split):
    found = evaluate(train(split), split)
    assert found["accuracy"] > 0.9 and len(found["mistaken_most"]) == 2
    assert nightly() == found


def test_training_goes_on_after_its_checkpoint(split, tmp_path, capsys):
    checkpoint = str(tmp_path / "checkpoint")
    Trainer(checkpoint).fit(split.images, split.labels, 2)
    capsys.readouterr()
    again = Trainer(checkpoint)
    again.fit(split.images, split.labels, 3)
    assert again.epoch == 3
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "epoch 3"
    ]
    with open(checkpoint, "rb") as file:
        assert pickle.load(file)[1] == 3


def test_a_predictor_reads_and_counts(split):
    predictor = Predictor(train(split))
    assert len(predictor.predict(split.test_images[:5])) == predictor.read == 5


def test_the_same_in_torch(split):
    pytest.importorskip("torch")
    from digits.torch_training import train as train_in_torch

    found = evaluate(train_in_torch(split), split)
    assert found["accuracy"] > 0.9

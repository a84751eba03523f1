"""Training, which goes on where it was interrupted."""

import os
import pickle
import time

from sklearn.linear_model import SGDClassifier


class Trainer:
    """Trains a linear model, epoch by epoch, and keeps a checkpoint after each."""

    def __init__(self, checkpoint=None, rate=1e-4):
        self.checkpoint = checkpoint
        self.model = SGDClassifier(loss="log_loss", alpha=rate, random_state=0)
        self.epoch = 0
        self.accuracy = 0.0
        if checkpoint and os.path.exists(checkpoint):
            with open(checkpoint, "rb") as file:
                self.model, self.epoch, self.accuracy = pickle.load(file)
            print(f"going on after epoch {self.epoch}, as {checkpoint} says")

    def fit(self, images, labels, epochs, pause=0):
        """Train until `epochs` are done, with so many seconds between them; return the accuracy on these images."""
        while self.epoch < epochs:
            self.model.partial_fit(images, labels, classes=range(10))
            self.accuracy = float(self.model.score(images, labels))
            self.epoch += 1
            self._save()
            print(f"epoch {self.epoch}: accuracy {self.accuracy:.3f}", flush=True)
            time.sleep(pause)
        return self.accuracy

    def _save(self):
        """Replace the checkpoint, so that it's whole whenever this process is killed."""
        if not self.checkpoint:
            return
        with open(f"{self.checkpoint}.new", "wb") as file:
            pickle.dump((self.model, self.epoch, self.accuracy), file)
        os.replace(f"{self.checkpoint}.new", self.checkpoint)


def train(split, epochs=5, checkpoint=None, pause=0):
    """Return the model that a trainer has made of the training images of a `Split`."""
    trainer = Trainer(checkpoint)
    trainer.fit(split.images, split.labels, epochs, pause)
    return trainer.model

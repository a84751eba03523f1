"""Learns to read handwritten digits: ordinary Python, which does not know Leanto."""

import features
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def load():
    """Return the 1,797 images that come with scikit-learn, and which digit each one shows."""
    data = load_digits()
    return data.images, data.target


class Trainer:
    """A neural network, and how far it has got."""

    def __init__(self, learning_rate):
        self.model = MLPClassifier(
            hidden_layer_sizes=(64,), learning_rate_init=learning_rate, random_state=0
        )
        self.history = []  # the accuracy after each epoch

    def fit(self, images, labels, epochs):
        """Train for so many epochs; return the accuracy on images that it was not shown."""
        rows = features.prepare(images)
        train_rows, test_rows, train_labels, test_labels = train_test_split(
            rows, labels, test_size=0.25, random_state=0
        )
        print(f"{len(train_rows)} images to learn from, {rows.shape[1]} numbers for each")
        for epoch in range(1, epochs + 1):
            self.model.partial_fit(train_rows, train_labels, classes=range(10))
            self.history.append(self.model.score(test_rows, test_labels))
            bar = "#" * (30 * epoch // epochs)
            print(f"\r[{bar:30}] epoch {epoch:2}, {self.history[-1]:.1%} right", end="", flush=True)
        print()
        return self.history[-1]

    def status(self):
        """Say how far it has got; callable while `fit` runs."""
        return {"epochs": len(self.history), "accuracy": self.history[-1] if self.history else 0.0}

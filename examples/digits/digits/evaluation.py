"""How well a model reads."""

from sklearn.metrics import accuracy_score, confusion_matrix


def evaluate(model, split):
    """Return the share of the test images that was read right, and what is mistaken most often for what, as JSON takes it."""
    read = model.predict(split.test_images)
    mistaken = confusion_matrix(split.test_labels, read, labels=range(10))
    for digit in range(10):
        mistaken[digit, digit] = 0
    worst = divmod(int(mistaken.argmax()), 10)
    return {
        "accuracy": float(accuracy_score(split.test_labels, read)),
        "mistaken_most": list(worst),
    }

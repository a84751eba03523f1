"""The pipeline as one runs it in an IDE; the second one is the last line."""

import places
from digits.data import load


def main():
    split = places.preprocess.to(places.preprocessing)(*load())
    model = places.train.to(places.training)(split)
    print(places.evaluate.to(places.training)(model, split))
    places.publish(model)
    print("read:", places.read(split.test_images[:5]), "right:", split.test_labels[:5].tolist())


if __name__ == "__main__":
    main()

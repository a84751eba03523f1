"""Sends digits.py to this machine's node, looks at the model while it trains, edits it, runs again.

Started by `./dev demo`. The edit is made to a copy of the project, so that this one stays as it is.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import leanto as lt

HERE = pathlib.Path(__file__).resolve().parent
FORMER = "numpy.hstack([images.sum(axis=1), images.sum(axis=2)])  # how dark each row and column is"
BETTER = "images.reshape(len(images), -1)  # every pixel"
EPOCHS = 100


def say(text):
    print(f"\n== {text}", flush=True)


def send_model(digits):
    """Send the project as it is now; return a new model, in a process of its own."""
    if lt.here.exists("digits"):
        lt.here.delete("digits")
    Trainer = lt.cls(digits.Trainer).to(lt.here)
    return Trainer.options(name="digits")(learning_rate=0.003)


def train_and_watch(model, images, labels):
    watch = subprocess.Popen([sys.executable, str(HERE / "watch.py")])
    try:
        return model.fit(images, labels, EPOCHS)
    finally:
        watch.wait()


def edit(file, former, better):
    print(f"- return {former}\n+ return {better}")
    file.write_text(file.read_text().replace(former, better))


def run(project, digits):
    say("digits.load and digits.Trainer go to this machine's node")
    started = time.perf_counter()
    load = lt.function(digits.load).to(lt.here)
    images, labels = load()
    model = send_model(digits)
    print(f"{len(images)} images, and a model; it took {time.perf_counter() - started:.2f} s")
    print("(the first time, most of that is the import of scikit-learn over there)")

    say("it trains over there and its output comes here; a second process looks at it meanwhile")
    before = train_and_watch(model, images, labels)

    say("features.py is edited, and the first epoch is run again")
    started = time.perf_counter()
    edit(project / "features.py", FORMER, BETTER)
    model = send_model(digits)
    model.fit(images, labels, epochs=1)
    print(f"edit to result: {1000 * (time.perf_counter() - started):.0f} ms")

    say("and trained to the end")
    after = model.fit(images, labels, EPOCHS)
    print(f"{before:.1%} right before the edit, {after:.1%} after it")


def main():
    with tempfile.TemporaryDirectory() as directory:
        project = pathlib.Path(directory, "quickstart")
        project.mkdir()
        for name in ("digits.py", "features.py"):
            shutil.copy(HERE / name, project)
        sys.path.insert(0, str(project))
        import digits

        try:
            run(project, digits)
        finally:
            if lt.here.exists("digits"):
                lt.here.delete("digits")
    say("the node stays for the next call: `leanto status` shows it, `leanto stop` ends it")


if __name__ == "__main__":
    main()

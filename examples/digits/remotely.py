"""Train on a node that is reached by a join word ($LEANTO_JOIN), under a key: what a job of a CI service runs.

$DIGITS_PYTHON names a Python over there that has numpy and scikit-learn; without it it's one of this program's version.
"""

import json
import os
import sys

import leanto as lt
from digits.nightly import nightly


def main(key):
    node = lt.cluster(
        "digits", url=os.environ["LEANTO_JOIN"], python=os.environ.get("DIGITS_PYTHON")
    )
    run = lt.function(nightly).options(key=key).to(node).submit()
    for line in run.logs(follow=True):
        print(line.text, file=sys.stderr)
    print(json.dumps(run.result()))


if __name__ == "__main__":
    main(*sys.argv[1:])

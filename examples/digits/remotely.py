"""Train on a node that is reached by a join word ($LEANTO_JOIN), under a key: what a job of a CI service runs."""

import json
import os
import sys

import leanto as lt
from digits.nightly import nightly


def main(key):
    node = lt.cluster("digits", url=os.environ["LEANTO_JOIN"])
    run = lt.function(nightly).options(key=key).to(node).submit()
    for line in run.logs(follow=True):
        print(line.text, file=sys.stderr)
    print(json.dumps(run.result()))


if __name__ == "__main__":
    main(*sys.argv[1:])

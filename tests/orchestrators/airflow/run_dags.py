"""Runs DAGs by `dag.test()`, one after the other in one process, since starting Airflow takes seconds: `run_dags.py MODULE...`.

What each writes stands between a line "BEGIN MODULE" and a line "STATE MODULE STATE".
"""

import importlib
import os
import sys

sys.path.insert(0, os.getcwd())
for name in sys.argv[1:]:
    print("BEGIN", name, flush=True)
    print("STATE", name, importlib.import_module(name).dag.test().state, flush=True)

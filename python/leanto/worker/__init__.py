"""What runs in a worker process beside the user's code: loading it, calling it, telling of its
errors and output.

A worker is started by the node and speaks only to it. Everything here runs on any Python from 3.9
on, without packages, and imports little: it shares the process with the user's own modules.
"""

#!/bin/sh
# For a crontab:  0 3 * * *  /path/to/examples/digits/cron.sh
# Once a night, however often it's said: who says it again waits for the same run. Lines go to stderr, the result to stdout as
# JSON, and the exit code says whether it succeeded. Deployed by: python deploy.py
exec leanto call digits-nightly --key "digits-$(date +%F)" --wait "$@"

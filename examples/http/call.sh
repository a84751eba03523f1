#!/bin/sh
# Calls a Python service from a shell, with nothing but curl.
set -eu
socket=${LEANTO_SOCKET:-${XDG_STATE_HOME:-$HOME/.local/state}/leanto/node.sock}

call() {
    service=$1
    shift
    curl --silent --show-error --fail-with-body --unix-socket "$socket" "http://localhost/v1/services/$service" "$@"
}

echo "the mean is $(call mean --json '[[1, 2, 6]]')"

# As it goes: each event is its name and its data.
call train --no-buffer --json '{"epochs": 2}' --header 'Accept: text/event-stream' |
    sed -n 's/^event: //p; s/^data: /  /p'

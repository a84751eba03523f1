// What reports say about processes: memory and processor time, in JSON.
#pragma once

#include "node/calls.h"
#include "node/slots.h"

namespace leanto::node {

wire::Json memory_of(pid_t pid);             // bytes (RSS), or null
wire::Json memory_of(const Worker& worker);  // under a limit: with its children
wire::Json cpu_of(pid_t pid);                // seconds of processor time so far, or null

// A row of "workers" and one of "services" in the answer to "status".
wire::Json worker_row(const Worker& worker, const Target& target, const Slots& slots);
wire::Json service_row(const Target& target);

}  // namespace leanto::node

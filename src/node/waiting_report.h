// What is said of a call that waits for a worker.
#pragma once

#include "node/calls.h"
#include "node/slots.h"
#include "wire/head.h"

namespace leanto::node {

// {"what": "start" | "slots" | "worker", "text": ...}: what must happen before the next of the
// target's calls can begin.
wire::Json waits_for(const Target& target, const Slots& slots);

}  // namespace leanto::node

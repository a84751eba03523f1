// How many workers a function has and should have: decisions, as plain functions of values.
#pragma once

#include "base/clock.h"
#include "node/service_settings.h"

namespace leanto::node {

struct WorkerCounts {
  int staying = 0;  // they take calls, or will
  int leaving = 0;  // they end after their calls
  int starting = 0;
};

// Whether there is one less than there may be. With `fresh` the leaving ones are those that work.
bool may_start(const WorkerCounts& have, const ServiceSettings& settings);
// Whether one must be started, though nobody calls.
bool is_below_minimum(const WorkerCounts& have, const ServiceSettings& settings);
// How many of the idle ones may go when they have been idle for long.
int spare_workers(const WorkerCounts& have, const ServiceSettings& settings);

// How long to wait before a worker is started in place of one that died, or could not start, after
// so many failures in a row: 100 ms, and each time twice that, up to a minute.
Duration restart_pause(int failures);
// The new number of failures in a row, after one more. Who lived for a minute has not failed to
// start.
int count_failure(int failures, Duration lived);

}  // namespace leanto::node

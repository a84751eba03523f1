// How a service is run, as a value: part of its version, so the same code with other settings is
// another version.
#pragma once

#include <map>
#include <string>

#include "node/slots.h"
#include "wire/head.h"

namespace leanto::node {

struct ServiceSettings {
  int concurrency = 1000;  // calls at once in one worker or object
  int workers = 1;         // at most, for a function
  std::map<std::string, std::string> env;
  SlotAsk ask;                  // what each worker holds; of memory it gets no more than that
  int min_workers = 0;          // kept ready, also when nobody calls
  std::string warmup;           // run once in each new worker or object; empty: nothing
  bool keep_arguments = false;  // of its runs, also after their end
  bool fresh = false;           // each call has a worker of its own, which ends after it

  friend bool operator==(const ServiceSettings&, const ServiceSettings&) = default;
};

// Reads what a deploy or a stored service says; kInvalid with the setting, its value and what would
// make sense.
Result<ServiceSettings> read_settings(const wire::Json& settings);

// Settings that older versions of Leanto didn't have are there only if they say something, so that
// the digests of versions stay.
wire::Json to_json(const ServiceSettings& settings);

}  // namespace leanto::node

// Where a body goes that is too large to be gathered in this process's memory: piece by piece, as
// it comes, into a file from which it can be read and kept without another copy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "wire/body.h"

namespace leanto::wire {

class BodySpool {
 public:
  virtual ~BodySpool() = default;
  virtual Status append(std::string_view piece) = 0;
  // All pieces have been appended.
  virtual Result<Body> finish() = 0;
};

// For a body of that size. Nothing: it's to be gathered in memory.
using MakeBodySpool = std::function<std::unique_ptr<BodySpool>(std::uint64_t size)>;

}  // namespace leanto::wire

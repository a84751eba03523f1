// A value that this node keeps, under a name or until its handle goes.
//
// Its bytes lie in memory of the kernel's, not of this process, or on disk: in the segment that its
// sender wrote them to, which readers map, or, when they came through the socket, in a file without
// a name.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "node/segments.h"
#include "node/value_budget.h"
#include "os/unique_fd.h"
#include "wire/frame.h"
#include "wire/head.h"

namespace leanto::node {

// Whether who reads a value can map this machine's shared memory.
enum class Reader { kHere, kFar };

class StoredValue {
 public:
  // `said` is the head of the frame that brought it: with `b` or `seg`, if it has large buffers.
  // kCapacity if there's no room, kNotFound if the segment is gone.
  static Result<StoredValue> store(const wire::Json& said, const wire::Body& body,
                                   Segments& segments, ValueBudget& budget);

  StoredValue(StoredValue&&) = default;
  StoredValue& operator=(StoredValue&&) = default;
  ~StoredValue();

  struct Loaded {
    wire::Json head;
    wire::Body body;
  };
  // What a RESULT with it says. For a reader elsewhere, all of it is in the body.
  Result<Loaded> load(Reader reader) const;

  std::uint64_t size() const;
  bool is_on_disk() const;  // some of it

 private:
  std::vector<std::uint64_t> segment_sizes() const;

  StoredValue(UniqueFd file, ValueBudget::Room room)
      : file_(std::move(file)), room_(std::move(room)) {}

  UniqueFd file_;
  ValueBudget::Room room_;  // of what is in the file
  wire::Json words_ = wire::Json::object();
  std::optional<Segments::Taken> segment_;
};

}  // namespace leanto::node

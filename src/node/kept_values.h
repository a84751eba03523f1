// Results that stay on this node until somebody fetches them: what `f.remote(x)` leaves behind.
//
// A value belongs to the session that asked for it and goes with it, or earlier when that lets it
// go. Its bytes lie in memory of the kernel's: in the segment that the worker wrote them to, which
// readers map, or, when they came through the socket, in a memfd.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "node/objects.h"
#include "node/segments.h"

namespace leanto::node {

class KeptValues {
 public:
  explicit KeptValues(Segments& segments) : segments_(segments) {}

  // Keeps the value of a RESULT; returns the head of the answer: `kind`, `o` and `size`.
  Result<wire::Json> keep(std::string_view result_head, const wire::Body& body,
                          const std::string& session);
  // The value as a RESULT. kNotFound if it's gone.
  struct Fetched {
    wire::Json head;
    wire::Body body;
  };
  Result<Fetched> fetch(const std::string& id) const;

  // False if it's none of this session's.
  bool release(const std::string& id, const std::string& session);
  void end_session(const std::string& session);
  std::size_t count() const { return values_.size(); }

 private:
  struct Kept {
    std::string session;
    StoredValue value;
    std::optional<Segment> segment;  // of the value's large buffers
    wire::Json segment_words;
  };
  void drop(Kept kept);

  Segments& segments_;
  std::unordered_map<std::string, Kept> values_;  // by id
};

}  // namespace leanto::node

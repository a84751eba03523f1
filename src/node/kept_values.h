// Results that stay on this node until somebody fetches them: what `f.remote(x)` leaves behind.
//
// A value belongs to the session that asked for it and goes with it, or earlier when that lets it
// go.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "node/stored_value.h"

namespace leanto::node {

class KeptValues {
 public:
  KeptValues(Segments& segments, ValueBudget& budget, const Clock& clock)
      : segments_(segments), budget_(budget), clock_(clock) {}

  // Keeps the value of a RESULT; returns the head of the answer: `kind`, `o` and `size`.
  Result<wire::Json> keep(std::string_view result_head, const wire::Body& body,
                          const std::string& session);
  // The value as a RESULT. kNotFound if it's gone.
  Result<StoredValue::Loaded> fetch(const std::string& id, Reader reader) const;

  // kNotFound if it's gone.
  Status check(const std::string& id) const;

  // False if it's none of this session's.
  bool release(const std::string& id, const std::string& session);
  void end_session(const std::string& session);

  struct Row {
    std::string id;
    std::string session;
    std::uint64_t size = 0;    // bytes
    std::int64_t kept_at = 0;  // milliseconds since 1970
  };
  std::vector<Row> rows() const;

 private:
  struct Kept {
    std::string session;
    StoredValue value;
    std::int64_t at = 0;
  };
  std::int64_t now() const;

  Segments& segments_;
  ValueBudget& budget_;
  const Clock& clock_;
  std::unordered_map<std::string, Kept> values_;  // by id
};

}  // namespace leanto::node

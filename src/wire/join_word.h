// A join word: all that one must know to reach a node over TLS (docs/wire.md, "Over TLS").
//
//   leanto://10.0.0.7:7433?fingerprint=5d41...&token=lt_...
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::wire {

struct JoinWord {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
  std::string fingerprint;  // as it's written; empty: not said
  std::string token;        // a secret; empty: not said

  // "10.0.0.7:7433", "[::1]:7433"
  std::string address() const;
  // "leanto://10.0.0.7:7433": without what is secret
  std::string url() const { return "leanto://" + address(); }
  std::string text() const;

  friend bool operator==(const JoinWord&, const JoinWord&) = default;
};

// kInvalid; the message never has the text itself, because of the token in it.
Result<JoinWord> parse_join_word(std::string_view text);

}  // namespace leanto::wire

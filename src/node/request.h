// What is asked of a node, and what it answers (docs/wire.md, "Operations").
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "node/access.h"
#include "node/call.h"
#include "wire/head.h"

namespace leanto::node {

struct Request {
  wire::Json head;
  wire::Body body;
  std::string session;
  Access access{};                    // of who asks; nobody's if it isn't said
  std::weak_ptr<ReplyPort> caller{};  // hears what goes on until the answer comes, on `stream`
  std::uint32_t stream = 0;
  // Whether the caller is still there; absent: he is. His port lives as long as the answer is made.
  std::function<bool()> wanted{};
};

struct Answer {
  wire::Json head = wire::Json::object();
  wire::Body body;
};

// Says something to whoever asked, while he waits for the answer: it's shown on his stderr.
std::function<void(std::string_view line)> progress_of(const Request& request);

}  // namespace leanto::node

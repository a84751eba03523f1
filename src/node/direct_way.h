// The way straight to another node, by a ticket of its (docs/adr/0015).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/frame_stream.h"
#include "node/tls_dialler.h"
#include "wire/head.h"

namespace leanto::node {

struct DirectWay {
  static constexpr std::size_t kMaxHosts = 4;

  std::string ticket;              // a secret
  std::vector<std::string> hosts;  // where that node may be reached, tried in turn
  std::uint16_t port = 0;
  std::string fingerprint;  // of its certificate: nobody else is told the ticket
};
// What `value_ticket` and `tree_ticket` answer. kInvalid.
Result<DirectWay> parse_direct_way(const wire::Json& head);

// Of each host; then it goes by another way.
inline constexpr TlsDialler::Limits kDirectLimits{std::chrono::seconds(2), std::chrono::seconds(3),
                                                  std::chrono::seconds(5)};

// A connection to the first host that is the right one. kNodeLost, kTimeout: none can be reached;
// kAccessDenied: others answer.
net::Task<Result<net::Connection>> dial_directly(TlsDialler& dialler, DirectWay way);

// The HELLO that has the ticket.
std::string hello_with(const std::string& ticket, const std::string& version);

// Closes a stream of which nothing more comes for so long, and says so.
net::Task<> close_silent(net::Loop& loop, std::shared_ptr<net::FrameStream> stream,
                         Duration silence, std::shared_ptr<bool> was_silent);

}  // namespace leanto::node

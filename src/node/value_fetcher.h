// Gets a value straight from the node that has it, by a ticket (docs/adr/0015).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/frame_stream.h"
#include "node/tls_dialler.h"
#include "wire/head.h"

namespace leanto::node {

// All that it takes to fetch one value.
struct ValueTicket {
  static constexpr std::size_t kMaxHosts = 4;

  std::string value;               // its id there
  std::string ticket;              // a secret
  std::vector<std::string> hosts;  // where that node may be reached, tried in turn
  std::uint16_t port = 0;
  std::string fingerprint;  // of its certificate: nobody else is told the ticket
};
// What `value_ticket` answers and `take_value` is asked with. kInvalid.
Result<ValueTicket> parse_value_ticket(const wire::Json& head);

class ValueFetcher {
 public:
  // Of each host; then it goes by another way.
  static constexpr TlsDialler::Limits kDialLimits{std::chrono::seconds(2), std::chrono::seconds(3),
                                                  std::chrono::seconds(5)};

  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    TlsDialler& dialler;
    std::string version;                          // of leanto here
    Duration silence = std::chrono::seconds(15);  // then the connection is taken for broken
  };
  explicit ValueFetcher(Parts parts) : parts_(std::move(parts)) {}

  struct Fetched {
    wire::Json head;  // of the RESULT
    wire::Body body;
  };
  // All of it or nothing. kNodeLost, kTimeout: it can't be reached, or the way broke;
  // kAccessDenied: another node answers, or the ticket is no good (any more).
  net::Task<Result<Fetched>> fetch(ValueTicket ticket);
  // The same over a connection to the node, which is taken over.
  net::Task<Result<Fetched>> fetch_over(UniqueFd socket, ValueTicket ticket);

 private:
  net::Task<> close_silent(std::shared_ptr<net::FrameStream> stream, std::shared_ptr<bool> silent);

  Parts parts_;
};

}  // namespace leanto::node

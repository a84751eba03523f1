// Gets a value straight from the node that has it, by a ticket (docs/adr/0015).
#pragma once

#include <string>

#include "node/direct_way.h"

namespace leanto::node {

class ValueFetcher {
 public:
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
  net::Task<Result<Fetched>> fetch(std::string value, DirectWay way);
  // The same over a connection to the node, which is taken over.
  net::Task<Result<Fetched>> fetch_over(UniqueFd socket, std::string value, std::string ticket);

 private:
  Parts parts_;
};

}  // namespace leanto::node

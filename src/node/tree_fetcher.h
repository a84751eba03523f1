// Gets the files of a source tree straight from a node that has them, by a ticket (docs/adr/0015).
#pragma once

#include <string>

#include "node/code_store.h"
#include "node/direct_way.h"

namespace leanto::node {

class TreeFetcher {
 public:
  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    TlsDialler& dialler;
    std::string version;                          // of leanto here
    Duration silence = std::chrono::seconds(15);  // then the connection is taken for broken
  };
  explicit TreeFetcher(Parts parts) : parts_(std::move(parts)) {}

  // What `code` lacks of it; what has come stays, also if not all does. kNodeLost, kTimeout: the
  // node can't be reached, or the way broke; kAccessDenied: another one answers, or the ticket is
  // no good (any more); kSnapshot: it hasn't got the tree any more.
  net::Task<Status> fetch(CodeStore& code, Digest tree, DirectWay way);
  // The same over a connection to the node, which is taken over.
  net::Task<Status> fetch_over(UniqueFd socket, CodeStore& code, Digest tree, std::string ticket);

 private:
  Parts parts_;
};

}  // namespace leanto::node

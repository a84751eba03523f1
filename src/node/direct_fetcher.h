// Gets a value, or the files of a source tree, straight from the node that has them, by a ticket
// (docs/adr/0015).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "node/code_store.h"
#include "node/direct_way.h"

namespace leanto::node {

class DirectFetcher {
 public:
  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    TlsDialler& dialler;
    std::string version;                          // of leanto here
    Duration silence = std::chrono::seconds(15);  // then the connection is taken for broken
  };
  explicit DirectFetcher(Parts parts) : parts_(std::move(parts)) {}

  // What may go wrong with either: kNodeLost, kTimeout: the node can't be reached, or the way
  // broke; kAccessDenied: another one answers, or the ticket is no good (any more).

  struct Fetched {
    wire::Json head;  // of the RESULT
    wire::Body body;
  };
  // All of it or nothing.
  net::Task<Result<Fetched>> fetch_value(std::string value, DirectWay way);
  // The same over a connection to the node, which is taken over.
  net::Task<Result<Fetched>> fetch_value_over(net::Connection connection, std::string value,
                                              std::string ticket);

  // What `code` lacks of the tree; what has come stays, also if not all does. kSnapshot: the node
  // hasn't got the tree any more.
  net::Task<Status> fetch_tree(CodeStore& code, Digest tree, DirectWay way);

 private:
  std::shared_ptr<bool> watch(std::shared_ptr<net::FrameStream> stream);
  Failure was_silent(std::string_view what) const;

  Parts parts_;
};

}  // namespace leanto::node

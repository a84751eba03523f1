// Other nodes directly, by TLS (docs/wire.md, "Over TLS").
#pragma once

#include <memory>
#include <string>

#include "net/tls_session.h"
#include "node/peers.h"

namespace leanto::node {

class TlsDialler {
 public:
  struct Limits {
    Duration lookup = std::chrono::seconds(10);
    Duration connect = std::chrono::seconds(10);
    Duration handshake = std::chrono::seconds(10);
  };

  explicit TlsDialler(net::Loop& loop) : loop_(loop) {}

  // A stream to the node, and the token that it's to be greeted with. kNodeLost: it isn't reached;
  // kAccessDenied: it isn't the one that was meant; kProtocol: what listens there is no node.
  net::Task<Result<Transport>> dial(HostSpec host, OnProgress on_progress);
  net::Task<Result<Transport>> dial(HostSpec host, OnProgress on_progress, Limits limits);

 private:
  net::Task<Result<std::string>> find_address(std::string host, Duration limit);

  net::Loop& loop_;
  std::shared_ptr<const net::TlsContext> context_;  // made for the first
};

}  // namespace leanto::node

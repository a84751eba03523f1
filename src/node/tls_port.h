// The port where other machines reach this node: each connection shakes hands, within a limit, and
// then is served as one of somebody who has said nothing yet.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "net/connection.h"
#include "net/loop.h"
#include "net/tls_session.h"
#include "os/unique_fd.h"

namespace leanto::node {

class TlsPort {
 public:
  static constexpr Duration kHandshakeLimit = std::chrono::seconds(10);
  static constexpr int kMaxConnections = 1000;
  static constexpr int kMaxBeginning = 100;  // of those, that haven't said a first byte yet

  struct Parts {
    net::Loop& loop;
    net::TlsContext context;
    std::function<void(net::Connection connection)> serve;
  };
  explicit TlsPort(Parts parts);

  // Accepts until the loop ends.
  net::Task<> accept(UniqueFd listener);

 private:
  void take(UniqueFd socket);
  net::Task<> begin(int socket, std::shared_ptr<void> held);

  net::Loop& loop_;
  const std::shared_ptr<const net::TlsContext> context_;
  const std::function<void(net::Connection connection)> serve_;
  // Shared with connections that may end after this.
  std::shared_ptr<int> connections_ = std::make_shared<int>(0);
  int beginning_ = 0;
};

// Who this node is towards TLS clients, kept in a file that nobody else may read; made when it
// isn't there. kAccessDenied if others may read it, kInvalid if it's spoilt: the message says what
// to do.
Result<net::TlsIdentity> own_tls_identity(const std::filesystem::path& file);

}  // namespace leanto::node

// Where connections come in, and who serves each.
//
// On the user's Unix socket the first byte decides: frames begin with one that HTTP never begins
// with, and so do connections to another node (wire/relay.h), which are handed on. So it is behind
// TLS (node/tls_port.h), where less is allowed. On a plain TCP port there is only HTTP.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_connection.h"
#include "node/client.h"
#include "os/unique_fd.h"

namespace leanto::node {

class Door {
 public:
  struct Parts {
    net::Loop& loop;
    net::Outgoing& outgoing;
    ClientRequests& requests;
    net::HttpHandler& http;
    // Joins a connection to the node of that name, or says there why not.
    std::function<net::Task<>(std::string node, UniqueFd socket)> relay;
    std::uint64_t max_body;  // of a frame, and of a request
  };
  explicit Door(Parts parts) : parts_(std::move(parts)) {}

  // Of each way in: what comes over the port takes no room from the Unix socket.
  static constexpr int kMaxHttpConnections = 500;

  // Accepts until the loop ends.
  net::Task<> accept(UniqueFd listener, net::HttpVia via);
  // One connection of whoever may do so much. Its peer is this process, or one of this user's.
  void serve(net::Connection connection, const Access& access);

 private:
  net::Task<> tell_apart(int socket, Access access);
  void serve_first_byte(net::Connection connection, std::uint8_t byte, const Access& access);
  net::Task<> relay(int socket);
  void serve_http(UniqueFd socket, net::HttpVia via);
  net::Task<> run_http(std::shared_ptr<net::HttpConnection> connection, net::HttpVia via);

  Parts parts_;
  std::map<net::HttpVia, int> http_connections_;
};

}  // namespace leanto::node

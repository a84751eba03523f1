// Where connections come in, and who serves each.
//
// On the user's Unix socket the first byte decides: frames begin with one that HTTP never begins
// with. On a TCP port there is only HTTP.
#pragma once

#include <map>
#include <memory>
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
    std::uint64_t max_body;  // of a frame, and of a request
  };
  explicit Door(Parts parts) : parts_(parts) {}

  // Of each way in: what comes over the port takes no room from the Unix socket.
  static constexpr int kMaxHttpConnections = 500;

  // Accepts until the loop ends.
  net::Task<> accept(UniqueFd listener, net::HttpVia via);

 private:
  void serve_unix(UniqueFd socket);
  net::Task<> tell_apart(int socket);
  void serve_first_byte(UniqueFd socket, std::uint8_t byte);
  void serve_http(UniqueFd socket, net::HttpVia via);
  net::Task<> run_http(std::shared_ptr<net::HttpConnection> connection, net::HttpVia via);

  Parts parts_;
  std::map<net::HttpVia, int> http_connections_;
};

}  // namespace leanto::node

// A connection that speaks HTTP/1.1: reads requests one after the other, has each handled, and
// sends the answers in the same order.
//
// While a request is handled the connection is read ahead, so that it's known when nobody waits any
// more. Every wait for the peer has a limit.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/event.h"
#include "net/http.h"
#include "net/http_decoder.h"
#include "net/loop.h"

namespace leanto::net {

// What is done with requests; all on the loop.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // A head has come: a response refuses the request before its body is read.
  virtual std::optional<HttpResponse> on_head(const HttpRequest& request) = 0;
  virtual Task<HttpResponse> on_request(HttpRequest request, std::shared_ptr<HttpPeer> peer) = 0;
  // The response to something that isn't a request, after which the connection is closed.
  virtual HttpResponse on_refusal(const HttpRefusal& refusal) = 0;
};

struct HttpTimes {
  Duration idle = std::chrono::seconds(75);   // between two requests
  Duration head = std::chrono::seconds(30);   // for all of a head
  Duration stall = std::chrono::seconds(60);  // for the next bytes of a body, or to take some
  Duration linger = std::chrono::seconds(2);  // for a refused body to be sent, unread
};

class HttpConnection final : public std::enable_shared_from_this<HttpConnection> {
 public:
  // Takes a connected socket of any family over. The handler outlives it.
  HttpConnection(Loop& loop, HttpHandler& handler, int socket, HttpVia via, HttpLimits limits = {},
                 HttpTimes times = {});
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Serves the connection until it ends.
  Task<> serve();
  void close();

 private:
  enum class Next { kGoOn, kClose };
  enum class Got { kStep, kEnd, kTimedOut, kRefused };

  Task<Next> serve_one();
  Task<Got> read_until(HttpDecoder::Step wanted);
  Task<Got> read_some(Duration limit);
  Task<Next> refuse(HttpRefusal refusal);
  Task<Next> refuse_head(HttpResponse response);
  Task<> drain();
  Task<HttpResponse> handle(HttpRequest request);
  Task<> end_read_ahead();
  Task<> read_ahead(std::shared_ptr<HttpPeer> peer, std::shared_ptr<Event> ended);
  Task<Next> respond(HttpResponse response, bool head_only);
  Task<bool> send_stream(HttpStream& stream, bool chunked);
  Task<bool> write(std::string_view bytes);
  void set_limit(Duration limit);
  void clear_limit();

  using Socket = boost::asio::generic::stream_protocol::socket;
  Loop& loop_;
  HttpHandler& handler_;
  Socket socket_;
  boost::asio::steady_timer limit_;
  HttpDecoder decoder_;
  const HttpTimes times_;
  HttpRefusal refusal_;
  std::shared_ptr<HttpPeer> peer_;  // of the request that is handled
  std::shared_ptr<Event> ahead_ended_;
  MonotonicTime head_began_;
  int minor_version_ = 1;
  bool keeps_alive_ = true;
  bool timed_out_ = false;
  bool handling_ = false;
  bool ended_ = false;  // the peer sends nothing more
};

}  // namespace leanto::net

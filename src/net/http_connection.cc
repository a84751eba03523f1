#include "net/http_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <exception>
#include <utility>

#include "base/result.h"

namespace leanto::net {

namespace asio = boost::asio;

namespace {

// A small body that is refused is read, so that the connection can go on; a larger one is not.
constexpr std::uint64_t kSmallBody = 64 << 10;
constexpr std::size_t kMaxAhead = 64 << 10;
constexpr std::size_t kMaxDrained = 16 << 20;

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; });
}

// The response's head, but for its last line; `how_long` says how its body ends.
std::string encode_head(const HttpResponse& response, std::string_view how_long) {
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, http_reason(response.status));
  for (const HttpField& field : response.fields) {
    if (is_clean(field.name) && is_clean(field.value)) {
      out += fmt::format("{}: {}\r\n", field.name, field.value);
    }
  }
  return out += how_long;
}

}  // namespace

HttpConnection::HttpConnection(Loop& loop, HttpHandler& handler, int socket, HttpVia via,
                               HttpLimits limits, HttpTimes times)
    : loop_(loop),
      handler_(handler),
      socket_(loop.context()),
      limit_(loop.context()),
      decoder_(limits, via),
      times_(times) {
  socket_.assign(asio::generic::stream_protocol(AF_UNIX, 0), socket);
  socket_.native_non_blocking(true);
}

Task<> HttpConnection::serve() {
  const std::shared_ptr<HttpConnection> self = shared_from_this();
  while (socket_.is_open()) {
    if (co_await serve_one() == Next::kClose) break;
  }
  close();
}

void HttpConnection::close() {
  clear_limit();
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
  if (peer_) peer_->set_gone();
}

// Limits: when one passes, what is waited for is cancelled.

void HttpConnection::set_limit(Duration limit) {
  timed_out_ = false;
  limit_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(limit));
  auto pass = [weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->limit_.expiry() > asio::steady_timer::clock_type::now()) return;
    self->timed_out_ = true;
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
  };
  limit_.async_wait(std::move(pass));
}

void HttpConnection::clear_limit() { limit_.cancel(); }

// Reading

Task<HttpConnection::Got> HttpConnection::read_some(Duration limit) {
  if (ended_) co_return Got::kEnd;
  const HttpDecoder::Room room = decoder_.prepare();
  boost::system::error_code error;
  auto buffer = asio::buffer(room.data, room.size);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  set_limit(limit);
  const std::size_t size = co_await socket_.async_read_some(buffer, token);
  clear_limit();
  if (error && timed_out_) co_return Got::kTimedOut;
  if (error) co_return Got::kEnd;
  decoder_.commit(size);
  co_return Got::kStep;
}

Task<HttpConnection::Got> HttpConnection::read_until(HttpDecoder::Step wanted) {
  bool began = decoder_.in_the_middle();
  head_began_ = std::chrono::steady_clock::now();
  while (true) {
    const tl::expected<HttpDecoder::Step, HttpRefusal> step = decoder_.next();
    if (!step) {
      refusal_ = step.error();
      co_return Got::kRefused;
    }
    if (*step != HttpDecoder::Step::kMore) co_return Got::kStep;
    Duration limit = times_.stall;
    if (wanted == HttpDecoder::Step::kHead) {
      limit = times_.idle;
      if (!began && decoder_.in_the_middle()) {
        began = true;
        head_began_ = std::chrono::steady_clock::now();
      }
      if (began) limit = times_.head - (std::chrono::steady_clock::now() - head_began_);
    }
    const Got got = co_await read_some(std::max(limit, Duration::zero()));
    if (got != Got::kStep) co_return got;
  }
}

Task<HttpConnection::Next> HttpConnection::serve_one() {
  Got got = co_await read_until(HttpDecoder::Step::kHead);
  if (got == Got::kStep) {
    minor_version_ = decoder_.request().minor_version;
    keeps_alive_ = decoder_.keeps_alive();
    const bool head_only = decoder_.request().method == "HEAD";
    std::optional<HttpResponse> refused = handler_.on_head(decoder_.request());
    const bool has_body = decoder_.has_body_to_come();
    if (refused && has_body && decoder_.announced_body().value_or(kSmallBody + 1) > kSmallBody) {
      co_return co_await refuse_head(*std::move(refused));
    }
    if (has_body) {
      if (!refused && decoder_.expects_continue()) {
        if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return Next::kClose;
      }
      got = co_await read_until(HttpDecoder::Step::kRequest);
    }
    if (got == Got::kStep) {
      HttpRequest request = decoder_.take_request();
      if (refused) co_return co_await respond(*std::move(refused), head_only);
      HttpResponse response = co_await handle(std::move(request));
      co_return co_await respond(std::move(response), head_only);
    }
  }
  if (got == Got::kRefused) co_return co_await refuse(refusal_);
  if (got == Got::kTimedOut && decoder_.in_the_middle()) {
    HttpRefusal late{408, "the request did not come to its end in time"};
    co_return co_await refuse(std::move(late));
  }
  co_return Next::kClose;
}

Task<HttpConnection::Next> HttpConnection::refuse(HttpRefusal refusal) {
  keeps_alive_ = false;
  HttpResponse response = handler_.on_refusal(refusal);
  co_await respond(std::move(response), false);
  co_await drain();
  co_return Next::kClose;
}

Task<HttpConnection::Next> HttpConnection::refuse_head(HttpResponse response) {
  keeps_alive_ = false;
  const bool head_only = decoder_.request().method == "HEAD";
  co_await respond(std::move(response), head_only);
  co_await drain();
  co_return Next::kClose;
}

// A socket that is closed with something unread resets the connection, and the peer may never see
// the response.
Task<> HttpConnection::drain() {
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  std::array<char, 16 << 10> unread;
  set_limit(times_.linger);
  for (std::size_t drained = 0; !error && drained < kMaxDrained;) {
    auto buffer = asio::buffer(unread);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    drained += co_await socket_.async_read_some(buffer, token);
  }
}

// Handling

Task<HttpResponse> HttpConnection::handle(HttpRequest request) {
  peer_ = std::make_shared<HttpPeer>();
  handling_ = true;
  ahead_ended_ = std::make_shared<Event>(loop_);
  loop_.spawn("read ahead", read_ahead(peer_, ahead_ended_));
  HttpResponse response;
  try {
    response = co_await handler_.on_request(std::move(request), peer_);
  } catch (const std::exception& exception) {  // a defect of ours costs this request its answer
    const HttpRefusal defect{500,
                             fmt::format("the request could not be handled: {}", exception.what())};
    response = handler_.on_refusal(defect);
  }
  co_return response;
}

Task<> HttpConnection::read_ahead(std::shared_ptr<HttpPeer> peer, std::shared_ptr<Event> ended) {
  const std::shared_ptr<HttpConnection> self = shared_from_this();
  while (handling_ && decoder_.waiting_bytes() < kMaxAhead) {
    const HttpDecoder::Room room = decoder_.prepare();
    boost::system::error_code error;
    auto buffer = asio::buffer(room.data, std::min(room.size, kMaxAhead));
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const std::size_t size = co_await socket_.async_read_some(buffer, token);
    if (!error) decoder_.commit(size);
    if (!error) continue;
    if (error != asio::error::operation_aborted) {
      ended_ = true;
      peer->set_gone();
    }
    break;
  }
  ended->set();
}

Task<> HttpConnection::end_read_ahead() {
  if (!handling_) co_return;
  handling_ = false;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  const std::shared_ptr<Event> ended = std::move(ahead_ended_);
  co_await ended->wait();
}

// Answering

Task<HttpConnection::Next> HttpConnection::respond(HttpResponse response, bool head_only) {
  const bool streams = response.stream != nullptr && !head_only;
  const bool chunked = streams && minor_version_ == 1;
  if (streams && !chunked) keeps_alive_ = false;
  if (!streams) co_await end_read_ahead();
  if (ended_ && decoder_.waiting_bytes() == 0) keeps_alive_ = false;
  std::string how_long;
  if (chunked) {
    how_long = "Transfer-Encoding: chunked\r\n";
  } else if (!streams && response.status != 204) {
    how_long = fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  std::string head = encode_head(response, how_long);
  if (!keeps_alive_) head += "Connection: close\r\n";
  if (keeps_alive_ && minor_version_ == 0) head += "Connection: keep-alive\r\n";
  head += "\r\n";
  bool sent = true;
  if (streams || head_only) {
    sent = co_await write(head);
  } else if (response.body.size() < kSmallBody) {
    head += response.body;
    sent = co_await write(head);
  } else {
    sent = co_await write(head) && co_await write(response.body);
  }
  if (sent && streams) sent = co_await send_stream(*response.stream, chunked);
  if (!sent && peer_) peer_->set_gone();
  co_await end_read_ahead();
  peer_.reset();
  co_return sent&& keeps_alive_ ? Next::kGoOn : Next::kClose;
}

Task<bool> HttpConnection::send_stream(HttpStream& stream, bool chunked) {
  while (true) {
    std::string piece;
    bool failed = false;
    try {
      piece = co_await stream.next();
    } catch (const std::exception&) {  // the peer sees that the end is missing
      failed = true;
    }
    if (failed) co_return false;
    const bool last = piece.empty();
    if (chunked) piece = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    if (!piece.empty() && !co_await write(piece)) co_return false;
    if (last) co_return true;
  }
}

Task<bool> HttpConnection::write(std::string_view bytes) {
  boost::system::error_code error;
  while (!bytes.empty()) {
    auto buffer = asio::buffer(bytes.data(), bytes.size());
    auto token = asio::redirect_error(asio::use_awaitable, error);
    set_limit(times_.stall);
    const std::size_t size = co_await socket_.async_write_some(buffer, token);
    if (error) break;
    bytes.remove_prefix(size);
  }
  clear_limit();
  co_return !error;
}

}  // namespace leanto::net

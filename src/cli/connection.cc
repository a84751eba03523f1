#include "cli/connection.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/duration.h"
#include "cli/command.h"
#include "os/unix_socket.h"
#include "wire/relay.h"

namespace leanto::cli {

using wire::FrameType;

namespace {

timeval to_timeval(Duration duration) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return {static_cast<time_t>(us / 1'000'000), static_cast<suseconds_t>(us % 1'000'000)};
}

Status set_limit(int socket, Duration limit) {
  const timeval time = to_timeval(limit);
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(socket, SOL_SOCKET, option, &time, sizeof time) != 0) {
      return fail_errno(ErrorKind::kInternal, errno, "set a time limit on the node's socket");
    }
  }
  return {};
}

// The connection is to the node of that name from then on; empty: it stays with the one here.
Status ask_for_node(int socket, const std::string& node) {
  if (node.empty()) return {};
  if (node.size() > 255) return fail(ErrorKind::kInvalid, "no node has so long a name");
  std::string preface{static_cast<char>(wire::kRelayMagic),
                      static_cast<char>(static_cast<unsigned char>(node.size()))};
  preface += node;
  if (::send(socket, preface.data(), preface.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(preface.size())) {
    return fail_errno(ErrorKind::kProtocol, errno, "asking for another node");
  }
  return {};
}

}  // namespace

Connection::Connection(UniqueFd socket, std::string name, Duration limit)
    : socket_(std::move(socket)), name_(std::move(name)), limit_(limit) {}

Result<Connection> Connection::open(const std::filesystem::path& socket, Duration limit) {
  return open_on(socket, asked_node(), limit);
}

Result<Connection> Connection::open_on(const std::filesystem::path& socket, const std::string& node,
                                       Duration limit) {
  Result<UniqueFd> connected = connect_unix(socket);
  if (!connected) return Failure(connected.error());
  if (const Status asked = ask_for_node(connected->get(), node); !asked)
    return Failure(asked.error());
  return over(*std::move(connected), socket.string(), limit);
}

Result<Connection> Connection::over(UniqueFd socket, std::string name, Duration limit) {
  if (Status set = set_limit(socket.get(), limit); !set) return Failure(set.error());
  Connection connection(std::move(socket), std::move(name), limit);
  const wire::Json hello = {
      {"version", kVersion}, {"features", wire::Json::array()}, {"pid", ::getpid()}};
  if (Status sent = connection.send(FrameType::kHello, 0, hello); !sent) {
    return Failure(sent.error());
  }
  return connection;
}

Status Connection::send(FrameType type, std::uint32_t stream, const wire::Json& head,
                        std::string_view body) {
  const std::string encoded = wire::encode_head(head);
  std::string bytes;
  wire::append_header(bytes,
                      {type, stream, static_cast<std::uint32_t>(encoded.size()), body.size()});
  bytes += encoded;
  bytes += body;
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return hung_up(errno);
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Failure Connection::hung_up(int error_number) {
  if (error_number == EAGAIN || error_number == EWOULDBLOCK) {
    return fail(ErrorKind::kTimeout,
                "the node on {} said nothing for {}; `leanto logs --node` may say why", name_,
                format_duration(limit_));
  }
  is_lost_ = true;
  return fail(ErrorKind::kProtocol,
              "the node on {} hung up before it answered; `leanto logs --node` may say why", name_);
}

// Until there is something to read, or the limit is over: then the receiving says so.
void Connection::wait_patiently() {
  constexpr Duration kTick = std::chrono::milliseconds(250);
  pollfd readable{socket_.get(), POLLIN, 0};
  for (Duration waited{}; on_wait_ && waited < limit_; waited += kTick) {
    if (::poll(&readable, 1, 250) != 0) return;
    on_wait_();
  }
}

// Until there is something to read; signals come only here, between two looks at what they did.
Status Connection::wait_for_signal_too() {
  sigset_t mask;
  ::sigprocmask(SIG_BLOCK, nullptr, &mask);
  ::sigdelset(&mask, SIGINT);
  ::sigdelset(&mask, SIGTERM);
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(limit_).count();
  const timespec limit{static_cast<time_t>(ns / 1'000'000'000),
                       static_cast<long>(ns % 1'000'000'000)};
  pollfd readable{socket_.get(), POLLIN, 0};
  const int ready = ::ppoll(&readable, 1, &limit, &mask);
  if (ready < 0 && errno == EINTR)
    return fail(ErrorKind::kCancelled, "interrupted while the node on {} was asked", name_);
  if (ready == 0) return hung_up(EAGAIN);
  return {};
}

Status Connection::receive_more() {
  if (gives_up_on_signal_) {
    if (Status waited = wait_for_signal_too(); !waited) return waited;
  } else {
    wait_patiently();
  }
  const wire::FrameDecoder::Room room = decoder_.prepare();
  ssize_t size = 0;
  do {
    size = ::recv(socket_.get(), room.data, room.size, 0);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return hung_up(size < 0 ? errno : 0);
  decoder_.commit(static_cast<std::size_t>(size));
  return {};
}

Result<wire::Frame> Connection::receive() {
  while (true) {
    Result<std::optional<wire::Frame>> frame = decoder_.next();
    if (!frame) return Failure(frame.error());
    if (*frame) return **std::move(frame);
    if (Status more = receive_more(); !more) return Failure(more.error());
  }
}

Result<Reply> Connection::ask(const wire::Json& question, std::string_view body) {
  const std::uint32_t stream = ++last_stream_;
  if (Status sent = send(FrameType::kAsk, stream, question, body); !sent)
    return Failure(sent.error());
  while (true) {
    const Result<wire::Frame> frame = receive();
    if (!frame) return Failure(frame.error());
    const bool greeting = frame->type == FrameType::kHello;
    const bool refusal = frame->type == FrameType::kError && frame->stream == 0;
    if (frame->stream != stream && !greeting && !refusal) continue;
    if (frame->type == FrameType::kLog && on_log_) on_log_(frame->body.view());
    Result<wire::Json> head = wire::decode_head(frame->head);
    if (!head) return Failure(head.error());
    if (frame->type == FrameType::kError) return Failure(wire::error_from_head(*head));
    if (frame->type == FrameType::kResult) {
      return Reply{*std::move(head), std::string(frame->body.view())};
    }
    if (greeting) hello_ = *std::move(head);
  }
}

bool Connection::reconnect() {
  Result<Connection> again = open(name_, limit_);
  if (!again) return false;
  socket_ = std::move(again->socket_);
  decoder_ = wire::FrameDecoder();
  is_lost_ = false;
  return true;
}

Result<Reply> Connection::ask_again(const wire::Json& question, std::string_view body) {
  constexpr Duration kLookAgain = std::chrono::milliseconds(50);
  const auto until = std::chrono::steady_clock::now() + kBack;
  Result<Reply> reply = ask(question, body);
  while (!reply && is_lost_ && std::chrono::steady_clock::now() < until) {
    if (reconnect()) {
      reply = ask(question, body);
    } else {
      std::this_thread::sleep_for(kLookAgain);
    }
  }
  return reply;
}

Result<std::uint32_t> Connection::call(const wire::Json& head, std::string_view body) {
  if (Status set = set_limit(socket_.get(), Duration::zero()); !set) return Failure(set.error());
  const std::uint32_t stream = ++last_stream_;
  if (Status sent = send(FrameType::kCall, stream, head, body); !sent) return Failure(sent.error());
  return stream;
}

Result<std::optional<CallFrame>> Connection::next(std::uint32_t stream) {
  while (true) {
    Result<std::optional<wire::Frame>> frame = decoder_.next();
    if (!frame) return Failure(frame.error());
    if (!*frame) {
      // Whoever watches for SIGINT blocks it elsewhere, so that none comes between look and wait.
      sigset_t mask;
      ::sigprocmask(SIG_BLOCK, nullptr, &mask);
      ::sigdelset(&mask, SIGINT);
      pollfd readable{socket_.get(), POLLIN, 0};
      if (::ppoll(&readable, 1, nullptr, &mask) < 0 && errno == EINTR) return std::nullopt;
      if (Status more = receive_more(); !more) return Failure(more.error());
      continue;
    }
    const bool refusal = (*frame)->type == FrameType::kError && (*frame)->stream == 0;
    if ((*frame)->stream != stream && !refusal) continue;
    Result<wire::Json> head = wire::decode_head((*frame)->head);
    if (!head) return Failure(head.error());
    return CallFrame{(*frame)->type, *std::move(head), std::string((*frame)->body.view())};
  }
}

Status Connection::credit(std::uint32_t stream, int items) {
  return send(FrameType::kCredit, stream, {{"n", items}});
}

Status Connection::cancel(std::uint32_t stream) {
  return send(FrameType::kCancel, stream, {{"reason", "interrupted"}});
}

}  // namespace leanto::cli

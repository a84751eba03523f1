#include "net/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <functional>
#include <optional>
#include <utility>

#include "net/tls_join.h"

namespace leanto::net {

namespace asio = boost::asio;

namespace {

using Socket = TlsJoin::Socket;
using Step = std::function<TlsStep(TlsSession&)>;

// A peer that is gone without a word is noticed in a minute; what is small leaves at once. Without
// effect on sockets that aren't TCP.
void set_options(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

Socket make_socket(Loop& loop, int socket) {
  Socket made(loop.context());
  made.assign(asio::generic::stream_protocol(AF_INET, 0), socket);
  made.native_non_blocking(true);
  set_options(socket);
  return made;
}

constexpr std::uint8_t kHandshakeRecord = 0x16;

TlsStep look_at_first_byte(int socket, std::optional<std::uint8_t>& first) {
  std::uint8_t byte = 0;
  const ssize_t size = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return TlsStep::kWaits;
  if (size <= 0) return TlsStep::kEnded;
  first = byte;
  return TlsStep::kDone;
}

// A connection before it's joined.
class Beginning {
 public:
  Beginning(Loop& loop, const TlsContext& context, int socket, Duration limit)
      : socket_(make_socket(loop, socket)),
        session_(std::make_unique<TlsSession>(context, socket)),
        timer_(loop.context(), std::chrono::duration_cast<asio::steady_timer::duration>(limit)) {
    auto give_up = [this, flags = flags_](const boost::system::error_code& error) {
      if (error || flags->over) return;
      flags->late = true;
      socket_.cancel();
    };
    timer_.async_wait(std::move(give_up));
  }
  ~Beginning() { flags_->over = true; }
  Beginning(const Beginning&) = delete;
  Beginning& operator=(const Beginning&) = delete;

  TlsSession& session() { return *session_; }

  // Until the step is done. kTimeout; kNodeLost: the peer hung up; kProtocol.
  Task<Status> run(Step step) {
    while (true) {
      const TlsStep stepped = step(*session_);
      TlsStep flushed = session_->flush();
      while (flushed == TlsStep::kWaits) {
        if (!co_await wait(Socket::wait_write)) co_return too_late();
        flushed = session_->flush();
      }
      if (stepped == TlsStep::kDone) co_return Status();
      if (stepped == TlsStep::kEnded) co_return fail(ErrorKind::kNodeLost, "the peer hung up");
      if (stepped == TlsStep::kBroken || flushed == TlsStep::kBroken)
        co_return fail(ErrorKind::kProtocol, "{}", session_->why_broken());
      if (!co_await wait(Socket::wait_read)) co_return too_late();
    }
  }

  // Says something without TLS, and reads what comes until the peer has closed, so that it's heard.
  Task<> turn_away(std::string answer) {
    const int socket = socket_.native_handle();
    (void)::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(socket, SHUT_WR);
    Step drain = [socket](TlsSession&) {
      std::array<char, 4096> unread;
      const ssize_t size = ::recv(socket, unread.data(), unread.size(), MSG_DONTWAIT);
      if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return TlsStep::kWaits;
      return TlsStep::kDone;
    };
    (void)co_await run(std::move(drain));
  }

  Connection finish(std::shared_ptr<void> held) {
    flags_->over = true;
    return Connection(socket_.release(), std::move(session_), std::move(held));
  }

 private:
  Task<bool> wait(Socket::wait_type what) {
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await socket_.async_wait(what, token);
    co_return !error && !flags_->late;
  }
  static Failure too_late() { return fail(ErrorKind::kTimeout, "nothing was said for too long"); }

  // Shared with the timer, which may pass just when what it limits is over.
  struct Flags {
    bool late = false;
    bool over = false;
  };

  std::shared_ptr<Flags> flags_ = std::make_shared<Flags>();
  Socket socket_;
  std::unique_ptr<TlsSession> session_;
  asio::steady_timer timer_;
};

Failure explain(const Error& error, const std::string& name) {
  switch (error.kind) {
    case ErrorKind::kTimeout:
      return fail(
          ErrorKind::kNodeLost,
          "{} took the connection and then said nothing: what listens there hangs, or isn't "
          "a node",
          name);
    case ErrorKind::kNodeLost:
      return fail(ErrorKind::kNodeLost, "{} hung up before it said anything", name);
    default:
      return fail(ErrorKind::kProtocol,
                  "{} can't be spoken to by TLS: {}. A node speaks it on the address that `leanto "
                  "status` shows there as tls",
                  name, error.message);
  }
}

bool is_equal(const std::string& one, const std::string& other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

Failure other_certificate(const TlsPeer& peer, const std::string& found) {
  return fail(ErrorKind::kAccessDenied,
              "{} has not the certificate that was expected: its fingerprint is\n  {}\nand not\n  "
              "{}\nNothing was sent. Either its node was set up anew (compare with `leanto status` "
              "there, and join it with the new one), or somebody is between here and there",
              peer.name, found, peer.fingerprint);
}

}  // namespace

Task<Result<Connection>> accept_tls(Loop& loop, std::shared_ptr<const TlsContext> context,
                                    int socket, Duration limit, std::shared_ptr<void> held,
                                    std::function<std::string(std::uint8_t)> answer_plain) {
  Beginning beginning(loop, *context, socket, limit);
  std::optional<std::uint8_t> first;
  Step look = [&first, socket](TlsSession&) { return look_at_first_byte(socket, first); };
  const Status looked = co_await beginning.run(std::move(look));
  if (!looked) co_return Failure(looked.error());
  if (*first != kHandshakeRecord) {
    std::string answer = answer_plain(*first);
    co_await beginning.turn_away(std::move(answer));
    co_return fail(ErrorKind::kProtocol, "the peer doesn't speak TLS");
  }
  Step handshake = [](TlsSession& session) { return session.handshake(); };
  Step first_byte = [](TlsSession& session) {
    std::uint8_t byte = 0;
    return session.peek(byte);
  };
  for (Step* const step : {&handshake, &first_byte}) {
    const Status done = co_await beginning.run(*step);
    if (!done) co_return Failure(done.error());
  }
  co_return beginning.finish(std::move(held));
}

Task<Result<Connection>> connect_tls(Loop& loop, std::shared_ptr<const TlsContext> context,
                                     int socket, TlsPeer peer, Duration limit) {
  Beginning beginning(loop, *context, socket, limit);
  Step handshake = [](TlsSession& session) { return session.handshake(); };
  const Status done = co_await beginning.run(std::move(handshake));
  if (!done) co_return explain(done.error(), peer.name);
  const std::string found = beginning.session().peer_fingerprint();
  if (!is_equal(found, peer.fingerprint)) co_return other_certificate(peer, found);
  co_return beginning.finish(nullptr);
}

}  // namespace leanto::net

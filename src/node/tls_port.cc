#include "node/tls_port.h"

#include <string>
#include <utility>

#include "net/tls.h"
#include "node/accept.h"
#include "node/refusal.h"
#include "os/files.h"
#include "wire/frame.h"

namespace leanto::node {

namespace {

constexpr std::string_view kPlainHttp =
    R"({"error":{"kind":"protocol","type":"ProtocolError","message":"this port speaks TLS: say https://..."}})";

// To who begins without TLS, in what it seems to speak.
std::string answer_plain(std::uint8_t first_byte) {
  if (first_byte == wire::kMagic) {
    return refusal_frame({ErrorKind::kProtocol,
                          "this port speaks TLS, and frames only inside of it; on the node's own "
                          "machine there is its Unix socket"});
  }
  return fmt::format(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
      "Content-Length: {}\r\n\r\n{}",
      kPlainHttp.size(), kPlainHttp);
}

}  // namespace

TlsPort::TlsPort(Parts parts)
    : loop_(parts.loop),
      context_(std::make_shared<const net::TlsContext>(std::move(parts.context))),
      serve_(std::move(parts.serve)) {}

net::Task<> TlsPort::accept(UniqueFd listener) {
  std::function<void(UniqueFd)> on_connection = [this](UniqueFd socket) {
    take(std::move(socket));
  };
  co_await accept_all(loop_, std::move(listener), std::move(on_connection));
}

void TlsPort::take(UniqueFd socket) {
  if (*connections_ >= kMaxConnections || beginning_ >= kMaxBeginning) return;
  ++*connections_;
  auto let_go = [count = connections_](void*) { --*count; };
  std::shared_ptr<void> held(connections_.get(), let_go);
  loop_.spawn("begin tls", begin(socket.release(), std::move(held)));
}

net::Task<> TlsPort::begin(int socket, std::shared_ptr<void> held) {
  ++beginning_;
  std::function<std::string(std::uint8_t)> answer = answer_plain;
  Result<net::Connection> served = co_await net::accept_tls(
      loop_, context_, socket, kHandshakeLimit, std::move(held), std::move(answer));
  --beginning_;
  if (served) serve_(*std::move(served));
}

Result<net::TlsIdentity> own_tls_identity(const std::filesystem::path& file) {
  const Result<FileStat> stat = stat_path(file.string());
  if (!stat && stat.error().kind == ErrorKind::kNotFound) {
    Result<net::TlsIdentity> made = net::make_tls_identity();
    if (!made) return made;
    const Status written = write_file_atomically(file.string(), made->pem, 0600, Durability::kDisk);
    if (!written) return Failure(written.error());
    return made;
  }
  if (!stat) return Failure(stat.error());
  if (stat->kind != FileKind::kRegular || (stat->permissions & 0077) != 0) {
    return fail(
        ErrorKind::kAccessDenied,
        "{0} is this node's secret key, and not a file that only its owner may read: chmod 600 "
        "{0}; or, if somebody may have read it, remove it: a new one is made, and who has "
        "joined this node must be told its new fingerprint",
        file.string());
  }
  Result<std::string> pem = read_file(file.string());
  if (!pem) return Failure(pem.error());
  Result<net::TlsIdentity> identity = net::parse_tls_identity(*std::move(pem));
  if (identity) return identity;
  return fail(ErrorKind::kInvalid,
              "{}: {}. Bring it back from a backup, or remove it: a new one is made, and who has "
              "joined this node must be told its new fingerprint",
              file.string(), identity.error().message);
}

}  // namespace leanto::node

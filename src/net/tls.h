// The handshakes of TLS, after which a socket is a connection that speaks it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/connection.h"
#include "net/loop.h"
#include "net/tls_session.h"

namespace leanto::net {

// The server's side. Takes the socket over; returns when the first byte of what the client says is
// there. kTimeout if it isn't within `limit`, kProtocol for other things that go wrong.
// `held` is let go when the connection has ended. Who begins without TLS hears what `answer_plain`
// makes of the first byte.
Task<Result<Connection>> accept_tls(
    Loop& loop, std::shared_ptr<const TlsContext> context, int socket, Duration limit,
    std::shared_ptr<void> held, std::function<std::string(std::uint8_t first_byte)> answer_plain);

// Whom a client means to reach.
struct TlsPeer {
  std::string name;         // for people: "10.0.0.7:7433"
  std::string fingerprint;  // of its certificate: nobody else is spoken to
};

// The client's side. kAccessDenied for another certificate; kProtocol, kTimeout and kNodeLost say
// what else went wrong.
Task<Result<Connection>> connect_tls(Loop& loop, std::shared_ptr<const TlsContext> context,
                                     int socket, TlsPeer peer, Duration limit);

}  // namespace leanto::net

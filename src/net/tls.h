// Sockets that speak TLS to a peer become sockets that don't: the handshake, after which the
// connection is joined to one end of a socket pair, and the caller has the other end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/loop.h"
#include "net/tls_session.h"

namespace leanto::net {

// The server's side. Takes the socket over; returns one for what the client says, once its first
// byte is there. kTimeout if it isn't within `limit`, kProtocol for other things that go wrong.
// `held` is let go when the connection has ended. Who begins without TLS hears what `answer_plain`
// makes of the first byte.
Task<Result<int>> accept_tls(Loop& loop, std::shared_ptr<const TlsContext> context, int socket,
                             Duration limit, std::shared_ptr<void> held,
                             std::function<std::string(std::uint8_t first_byte)> answer_plain);

// Whom a client means to reach.
struct TlsPeer {
  std::string name;         // for people: "10.0.0.7:7433"
  std::string fingerprint;  // of its certificate: nobody else is spoken to
};

// The client's side. kAccessDenied for another certificate; kProtocol, kTimeout and kNodeLost say
// what else went wrong.
Task<Result<int>> connect_tls(Loop& loop, std::shared_ptr<const TlsContext> context, int socket,
                              TlsPeer peer, Duration limit);

}  // namespace leanto::net

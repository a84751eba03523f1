// One TLS connection on a socket that never blocks: what each call does is as much as can be done
// at once, and what is to be sent waits until `flush`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/tls_identity.h"

struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

namespace leanto::net {

// What all connections of one side have in common.
class TlsContext {
 public:
  // The side that accepts, as `identity`.
  static Result<TlsContext> server(const TlsIdentity& identity);
  // The side that connects. It takes any certificate: compare the fingerprint after the handshake.
  static Result<TlsContext> client();

  bool is_server() const { return is_server_; }
  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  static Result<TlsContext> make(bool is_server);

  std::unique_ptr<ssl_ctx_st, Free> context_;
  bool is_server_ = false;
};

enum class TlsStep {
  kDone,
  kWaits,   // until the socket is readable; of `flush`: until it's writable
  kEnded,   // the peer sends nothing more
  kBroken,  // `why_broken` says why
};

class TlsSession {
 public:
  // The socket is the caller's, and outlives this.
  TlsSession(const TlsContext& context, int socket);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  TlsStep handshake();
  // The first byte, if one has come; it stays to be read.
  TlsStep peek(std::uint8_t& byte);

  struct Read {
    TlsStep step;
    std::size_t size;
  };
  // As much as is there. kDone: there may be more at once, also if the socket isn't readable.
  Read read(char* into, std::size_t most);

  // Encrypted into what `flush` sends.
  TlsStep write(std::string_view bytes);
  void write_end();
  TlsStep flush();
  bool has_outgoing() const { return sent_ < outgoing_.size(); }

  // Of the peer's certificate; after the handshake.
  std::string peer_fingerprint() const;
  const std::string& why_broken() const { return why_broken_; }

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  TlsStep step_of(int result);
  TlsStep break_with(std::string why);
  static int append(bio_st* bio, const char* data, std::size_t size, std::size_t* written);

  const int socket_;
  const bool is_server_;
  std::unique_ptr<ssl_st, Free> ssl_;
  std::string outgoing_;
  std::size_t sent_ = 0;
  std::string why_broken_;
};

}  // namespace leanto::net

#include "net/tls_session.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/openssl.h"

namespace leanto::net {

namespace {

// AES with 128 bits first: it's the fastest, and nobody breaks it.
constexpr const char* kSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kSuites12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::size_t kReadAhead = 256 << 10;  // of a socket in one system call: many records
constexpr std::size_t kKeptCapacity = 64 << 10;

bool use_identity(SSL_CTX& context, const TlsIdentity& identity) {
  const BioPtr bio(BIO_new_mem_buf(identity.pem.data(), static_cast<int>(identity.pem.size())));
  if (!bio) return false;
  const CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  return certificate && key && SSL_CTX_use_certificate(&context, certificate.get()) == 1 &&
         SSL_CTX_use_PrivateKey(&context, key.get()) == 1;
}

long answer_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

// A BIO that gathers what is to be sent, so that many records leave in one system call.
const BIO_METHOD* gathering_bio(int (*append)(BIO*, const char*, std::size_t, std::size_t*)) {
  static const BIO_METHOD* const kMethod = [append] {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "leanto");
    if (method == nullptr) return method;
    BIO_meth_set_write_ex(method, append);
    BIO_meth_set_ctrl(method, answer_control);
    return method;
  }();
  return kMethod;
}

bool is_no_tls(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return false;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
      return true;
    default:
      return false;
  }
}

}  // namespace

void initialise_openssl() {
  static const bool kDone = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1;
  (void)kDone;
}

std::string openssl_error() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(error);
  return reason == nullptr ? "no reason is given" : reason;
}

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Result<TlsContext> TlsContext::make(bool is_server) {
  initialise_openssl();
  TlsContext made;
  made.is_server_ = is_server;
  made.context_.reset(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  SSL_CTX* const context = made.context_.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, kSuites) != 1 ||
      SSL_CTX_set_cipher_list(context, kSuites12) != 1) {
    return fail(ErrorKind::kInternal, "prepare TLS: {}", openssl_error());
  }
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   // Frames and HTTP say themselves where they end.
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);  // by the fingerprint instead
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  return made;
}

Result<TlsContext> TlsContext::server(const TlsIdentity& identity) {
  Result<TlsContext> made = make(true);
  if (made && !use_identity(*made->get(), identity))
    return fail(ErrorKind::kInvalid, "use a certificate for TLS: {}", openssl_error());
  return made;
}

Result<TlsContext> TlsContext::client() { return make(false); }

TlsSession::TlsSession(const TlsContext& context, int socket)
    : socket_(socket), is_server_(context.is_server()), ssl_(SSL_new(context.get())) {
  BIO* const in = BIO_new_socket(socket, BIO_NOCLOSE);
  BIO* const out = BIO_new(gathering_bio(append));
  if (!ssl_ || in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    ssl_ = nullptr;
    why_broken_ = "no memory for TLS";
    return;
  }
  BIO_set_data(out, this);
  BIO_set_init(out, 1);
  SSL_set_bio(ssl_.get(), in, out);
  if (is_server_) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

TlsSession::~TlsSession() = default;

int TlsSession::append(bio_st* bio, const char* data, std::size_t size, std::size_t* written) {
  static_cast<TlsSession*>(BIO_get_data(bio))->outgoing_.append(data, size);
  *written = size;
  return 1;
}

TlsStep TlsSession::break_with(std::string why) {
  why_broken_ = std::move(why);
  return TlsStep::kBroken;
}

TlsStep TlsSession::step_of(int result) {
  const int error_number = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return TlsStep::kDone;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return TlsStep::kWaits;
    case SSL_ERROR_ZERO_RETURN:
      return TlsStep::kEnded;
    case SSL_ERROR_SYSCALL:
      return break_with(error_number == 0 ? "the peer hung up" : std::strerror(error_number));
    default:
      return break_with(is_no_tls(ERR_peek_last_error()) ? "the peer doesn't speak TLS"
                                                         : openssl_error());
  }
}

TlsStep TlsSession::handshake() {
  if (!ssl_) return TlsStep::kBroken;
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  const TlsStep step = step_of(result);
  return step == TlsStep::kEnded ? break_with("the peer hung up") : step;
}

TlsStep TlsSession::peek(std::uint8_t& byte) {
  ERR_clear_error();
  errno = 0;
  return step_of(SSL_peek(ssl_.get(), &byte, 1));
}

TlsSession::Read TlsSession::read(char* into, std::size_t most) {
  Read read{TlsStep::kDone, 0};
  while (read.size < most && read.step == TlsStep::kDone) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into + read.size, most - read.size, &got);
    read.size += got;
    read.step = step_of(result);
  }
  return read;
}

TlsStep TlsSession::write(std::string_view bytes) {
  if (bytes.empty()) return TlsStep::kDone;
  ERR_clear_error();
  errno = 0;
  std::size_t written = 0;
  return step_of(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written));
}

void TlsSession::write_end() {
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
}

TlsStep TlsSession::flush() {
  while (has_outgoing()) {
    const ssize_t size = ::send(socket_, outgoing_.data() + sent_, outgoing_.size() - sent_,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) {
      sent_ += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return TlsStep::kWaits;
    } else if (errno != EINTR) {
      return break_with(std::strerror(errno));
    }
  }
  // What a large piece has needed is kept only while large ones come.
  if (outgoing_.capacity() > kKeptCapacity && outgoing_.size() < kKeptCapacity)
    outgoing_ = std::string();
  outgoing_.clear();
  sent_ = 0;
  return TlsStep::kDone;
}

std::string TlsSession::peer_fingerprint() const {
  const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_.get()));
  return certificate ? fingerprint_of(*certificate) : std::string();
}

}  // namespace leanto::net

// Who a server is towards its TLS clients: a key and a certificate of its own, which nobody else
// has signed. A client knows it by the certificate's fingerprint, which it was told beforehand.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::net {

struct TlsIdentity {
  std::string pem;          // the certificate and the private key: a secret
  std::string fingerprint;  // SHA-256 of the certificate's DER form: 64 lower-case hex digits
};

// A new one: a P-256 key, good for a hundred years, since what ends its use is another fingerprint.
Result<TlsIdentity> make_tls_identity();
// kInvalid: that isn't one.
Result<TlsIdentity> parse_tls_identity(std::string pem);

}  // namespace leanto::net

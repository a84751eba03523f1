#include "net/tls_identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <utility>

#include "base/digest.h"
#include "net/openssl.h"

namespace leanto::net {

namespace {

constexpr long kLifetime = 100L * 365 * 24 * 3600;  // s
constexpr long kClockSkew = 24 * 3600;              // s; a peer's clock may be behind

Failure no_identity(std::string_view attempted) {
  return fail(ErrorKind::kInternal, "{}: {}", attempted, openssl_error());
}

bool name_it(X509& certificate) {
  X509_NAME* const name = X509_get_subject_name(&certificate);
  const auto* const common = reinterpret_cast<const unsigned char*>("leanto node");
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
         X509_set_issuer_name(&certificate, name) == 1;
}

bool number_it(X509& certificate) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(&certificate), serial >> 1) == 1;
}

bool sign_it(X509& certificate, EVP_PKEY& key) {
  return X509_set_version(&certificate, X509_VERSION_3) == 1 && number_it(certificate) &&
         name_it(certificate) && X509_gmtime_adj(X509_getm_notBefore(&certificate), -kClockSkew) &&
         X509_gmtime_adj(X509_getm_notAfter(&certificate), kLifetime) &&
         X509_set_pubkey(&certificate, &key) == 1 &&
         X509_sign(&certificate, &key, EVP_sha256()) > 0;
}

std::string text_of(BIO& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

std::string fingerprint_of(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(&certificate, &der);
  if (size <= 0) return {};
  const std::string_view bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  std::string hex = Digest::of(bytes).hex();
  OPENSSL_free(der);
  return hex;
}

Result<TlsIdentity> make_tls_identity() {
  initialise_openssl();
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return no_identity("make a key for TLS");
  const CertificatePtr certificate(X509_new());
  if (!certificate || !sign_it(*certificate, *key))
    return no_identity("make a certificate for TLS");
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate.get()) != 1 ||
      PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return no_identity("write a certificate for TLS");
  }
  return TlsIdentity{text_of(*bio), fingerprint_of(*certificate)};
}

Result<TlsIdentity> parse_tls_identity(std::string pem) {
  initialise_openssl();
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const CertificatePtr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)
                                       : nullptr);
  const KeyPtr key(certificate ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr)
                               : nullptr);
  if (!certificate || !key || X509_check_private_key(certificate.get(), key.get()) != 1) {
    return fail(ErrorKind::kInvalid, "this is no certificate with its private key: {}",
                openssl_error());
  }
  return TlsIdentity{std::move(pem), fingerprint_of(*certificate)};
}

}  // namespace leanto::net

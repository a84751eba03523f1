// OpenSSL's things with owners. Only for net's own sources.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace leanto::net {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* thing) const {
    kFree(thing);
  }
};

using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;

// Before anything else of OpenSSL: the machine's configuration of it is not read, so that a node is
// the same everywhere.
void initialise_openssl();

// What OpenSSL says about the last thing that failed, and forgets.
std::string openssl_error();

std::string fingerprint_of(const X509& certificate);

}  // namespace leanto::net

#include "node/secret_text.h"

#include <sys/random.h>

#include <cerrno>

#include "base/digest.h"

namespace leanto::node {

namespace {

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return different == 0;
}

}  // namespace

Result<std::string> random_hex(std::size_t digits) {
  std::string bytes(digits / 2, '\0');
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail_errno(ErrorKind::kInternal, errno, "draw random bytes for a secret");
  }
  return to_hex(bytes);
}

bool is_secret(std::string_view text, const std::string* kept_digest) {
  const std::string digest = Digest::of(text).hex();
  static const std::string kNobodys(digest.size(), '-');
  return equal_in_constant_time(digest, kept_digest == nullptr ? kNobodys : *kept_digest);
}

}  // namespace leanto::node

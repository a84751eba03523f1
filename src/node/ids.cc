#include "node/ids.h"

#include <sys/random.h>

#include "base/digest.h"

namespace leanto::node {

std::string make_object_id() {
  char bytes[8];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) return {};
  return to_hex({bytes, sizeof bytes});
}

}  // namespace leanto::node

// node.toml is written by people: whatever it holds ends in a config or in a message that names the
// file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "node/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = leanto::parse_node_config(text, "node.toml");
  if (!config && !config.error().message.starts_with("node.toml, line ")) std::abort();
  return 0;
}

// node.toml is written by people: whatever it holds ends in a config or in a message that names the
// file.
#include <cstdint>
#include <string_view>

#include "fuzzing.h"
#include "node/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = leanto::fuzz::text_of(data, size);
  const auto config = leanto::parse_node_config(text, "node.toml");
  if (!config) leanto::fuzz::expect(config.error().message.starts_with("node.toml, line "));
  return 0;
}

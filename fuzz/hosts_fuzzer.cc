// hosts.toml is written by people: whatever it holds ends in clusters, or in a message that names
// the file and the line.
#include <cstdint>
#include <string_view>

#include "fuzzing.h"
#include "node/hosts_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = leanto::fuzz::text_of(data, size);
  const auto hosts = leanto::node::parse_hosts_file(text, "hosts.toml");
  if (!hosts) {
    leanto::fuzz::expect(hosts.error().message.starts_with("hosts.toml, line "));
    return 0;
  }
  for (const auto& [name, words] : *hosts)
    leanto::fuzz::expect(words.contains("host") != words.contains("hosts"));
  return 0;
}

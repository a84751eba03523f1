// Trees come from other machines: whatever the bytes, parsing ends, and what it accepts is
// canonical.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leanto;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Result<std::vector<TreeEntry>> entries = Tree::parse(bytes);
  if (!entries) return 0;
  for (const TreeEntry& entry : *entries) {
    if (entry.kind == EntryKind::kDirectory) return 0;  // its tree lies elsewhere
  }
  if (Tree::make(std::move(*entries))->encoding() != bytes) std::abort();
  return 0;
}

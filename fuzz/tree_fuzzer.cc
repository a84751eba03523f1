// Trees come from other machines: whatever the bytes, parsing ends, and what it accepts is
// canonical.
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzzing.h"
#include "store/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leanto;
  const std::string_view bytes = fuzz::text_of(data, size);
  Result<std::vector<TreeEntry>> entries = Tree::parse(bytes);
  if (!entries) return 0;
  for (const TreeEntry& entry : *entries) {
    if (entry.kind == EntryKind::kDirectory) return 0;  // its tree lies elsewhere
  }
  fuzz::expect(Tree::make(std::move(*entries))->encoding() == bytes);
  return 0;
}

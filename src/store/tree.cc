#include "store/tree.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

namespace leanto {

namespace {

constexpr std::string_view kHeader = "leanto tree 1\n";

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

void append_number(std::string& out, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xFF);
}

// Takes pieces off the front of untrusted bytes; once something is missing, every answer is empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view piece = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return piece;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    const std::string_view piece = take(bytes);
    for (std::size_t i = piece.size(); i > 0; --i)
      value = value << 8 | static_cast<unsigned char>(piece[i - 1]);
    return value;
  }
  bool done() const { return rest_.empty(); }
  bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

bool is_kind(char c) { return c == 'f' || c == 'x' || c == 'l' || c == 'd'; }

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= Tree::kMaxName && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

bool is_target_of(const TreeEntry& entry) {
  return !entry.target.empty() && entry.target.size() <= Tree::kMaxTarget &&
         entry.target.find('\0') == std::string::npos && entry.size == entry.target.size() &&
         entry.digest == Digest::of(entry.target);
}

// Null if the bytes hold no valid entry.
std::optional<TreeEntry> read_entry(Reader& reader) {
  TreeEntry entry;
  const std::string_view kind = reader.take(1);
  const std::string_view digest = reader.take(entry.digest.bytes.size());
  entry.size = reader.number(8);
  entry.name = reader.take(reader.number(2));
  if (reader.failed() || !is_kind(kind.front()) || !is_name(entry.name)) return std::nullopt;
  entry.kind = static_cast<EntryKind>(kind.front());
  std::memcpy(entry.digest.bytes.data(), digest.data(), digest.size());
  if (entry.kind != EntryKind::kSymlink) return entry;
  entry.target = reader.take(reader.number(2));
  if (reader.failed() || !is_target_of(entry)) return std::nullopt;
  return entry;
}

void write_entry(std::string& out, const TreeEntry& entry) {
  out += static_cast<char>(entry.kind);
  out.append(reinterpret_cast<const char*>(entry.digest.bytes.data()), entry.digest.bytes.size());
  append_number(out, entry.size, 8);
  append_number(out, entry.name.size(), 2);
  out += entry.name;
  if (entry.kind != EntryKind::kSymlink) return;
  append_number(out, entry.target.size(), 2);
  out += entry.target;
}

void compare(const Tree& from, const Tree& to, const std::string& prefix,
             std::vector<TreeChange>& out);

void compare_entries(const TreeEntry& before, const TreeEntry& after, const std::string& prefix,
                     std::vector<TreeChange>& out) {
  if (before.same_as(after)) return;
  if (before.kind == EntryKind::kDirectory && after.kind == EntryKind::kDirectory) {
    compare(*before.tree, *after.tree, prefix + after.name + "/", out);
  } else {
    out.push_back({prefix + after.name, &before, &after});
  }
}

void compare(const Tree& from, const Tree& to, const std::string& prefix,
             std::vector<TreeChange>& out) {
  auto before = from.entries().begin();
  auto after = to.entries().begin();
  while (before != from.entries().end() || after != to.entries().end()) {
    if (after == to.entries().end() ||
        (before != from.entries().end() && before->name < after->name)) {
      out.push_back({prefix + before->name, &*before, nullptr});
      ++before;
    } else if (before == from.entries().end() || after->name < before->name) {
      out.push_back({prefix + after->name, nullptr, &*after});
      ++after;
    } else {
      compare_entries(*before++, *after++, prefix, out);
    }
  }
}

}  // namespace

TreePtr Tree::make(std::vector<TreeEntry> entries) {
  const auto by_name = [](const TreeEntry& a, const TreeEntry& b) { return a.name < b.name; };
  std::sort(entries.begin(), entries.end(), by_name);
  auto tree = std::make_shared<Tree>();
  for (TreeEntry& entry : entries) {
    if (entry.kind == EntryKind::kDirectory) {
      entry.digest = entry.tree->digest();
      entry.size = entry.tree->bytes();
      tree->depth_ = std::max(tree->depth_, entry.tree->depth() + 1);
    }
    const std::uint64_t files = entry.kind == EntryKind::kDirectory ? entry.tree->files() : 1;
    tree->files_ = saturating_sum(tree->files_, files);
    tree->bytes_ = saturating_sum(tree->bytes_, entry.size);
  }
  tree->entries_ = std::move(entries);
  tree->digest_ = Digest::of(tree->encoding());
  return tree;
}

Result<std::vector<TreeEntry>> Tree::parse(std::string_view bytes) {
  if (bytes.size() > kMaxEncoding)
    return fail(ErrorKind::kProtocol, "a tree of {} bytes", bytes.size());
  Reader reader(bytes);
  if (reader.take(kHeader.size()) != kHeader) return fail(ErrorKind::kProtocol, "not a tree");
  std::vector<TreeEntry> entries;
  while (!reader.done()) {
    std::optional<TreeEntry> entry = read_entry(reader);
    if (!entry || (!entries.empty() && entries.back().name >= entry->name)) {
      return fail(ErrorKind::kProtocol, "a tree whose entry {} is damaged", entries.size());
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

const TreeEntry* Tree::find(std::string_view name) const {
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const TreeEntry& entry, std::string_view n) { return entry.name < n; });
  return at != entries_.end() && at->name == name ? &*at : nullptr;
}

std::string Tree::encoding() const {
  std::string out(kHeader);
  for (const TreeEntry& entry : entries_) write_entry(out, entry);
  return out;
}

std::vector<TreeChange> diff(const Tree& from, const Tree& to) {
  std::vector<TreeChange> changes;
  if (from.digest() != to.digest()) compare(from, to, "", changes);
  return changes;
}

}  // namespace leanto

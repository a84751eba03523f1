#include "store/source_scan_report.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/byte_size.h"

namespace leanto {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShown = 5;

struct Share {
  std::string path;
  PathKind kind = PathKind::kFile;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

enum class Measure : std::uint8_t { kFiles, kBytes };

std::uint64_t measured(const Share& share, Measure by) {
  return by == Measure::kFiles ? share.files : share.bytes;
}

Share share_of(const SourceDirectory& directory) {
  Share share{.path = directory.path, .kind = PathKind::kDirectory};
  for (const auto& [name, file] : directory.files) {
    share.files += 1;
    share.bytes += file.stat.size;
  }
  for (const auto& [name, below] : directory.directories) {
    const Share inner = share_of(*below);
    share.files += inner.files;
    share.bytes += inner.bytes;
  }
  return share;
}

// The largest things of a directory. One that holds nearly all of its directory's content stands
// for it, unless something in it holds nearly all of its own: `data/raw`, not `data`.
void collect(const SourceDirectory& directory, Measure by, std::vector<Share>& out) {
  const std::string prefix = directory.path.empty() ? "" : directory.path + "/";
  for (const auto& [name, file] : directory.files) {
    out.push_back(
        {.path = prefix + name, .kind = PathKind::kFile, .files = 1, .bytes = file.stat.size});
  }
  for (const auto& [name, below] : directory.directories) {
    const Share whole = share_of(*below);
    const bool has_dominant =
        std::any_of(below->directories.begin(), below->directories.end(), [&](const auto& inner) {
          return measured(share_of(*inner.second), by) * 10 > measured(whole, by) * 9;
        });
    if (has_dominant)
      collect(*below, by, out);
    else
      out.push_back(whole);
  }
}

std::vector<Share> largest(SourceScan& scan, Measure by) {
  std::vector<Share> shares;
  collect(scan.root(), by, shares);
  std::stable_sort(shares.begin(), shares.end(), [&](const Share& a, const Share& b) {
    return measured(a, by) > measured(b, by);
  });
  shares.resize(std::min(shares.size(), kShown));
  return shares;
}

// How many bytes the UTF-8 character at the beginning has; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x20 || first == 0x7F) return 0;
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 && first < 0xF5 ? 4
                             : first >= 0xE0               ? 3
                             : first >= 0xC2               ? 2
                                                           : 0;
  if (length == 0 || first >= 0xF5 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);  // overlong forms, surrogates, too large
  const bool invalid = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                       (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return invalid ? 0 : length;
}

std::string way_out(SourceScan& scan, const std::string& path, PathKind kind) {
  return fmt::format("add what the code does not need to {}, for example the line\n  {}",
                     shown_path(scan.absolute(".leantoignore")),
                     shown_path(ignore_line_for(path, kind)));
}

}  // namespace

std::string shown_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t length = utf8_length(path);
    if (length == 0) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(path.front()));
    out += path.substr(0, length);
    path.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::optional<std::string> why_link_cannot_travel(SourceScan& scan, const std::string& path) {
  const SourceFile* const link = scan.find_file(path);
  if (link == nullptr) return std::nullopt;
  const fs::path root = scan.absolute("");
  const fs::path target =
      fs::path(scan.absolute(path)).parent_path() / link->target;  // absolute stays so
  std::error_code error;
  const std::string resolved = fs::weakly_canonical(target, error).string();
  const bool inside = resolved == root || resolved.starts_with(root.string() + "/");
  // A link that leads round in a circle leads nowhere here as well as there.
  if (error || (inside && !link->target.starts_with('/'))) return std::nullopt;
  return fmt::format("it is a link to {}, which is outside of the project; put the file inside",
                     shown_path(link->target));
}

std::string problem_report(SourceScan& scan, const std::map<std::string, std::string>& problems) {
  std::string report = fmt::format("the project {} cannot be sent:", shown_path(scan.absolute("")));
  std::size_t shown = 0;
  for (const auto& [path, why] : problems) {
    if (shown++ == kShown) {
      report += fmt::format("\n  and {} more", problems.size() - kShown);
      break;
    }
    report += fmt::format("\n  {}: {}", shown_path(path), why);
  }
  const std::string& first = problems.begin()->first;
  return report + "\nOr " + way_out(scan, first, PathKind::kFile);
}

std::string limit_report(SourceScan& scan, std::uint64_t files, std::uint64_t bytes) {
  const Measure by = scan.files() > files ? Measure::kFiles : Measure::kBytes;
  std::string report = fmt::format(
      "the project {} has {} files of {} in all; a snapshot may have {} files of {}. The largest:",
      shown_path(scan.absolute("")), scan.files(), format_byte_size(scan.bytes()), files,
      format_byte_size(bytes));
  const std::vector<Share> shares = largest(scan, by);
  for (const Share& share : shares) {
    report +=
        fmt::format("\n  {}{}: {}", shown_path(share.path),
                    share.kind == PathKind::kDirectory ? "/" : "", format_byte_size(share.bytes));
    if (share.kind == PathKind::kDirectory) report += fmt::format(" in {} files", share.files);
  }
  if (shares.empty()) return report;
  return report + "\nSo " + way_out(scan, shares.front().path, shares.front().kind);
}

}  // namespace leanto

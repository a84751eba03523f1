#include "store/schema_version.h"

#include <unistd.h>

#include "base/embedded.h"
#include "os/files.h"

namespace leanto {

namespace {

constexpr std::size_t kHeaderSize = 100;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kUserVersionAt = 60;

Result<std::string> read_header(const std::string& path) {
  const Result<UniqueFd> file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file) return Failure(file.error());
  std::string header(kHeaderSize, '\0');
  const ssize_t size = ::pread(file->get(), header.data(), header.size(), 0);
  header.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return header;
}

}  // namespace

std::optional<std::int64_t> user_version_of(std::string_view header) {
  if (header.size() < kHeaderSize || !header.starts_with(kMagic)) return std::nullopt;
  std::int64_t version = 0;
  for (std::size_t i = 0; i < 4; ++i)
    version = version << 8 | static_cast<unsigned char>(header[kUserVersionAt + i]);
  return version;
}

Result<std::vector<SchemaVersion>> read_schema_versions(const std::filesystem::path& state) {
  const auto newest = [](const auto& migrations) {
    return static_cast<std::int64_t>(migrations.size());
  };
  std::vector<SchemaVersion> versions{
      {"ledger.sqlite", 0, newest(embedded::sql_migrations())},
      {"runs.sqlite", 0, newest(embedded::run_migrations())},
  };
  std::vector<SchemaVersion> found;
  for (SchemaVersion& version : versions) {
    const std::string path = (state / version.file).string();
    const Result<std::string> header = read_header(path);
    if (!header && header.error().kind == ErrorKind::kNotFound) continue;
    if (!header) return Failure(header.error());
    const auto number = user_version_of(*header);
    if (!number && !header->empty()) return fail(ErrorKind::kProtocol, "{} is no database", path);
    version.found = number.value_or(0);
    found.push_back(std::move(version));
  }
  return found;
}

}  // namespace leanto

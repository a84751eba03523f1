#include "store/ledger.h"
#include "store/query.h"

namespace leanto {
namespace {

ImageRecord read_image(const Statement& row) {
  return {row.text(0), row.text(1), row.integer(2), row.integer(3), row.integer(4)};
}

}  // namespace

Status Ledger::put_image(const ImageRecord& image) {
  return execute(database_,
                 "INSERT OR REPLACE INTO images (digest, spec, size, created_at, used_at) "
                 "VALUES (?, ?, ?, ?, ?)",
                 image.digest, image.spec, image.size, image.created_at, image.used_at);
}

Status Ledger::use_image(std::string_view digest, std::int64_t used_at) {
  return execute(database_, "UPDATE images SET used_at = ? WHERE digest = ?", used_at, digest);
}

Result<std::optional<ImageRecord>> Ledger::find_image(std::string_view digest) {
  return first_row(database_, read_image,
                   "SELECT digest, spec, size, created_at, used_at FROM images WHERE digest = ?",
                   digest);
}

Result<std::vector<ImageRecord>> Ledger::images() {
  return all_rows(database_, read_image,
                  "SELECT digest, spec, size, created_at, used_at FROM images "
                  "ORDER BY used_at DESC, digest");
}

Status Ledger::remove_image(std::string_view digest) {
  return execute(database_, "DELETE FROM images WHERE digest = ?", digest);
}

}  // namespace leanto

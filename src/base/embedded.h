// Files that travel inside the binary; tools/embed_files.py writes their definitions at build time.
#pragma once

#include <span>
#include <string_view>

namespace leanto::embedded {

struct EmbeddedFile {
  std::string_view path;
  std::string_view contents;
};

std::span<const EmbeddedFile> python_package();  // python/leanto, for the workers
std::span<const EmbeddedFile> sql_migrations();  // src/store/sql, in the order of their names
std::span<const EmbeddedFile> run_migrations();  // src/store/sql_runs
std::span<const EmbeddedFile> remote_scripts();  // src/provider/remote, for hosts without a binary

}  // namespace leanto::embedded

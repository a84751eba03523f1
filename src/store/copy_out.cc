#include "store/copy_out.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "os/files.h"
#include "store/workspaces_layout.h"

namespace leanto {

namespace fs = std::filesystem;

namespace {

// Instead of a link to the blob, which is not writable. `copy`: a name that nothing has.
std::error_code make_own(const fs::path& file, const fs::path& copy) {
  std::error_code error;
  if (fs::hard_link_count(file, error) > 1) {
    fs::copy_file(file, copy, error);
    if (!error) fs::rename(copy, file, error);
  }
  if (!error) fs::permissions(file, fs::perms::owner_write, fs::perm_options::add, error);
  return error;
}

}  // namespace

Status copy_out(BlobStore& blobs, const std::string& directory, const Tree& tree) {
  if (Status laid_out = lay_out(blobs, directory, tree); !laid_out) return laid_out;
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_symlink() && entry->is_regular_file()) files.push_back(entry->path());
  }
  for (auto file = files.begin(); !error && file != files.end(); ++file)
    error = make_own(*file, directory + ".copy");
  if (error) return file_failure(error.value(), "copy the code to", directory);
  return {};
}

}  // namespace leanto

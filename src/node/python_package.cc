#include "node/python_package.h"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "base/digest.h"
#include "base/embedded.h"
#include "os/files.h"

namespace leanto::node {

namespace fs = std::filesystem;

namespace {

std::string package_digest() {
  static const std::string digest = [] {
    std::string all;
    for (const embedded::EmbeddedFile& file : embedded::python_package()) {
      all += file.path;
      all += '\0';
      all += Digest::of(file.contents).hex();
    }
    return Digest::of(all).hex().substr(0, 16);
  }();
  return digest;
}

Status write(const std::string& path, std::string_view contents) {
  if (Status made = make_directories(path.substr(0, path.rfind('/'))); !made) return made;
  const Result<UniqueFd> fd = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!fd) return Failure(fd.error());
  return write_all(fd->get(), contents, path);
}

Status write_all_files(const fs::path& directory) {
  for (const embedded::EmbeddedFile& file : embedded::python_package()) {
    const std::string path = (directory / "leanto" / file.path).string();
    if (Status written = write(path, file.contents); !written) return written;
  }
  return {};
}

}  // namespace

fs::path package_directory(const Directories& directories) {
  return directories.cache / "python" / package_digest();
}

Status unpack_python_package(const Directories& directories) {
  const fs::path directory = package_directory(directories);
  std::error_code error;
  if (fs::exists(directory, error)) return {};
  const fs::path temporary = directory.parent_path() / (".new-" + std::to_string(::getpid()));
  fs::remove_all(temporary, error);
  if (Status written = write_all_files(temporary); !written) {
    fs::remove_all(temporary, error);
    return written;
  }
  fs::rename(temporary, directory, error);
  if (error)
    return fail(ErrorKind::kInternal, "moving {} into place: {}", directory.string(),
                error.message());
  return {};
}

}  // namespace leanto::node

#include "node/python_package.h"

#include <unistd.h>

#include <fstream>
#include <system_error>

#include "base/digest.h"
#include "base/embedded.h"

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

Status write(const fs::path& path, std::string_view contents) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary);
  file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  file.close();
  if (!file)
    return fail(ErrorKind::kCapacity, "{} cannot be written: is the disk full?", path.string());
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
  for (const embedded::EmbeddedFile& file : embedded::python_package()) {
    if (Status written = write(temporary / "leanto" / file.path, file.contents); !written)
      return written;
  }
  fs::rename(temporary, directory, error);
  if (error)
    return fail(ErrorKind::kInternal, "moving {} into place: {}", directory.string(),
                error.message());
  return {};
}

}  // namespace leanto::node

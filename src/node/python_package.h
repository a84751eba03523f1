// The Python package that workers run: it travels in the binary, so that both are always of one
// version.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "os/xdg.h"

namespace leanto::node {

// The directory to put on Python's path; named by the digest of what is in it.
std::filesystem::path package_directory(const Directories& directories);

// Writes the package there if it isn't.
Status unpack_python_package(const Directories& directories);

}  // namespace leanto::node

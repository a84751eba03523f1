// Files without a name, in memory or on disk: gone with the last process that has them open.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "os/unique_fd.h"

namespace leanto {

// `size` bytes of memory, which the kernel gives when they are written to. `name` is for people who
// look into /proc. kCapacity.
Result<UniqueFd> make_memory_file(const char* name, std::uint64_t size);

// `size` bytes on the disk of `directory`, which are reserved: who maps and writes them can't run
// out of disk. kCapacity if it's full.
Result<UniqueFd> make_disk_file(const std::filesystem::path& directory, std::uint64_t size);

}  // namespace leanto

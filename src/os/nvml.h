// The GPUs as NVIDIA's management library (NVML) knows them, in the order of their places on the
// bus. A static program can't load a library, so a Python does it: once, and within a limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace leanto {

struct NvmlGpu {
  std::string name;  // "NVIDIA A10G"
  std::string uuid;  // "GPU-6d1b...", as CUDA_VISIBLE_DEVICES takes it
  std::uint64_t memory_bytes = 0;

  friend bool operator==(const NvmlGpu&, const NvmlGpu&) = default;
};

// Whether there is something to ask: the library, by its name in the directories where libraries
// lie and in those of LD_LIBRARY_PATH. `root` is "/", but for tests.
bool has_nvml(const std::string& root = "/");

// Nothing: the library, or a python3, isn't there or says no. Blocks, for `limit` at most.
std::optional<std::vector<NvmlGpu>> ask_nvml(Duration limit = std::chrono::seconds(5));

}  // namespace leanto

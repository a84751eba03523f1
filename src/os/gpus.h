// The GPUs of this machine, from NVIDIA's management library where it is, else from what the driver
// says in /proc. They come in the order of their places on the bus, which is that of their numbers
// under CUDA_DEVICE_ORDER=PCI_BUS_ID.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leanto {

// "NVIDIA A100-SXM4-40GB" → "A100-SXM4-40GB", "Tesla T4" → "T4": one word.
std::string gpu_kind(std::string_view model);

struct FoundGpu {
  std::string kind;    // "" where nobody says
  std::string uuid{};  // "GPU-6d1b...", or ""

  friend bool operator==(const FoundGpu&, const FoundGpu&) = default;
};

// Empty: there is none. Blocks for 5 s at most, and only where NVML is.
std::vector<FoundGpu> find_gpus();
// The kinds, as the driver says it in /proc. `root` is "/", but for tests.
std::vector<std::string> find_gpus_in_proc(const std::string& root = "/");

}  // namespace leanto

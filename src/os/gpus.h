// The GPUs of this machine, from what NVIDIA's driver says in /proc. They come in the order of
// their places on the bus, which is that of their numbers under CUDA_DEVICE_ORDER=PCI_BUS_ID.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leanto {

// "NVIDIA A100-SXM4-40GB" → "A100-SXM4-40GB", "Tesla T4" → "T4": one word.
std::string gpu_kind(std::string_view model);

// The kind of each GPU, "" where the driver doesn't say. Empty: there is none. `root` is "/", but
// for tests.
std::vector<std::string> find_gpus(const std::string& root = "/");

}  // namespace leanto

#include "os/nvml.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "os/command_output.h"
#include "os/xdg.h"

namespace leanto {

namespace {

constexpr const char* kLibrary = "libnvidia-ml.so.1";
constexpr std::array<const char*, 9> kPlaces{"usr/lib/x86_64-linux-gnu",
                                             "usr/lib/aarch64-linux-gnu",
                                             "usr/lib64",
                                             "usr/lib",
                                             "usr/lib/wsl/lib",
                                             "usr/local/nvidia/lib64",
                                             "usr/local/cuda/compat",
                                             "usr/local/lib",
                                             "run/opengl-driver/lib"};

// One line for each GPU: memory, UUID, name; then a line that says that these are all.
constexpr const char* kProbe = R"(
import ctypes
nvml = ctypes.CDLL("libnvidia-ml.so.1")
class Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]
def ask(name, *arguments):
    if getattr(nvml, name)(*arguments) != 0:
        raise SystemExit(1)
ask("nvmlInit_v2")
count = ctypes.c_uint()
ask("nvmlDeviceGetCount_v2", ctypes.byref(count))
for index in range(count.value):
    device, memory = ctypes.c_void_p(), Memory()
    ask("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(device))
    name, uuid = ctypes.create_string_buffer(96), ctypes.create_string_buffer(96)
    ask("nvmlDeviceGetName", device, name, ctypes.c_uint(96))
    ask("nvmlDeviceGetUUID", device, uuid, ctypes.c_uint(96))
    # A GPU that shares the machine's memory has none of its own to tell.
    nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
    print(memory.total, uuid.value.decode(), name.value.decode())
print("all")
)";

std::vector<std::string> search_path() {
  std::vector<std::string> directories;
  const std::string path = find_environment_variable("LD_LIBRARY_PATH").value_or("");
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    if (end > at) directories.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return directories;
}

bool is_there(const std::string& directory) {
  return ::access((directory + "/" + kLibrary).c_str(), R_OK) == 0;
}

std::optional<NvmlGpu> parse_gpu(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', std::min(first, line.size() - 1) + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  NvmlGpu gpu;
  const auto [end, error] = std::from_chars(line.data(), line.data() + first, gpu.memory_bytes);
  if (error != std::errc() || end != line.data() + first) return std::nullopt;
  gpu.uuid = line.substr(first + 1, second - first - 1);
  gpu.name = line.substr(second + 1);
  return gpu;
}

}  // namespace

bool has_nvml(const std::string& root) {
  const auto below_root = [&root](const char* place) { return is_there(root + place); };
  if (std::any_of(kPlaces.begin(), kPlaces.end(), below_root)) return true;
  const std::vector<std::string> directories = search_path();
  return std::any_of(directories.begin(), directories.end(), is_there);
}

std::optional<std::vector<NvmlGpu>> ask_nvml(Duration limit) {
  const Result<std::string> output = output_of({"python3", "-I", "-S", "-c", kProbe}, limit);
  if (!output) return std::nullopt;
  std::vector<NvmlGpu> gpus;
  std::string_view rest = *output;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line == "all") return gpus;
    std::optional<NvmlGpu> gpu = parse_gpu(line);
    if (!gpu) return std::nullopt;
    gpus.push_back(*std::move(gpu));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return std::nullopt;
}

}  // namespace leanto

#include "os/gpus.h"

#include <algorithm>
#include <set>

#include "os/files.h"
#include "os/nvml.h"

namespace leanto {
namespace {

std::vector<std::string> list(const std::string& path) {
  const auto directory = open_directory_at(AT_FDCWD, path);
  if (!directory) return {};
  std::vector<std::string> names;
  const auto items = list_directory(directory->get(), path);
  if (!items) return {};
  for (const DirectoryItem& item : *items) names.push_back(item.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

// "Model: \t\t NVIDIA A10G\nIRQ: ..."
std::string_view find_model(std::string_view information) {
  constexpr std::string_view kKey = "Model:";
  const auto start = information.find(kKey);
  if (start == std::string_view::npos) return {};
  information.remove_prefix(start + kKey.size());
  return trim(information.substr(0, information.find('\n')));
}

// A driver without its /proc (some containers): as many as there are device files nvidia0, ...
std::size_t count_devices(const std::string& root) {
  const auto is_gpu = [](const std::string& name) {
    return name.starts_with("nvidia") && name.size() > 6 &&
           name.find_first_not_of("0123456789", 6) == std::string::npos;
  };
  const auto names = list(root + "dev");
  return static_cast<std::size_t>(std::count_if(names.begin(), names.end(), is_gpu));
}

}  // namespace

std::string gpu_kind(std::string_view model) {
  for (const std::string_view maker : {"NVIDIA ", "Tesla ", "GeForce "}) {
    if (model.starts_with(maker)) model.remove_prefix(maker.size());
  }
  std::string kind(model);
  std::replace(kind.begin(), kind.end(), ' ', '-');
  return kind;
}

std::vector<std::string> find_gpus_in_proc(const std::string& root) {
  const std::string places = root + "proc/driver/nvidia/gpus";
  std::vector<std::string> kinds;
  for (const std::string& place : list(places)) {
    const auto information = read_file(places + "/" + place + "/information");
    kinds.push_back(information ? gpu_kind(find_model(*information)) : "");
  }
  return kinds.empty() ? std::vector<std::string>(count_devices(root)) : kinds;
}

std::vector<FoundGpu> find_gpus() {
  std::vector<FoundGpu> found;
  if (const auto asked = has_nvml() ? ask_nvml() : std::nullopt) {
    for (const NvmlGpu& gpu : *asked) found.push_back({gpu_kind(gpu.name), gpu.uuid});
    return found;
  }
  for (std::string& kind : find_gpus_in_proc()) found.push_back({std::move(kind)});
  return found;
}

}  // namespace leanto

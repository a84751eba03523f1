#include "node/service_settings.h"

#include <cmath>

#include "base/byte_size.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr double kMaxCount = 10'000;
constexpr std::uint64_t kLeastMemory = 1 << 20;

std::string shown(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Failure senseless(std::string_view key, const Json& value, std::string_view instead) {
  return fail(ErrorKind::kInvalid, "the setting {}={} makes no sense; give {}", key, shown(value),
              instead);
}

Status read_count(const Json& settings, std::string_view key, int& into) {
  const auto found = settings.find(key);
  if (found == settings.end()) return {};
  if (!found->is_number_integer() || *found < 1 || *found > 10'000)
    return senseless(key, *found, "a whole number from 1 to 10,000");
  into = found->get<int>();
  return {};
}

// "workers" is the most there may be, or the least and the most.
Status read_workers(const Json& settings, ServiceSettings& into) {
  const auto found = settings.find("workers");
  if (found == settings.end() || !found->is_array())
    return read_count(settings, "workers", into.workers);
  const auto is_count = [](const Json& count) {
    return count.is_number_integer() && count >= 0 && count <= 10'000;
  };
  const Json& pair = *found;
  if (pair.size() != 2 || !is_count(pair[0]) || !is_count(pair[1]) || pair[1] < 1 ||
      pair[0] > pair[1])
    return senseless("workers", pair, "the least and the most, like (1, 4)");
  into.min_workers = pair[0].get<int>();
  into.workers = pair[1].get<int>();
  return {};
}

Status read_warmup(const Json& settings, std::string& into) {
  const auto warmup = settings.find("warmup");
  if (warmup == settings.end()) return {};
  if (!warmup->is_string() || warmup->get<std::string>().empty())
    return senseless("warmup", *warmup, "the name of a function or method");
  into = warmup->get<std::string>();
  return {};
}

Status read_flag(const Json& settings, std::string_view key, bool& into) {
  const auto flag = settings.find(key);
  if (flag == settings.end()) return {};
  if (!flag->is_boolean()) return senseless(key, *flag, "True or False");
  into = flag->get<bool>();
  return {};
}

Status read_env(const Json& settings, std::map<std::string, std::string>& into) {
  const auto env = settings.find("env");
  if (env == settings.end()) return {};
  if (!env->is_object()) return senseless("env", *env, "a dict of names and texts");
  for (const auto& [name, value] : env->items()) {
    if (!value.is_string())
      return fail(ErrorKind::kInvalid, "env: the value of {} is not text", name);
    into[name] = value.get<std::string>();
  }
  return {};
}

Status read_cpus(const Json& settings, double& into) {
  const auto cpus = settings.find("cpus");
  if (cpus == settings.end()) return {};
  if (!cpus->is_number() || !(cpus->get<double>() >= 0) || cpus->get<double>() > kMaxCount)
    return senseless("cpus", *cpus, "a number like 2 or 0.5");
  into = cpus->get<double>();
  return {};
}

Status read_memory(const Json& settings, std::uint64_t& into) {
  const auto memory = settings.find("memory");
  if (memory == settings.end()) return {};
  Result<std::uint64_t> bytes = 0;
  if (memory->is_string()) {
    bytes = parse_byte_size(memory->get<std::string>());
  } else if (memory->is_number_integer() && *memory >= 0) {
    bytes = memory->get<std::uint64_t>();
  }
  if (!bytes) return fail(ErrorKind::kInvalid, "memory: {}", bytes.error().message);
  if (*bytes < kLeastMemory)
    return senseless("memory", *memory, "an amount like \"512MB\" or a number of bytes");
  into = *bytes;
  return {};
}

bool is_gpu_count(const Json& value) {
  if (!value.is_number()) return false;
  const double count = value.get<double>();
  return count > 0 && count <= kMaxAccelerators && (count < 1 || count == std::floor(count));
}

constexpr std::string_view kGpuCount = "a whole number of GPUs, or a part of one like 0.5";

Status read_gpus(const Json& settings, SlotAsk& into) {
  if (const auto gpus = settings.find("gpus"); gpus != settings.end()) {
    if (!is_gpu_count(*gpus)) return senseless("gpus", *gpus, kGpuCount);
    into.gpus = gpus->get<double>();
  }
  const auto kinds = settings.find("accelerators");
  if (kinds == settings.end()) return {};
  if (!kinds->is_object()) return senseless("accelerators", *kinds, "a dict like {'A10G': 1}");
  for (const auto& [kind, count] : kinds->items()) {
    if (!is_accelerator_kind(kind))
      return fail(ErrorKind::kInvalid, "\"{}\" is no name of an accelerator like A10G", kind);
    if (!is_gpu_count(count)) return senseless("accelerators", *kinds, kGpuCount);
    into.accelerators[kind] = count.get<double>();
  }
  if (into.gpus > 0 && !into.accelerators.empty()) {
    return fail(ErrorKind::kInvalid,
                "gpus={:g} and accelerators={} are two ways to ask for the same; give one of them",
                into.gpus, shown(*kinds));
  }
  return {};
}

}  // namespace

Result<ServiceSettings> read_settings(const Json& settings) {
  ServiceSettings result;
  for (const Status& read :
       {read_count(settings, "concurrency", result.concurrency), read_workers(settings, result),
        read_env(settings, result.env), read_cpus(settings, result.ask.cpus),
        read_memory(settings, result.ask.memory), read_gpus(settings, result.ask),
        read_warmup(settings, result.warmup), read_flag(settings, "fresh", result.fresh),
        read_flag(settings, "keep_args", result.keep_arguments)}) {
    if (!read) return Failure(read.error());
  }
  return result;
}

Json to_json(const ServiceSettings& settings) {
  Json json = {
      {"concurrency", settings.concurrency}, {"workers", settings.workers}, {"env", settings.env}};
  if (settings.min_workers > 0) json["workers"] = {settings.min_workers, settings.workers};
  if (!settings.warmup.empty()) json["warmup"] = settings.warmup;
  if (settings.fresh) json["fresh"] = true;
  if (settings.keep_arguments) json["keep_args"] = true;
  const SlotAsk& ask = settings.ask;
  if (ask.cpus > 0) json["cpus"] = ask.cpus;
  if (ask.memory > 0) json["memory"] = ask.memory;
  if (ask.gpus > 0) json["gpus"] = ask.gpus;
  for (const auto& [kind, count] : ask.accelerators) json["accelerators"][kind] = count;
  return json;
}

}  // namespace leanto::node

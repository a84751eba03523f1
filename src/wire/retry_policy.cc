#include "wire/retry_policy.h"

#include <cmath>

#include "base/byte_size.h"

namespace leanto::wire {

namespace {

constexpr std::int64_t kMaxAttempts = 1000;
constexpr std::size_t kMaxNames = 100;
constexpr double kMaxSeconds = 1e9;

Failure wrong(std::string_view what, const Json& value, std::string_view right) {
  return fail(ErrorKind::kInvalid, "{} is {}, and not {}", what, right,
              value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 200));
}

// Leaves `into` as it is where nothing is said.
Status read_number(const Json& from, const char* key, double least, double most, double& into) {
  const auto found = from.find(key);
  if (found == from.end()) return {};
  const double number = found->is_number() ? found->get<double>() : -1;
  if (!std::isfinite(number) || number < least || number > most)
    return wrong(key, *found, fmt::format("a number from {} to {:g}", least, most));
  into = number;
  return {};
}

Status read_names(const Json& from, const char* key, std::vector<std::string>& into) {
  const Json names = from.value(key, Json::array());
  if (!names.is_array() || names.size() > kMaxNames) return wrong(key, names, "a list of names");
  for (const Json& name : names) {
    if (!name.is_string()) return wrong(key, names, "a list of names");
    into.push_back(name.get<std::string>());
  }
  return {};
}

// Bytes, as a number or as text like "4GB".
Result<std::uint64_t> read_bytes(const char* key, const Json& said) {
  if (said.is_number_unsigned()) return said.get<std::uint64_t>();
  if (said.is_number_integer() && said.get<std::int64_t>() >= 0)
    return static_cast<std::uint64_t>(said.get<std::int64_t>());
  if (!said.is_string()) return wrong(key, said, "an amount like \"4GB\", or a number of bytes");
  const Result<std::uint64_t> size = parse_byte_size(said.get<std::string>());
  if (!size) return fail(ErrorKind::kInvalid, "{}: {}", key, size.error().message);
  return size;
}

Result<Retries> parse_retries(const Json& from) {
  if (!from.is_object()) return wrong("retries", from, "a map");
  Retries retries;
  double attempts = 1;
  double limit = -1;
  for (const Status& read :
       {read_number(from, "attempts", 1, kMaxAttempts, attempts),
        read_names(from, "kinds", retries.kinds), read_names(from, "types", retries.types),
        read_number(from, "delay", 0, kMaxSeconds, retries.delay),
        read_number(from, "factor", 1, 1000, retries.factor),
        read_number(from, "max_delay", 0, kMaxSeconds, retries.max_delay),
        read_number(from, "jitter", 0, 1, retries.jitter),
        read_number(from, "limit", 0, kMaxSeconds, limit)}) {
    if (!read) return Failure(read.error());
  }
  retries.attempts = static_cast<std::int64_t>(attempts);
  if (limit >= 0) retries.limit = limit;
  return retries;
}

Result<MoreMemory> parse_on_oom(const Json& from) {
  if (!from.is_object()) return wrong("on_oom", from, "a map");
  MoreMemory more;
  if (const Status read = read_number(from, "factor", 1.01, 1000, more.factor); !read)
    return Failure(read.error());
  if (const auto max = from.find("max"); max != from.end()) {
    const Result<std::uint64_t> bytes = read_bytes("max", *max);
    if (!bytes) return Failure(bytes.error());
    more.max = *bytes;
  }
  const Json sizes = from.value("sizes", Json::array());
  if (!sizes.is_array() || sizes.size() > kMaxNames)
    return wrong("sizes", sizes, "a list of bytes");
  for (const Json& size : sizes) {
    const Result<std::uint64_t> bytes = read_bytes("sizes", size);
    if (!bytes) return Failure(bytes.error());
    more.sizes.push_back(*bytes);
  }
  return more;
}

}  // namespace

Result<RetryPolicy> parse_retry_policy(const Json& asked) {
  RetryPolicy policy;
  if (const auto said = asked.find("retries"); said != asked.end()) {
    Result<Retries> retries = parse_retries(*said);
    if (!retries) return Failure(retries.error());
    policy.retries = *std::move(retries);
  }
  if (const auto said = asked.find("on_oom"); said != asked.end()) {
    Result<MoreMemory> more = parse_on_oom(*said);
    if (!more) return Failure(more.error());
    policy.on_oom = *std::move(more);
  }
  return policy;
}

Json to_json(const RetryPolicy& policy) {
  Json said = Json::object();
  if (const auto& retries = policy.retries) {
    said["retries"] = {{"attempts", retries->attempts}, {"kinds", retries->kinds},
                       {"types", retries->types},       {"delay", retries->delay},
                       {"factor", retries->factor},     {"max_delay", retries->max_delay},
                       {"jitter", retries->jitter}};
    if (retries->limit) said["retries"]["limit"] = *retries->limit;
  }
  if (const auto& more = policy.on_oom) {
    said["on_oom"] = {{"factor", more->factor}, {"sizes", more->sizes}};
    if (more->max) said["on_oom"]["max"] = *more->max;
  }
  return said;
}

}  // namespace leanto::wire

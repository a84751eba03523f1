#include "wire/retry_policy.h"

#include <algorithm>
#include <cmath>
#include <utility>

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
  double places = 1;
  for (const Status& read :
       {read_number(from, "attempts", 1, kMaxAttempts, attempts),
        read_names(from, "kinds", retries.kinds), read_names(from, "types", retries.types),
        read_number(from, "delay", 0, kMaxSeconds, retries.delay),
        read_number(from, "factor", 1, 1000, retries.factor),
        read_number(from, "max_delay", 0, kMaxSeconds, retries.max_delay),
        read_number(from, "jitter", 0, 1, retries.jitter),
        read_number(from, "limit", 0, kMaxSeconds, limit),
        read_number(from, "places", 1, kMaxPlaces, places)}) {
    if (!read) return Failure(read.error());
  }
  retries.attempts = static_cast<std::int64_t>(attempts);
  retries.places = static_cast<std::size_t>(places);
  if (limit >= 0) retries.limit = limit;
  return retries;
}

// Bytes, or a map of them and a place.
Result<MemoryStep> parse_step(const Json& said) {
  if (!said.is_object()) {
    const Result<std::uint64_t> bytes = read_bytes("sizes", said);
    if (!bytes) return Failure(bytes.error());
    return MemoryStep{*bytes};
  }
  const Result<std::uint64_t> bytes = read_bytes("size", said.value("size", Json()));
  if (!bytes) return Failure(bytes.error());
  double place = 0;
  if (const Status read = read_number(said, "place", 0, kMaxPlaces, place); !read)
    return Failure(read.error());
  return MemoryStep{*bytes, static_cast<std::size_t>(place)};
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
    const Result<MemoryStep> step = parse_step(size);
    if (!step) return Failure(step.error());
    more.sizes.push_back(*step);
  }
  return more;
}

Result<std::vector<Place>> parse_places(const Json& from) {
  if (!from.is_array() || from.empty() || from.size() > kMaxPlaces)
    return wrong("places", from, fmt::format("a list of 1 to {} places", kMaxPlaces));
  std::vector<Place> places;
  for (const Json& said : from) {
    Place place;
    place.node = find_string(said, "node").value_or("");
    place.service = find_string(said, "service").value_or("");
    place.version = find_string(said, "version").value_or("");
    if (said.is_object()) place.call = said.value("call", Json());
    if (said.is_object() && said.contains("memory")) {
      const Result<std::uint64_t> bytes = read_bytes("memory", said["memory"]);
      if (!bytes) return Failure(bytes.error());
      place.memory = *bytes;
    }
    if (place.version.empty() || !place.call.is_object())
      return wrong("places", said, "a map with the node, the version and the call there");
    places.push_back(std::move(place));
  }
  return places;
}

// Whether all that is said about places is about some that there are.
Status check_places(const RetryPolicy& policy) {
  const std::size_t count = std::max<std::size_t>(policy.places.size(), 1);
  const bool are_known =
      (!policy.retries || policy.retries->places <= count) &&
      (!policy.on_oom ||
       std::all_of(policy.on_oom->sizes.begin(), policy.on_oom->sizes.end(),
                   [&](const MemoryStep& step) { return step.place.value_or(0) < count; }));
  if (are_known) return {};
  return fail(ErrorKind::kInvalid, "there are {} places, and the policy names others", count);
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
  if (const auto said = asked.find("places"); said != asked.end()) {
    Result<std::vector<Place>> places = parse_places(*said);
    if (!places) return Failure(places.error());
    policy.places = *std::move(places);
  }
  if (const Status known = check_places(policy); !known) return Failure(known.error());
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
    if (retries->places > 1) said["retries"]["places"] = retries->places;
  }
  if (const auto& more = policy.on_oom) {
    Json sizes = Json::array();
    for (const MemoryStep& step : more->sizes)
      sizes.push_back(step.place ? Json{{"size", step.bytes}, {"place", *step.place}}
                                 : Json(step.bytes));
    said["on_oom"] = {{"factor", more->factor}, {"sizes", std::move(sizes)}};
    if (more->max) said["on_oom"]["max"] = *more->max;
  }
  for (const Place& place : policy.places)
    said["places"].push_back({{"node", place.node},
                              {"service", place.service},
                              {"version", place.version},
                              {"memory", place.memory},
                              {"call", place.call}});
  return said;
}

}  // namespace leanto::wire

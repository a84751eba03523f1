#include "cli/objects_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr std::string_view kNothing =
    "Nothing is kept here. lt.here.put(key, value) keeps a value, and\n"
    ".options(name=...) an instance of a class.\n";

std::string key_of(const Json& object) {
  const std::string key = text_of(object, "key");
  return key == "-" ? text_of(object, "id") : key;
}

std::string bytes_of(const Json& object) {
  return size_of(object, object.contains("size") ? "size" : "memory");
}

std::string service_of(const Json& object) {
  const std::string service = text_of(object, "service");
  return service == "-" ? service : service + "@" + short_version(text_of(object, "version"));
}

std::string age_of(const Json& object, std::int64_t now_ms) {
  const auto since = wire::find_number(object, "since");
  return since ? human_duration((static_cast<double>(now_ms) - *since) / 1000) : "-";
}

std::string holder_of(const Json& object) {
  const std::string session = wire::find_string(object, "session").value_or("");
  if (session.empty()) return object.value("key", Json()).is_string() ? "its key" : "-";
  int pid = 0;
  const auto [end, error] = std::from_chars(session.data(), session.data() + session.size(), pid);
  const bool is_pid = error == std::errc() && pid > 0 && *end == '-';
  return is_pid ? fmt::format("program {}", pid) : "a program";
}

}  // namespace

std::string objects_report(const std::vector<Json>& objects, std::int64_t now_ms,
                           const Screen& screen) {
  std::vector<Json> sorted = objects;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
    return std::pair(!a.value("key", Json()).is_string(), key_of(a)) <
           std::pair(!b.value("key", Json()).is_string(), key_of(b));
  });
  Table table({{"KEY", Shrink::kLast},
               {"KIND", Shrink::kLast},
               {"TYPE", Shrink::kFirst, CutAt::kStart},
               number_column("SIZE"),
               number_column("AGE"),
               number_column("PID"),
               {"HELD BY", Shrink::kLast},
               {"SERVICE", Shrink::kFirst, CutAt::kStart}});
  for (const Json& object : sorted) {
    table.add({key_of(object), text_of(object, "kind"), text_of(object, "type"), bytes_of(object),
               age_of(object, now_ms), number_of(object, "pid"), holder_of(object),
               service_of(object)});
  }
  return table.empty() ? std::string(kNothing) : table.render(screen);
}

std::string object_line(const Json& object) {
  const std::string type = text_of(object, "type");
  return printable(fmt::format("'{}' ({}, {})", key_of(object),
                               type == "-" ? text_of(object, "kind") : type, bytes_of(object)));
}

}  // namespace leanto::cli

#include "cli/list_report.h"

#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr std::string_view kNothing =
    "Nothing is here yet. A service is made in Python:\n"
    "  import leanto as lt\n"
    "  remote = lt.function(f).to(lt.here)\n";

std::string saved_at(const Json& service) {
  const auto ms = wire::find_number(service, "saved_at");
  return ms ? human_time(static_cast<std::int64_t>(*ms)) : "-";
}

Table services(const Json& list, std::string_view home) {
  Table table({{"SERVICE", Shrink::kLast},
               {"KIND", Shrink::kLast},
               {"VERSION", Shrink::kLast},
               {"CALLABLE"},
               {"PROJECT", Shrink::kFirst, CutAt::kStart},
               {"SAVED", Shrink::kLast}});
  for (const Json& service : rows_of(list, "services")) {
    table.add({text_of(service, "name"), text_of(service, "kind"),
               short_version(text_of(service, "version")), text_of(service, "callable"),
               short_path(text_of(service, "root"), home), saved_at(service)});
  }
  return table;
}

Table objects(const Json& list) {
  Table table({{"OBJECT", Shrink::kLast}, {"KIND", Shrink::kLast}, {"CLASS"}});
  for (const Json& object : rows_of(list, "objects")) {
    const std::string name = text_of(object, "name");
    table.add({name == "-" ? text_of(object, "id") : name, text_of(object, "kind"),
               text_of(object, "class")});
  }
  return table;
}

}  // namespace

std::string list_report(const Json& list, std::string_view home, const Screen& screen) {
  std::string out;
  for (const Table& table : {services(list, home), objects(list)}) {
    if (table.empty()) continue;
    if (!out.empty()) out += "\n";
    out += table.render(screen);
  }
  return out.empty() ? std::string(kNothing) : out;
}

}  // namespace leanto::cli

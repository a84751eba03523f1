#include "cli/images_report.h"

#include <fmt/format.h>

#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

std::string time_of(const Json& row, std::string_view key) {
  const auto ms = wire::find_number(row, key);
  return ms ? human_time(static_cast<std::int64_t>(*ms)) : "-";
}

std::string joined(const Json& texts) {
  std::string all;
  for (const Json& text : texts) {
    if (text.is_string()) all += (all.empty() ? "" : " ") + text.get<std::string>();
  }
  return all;
}

// One line for a step: "numpy torch", "requirements", "$ command".
std::string step_text(const Json& step) {
  if (const auto packages = step.find("pip"); packages != step.end()) return joined(*packages);
  if (const auto command = wire::find_string(step, "run")) return "$ " + *command;
  return "requirements";
}

std::string contents(const Json& row) {
  const Json image = row.value("image", Json::object());
  if (!image.is_object()) return "-";
  std::string text = wire::find_string(image, "python").value_or("-");
  for (const Json& step : rows_of(image, "steps")) text += "; " + step_text(step);
  return text;
}

std::string table_of(const Json& answer, const Screen& screen) {
  Table table({{"IMAGE", Shrink::kLast},
               number_column("SIZE"),
               {"LAST USED", Shrink::kNever},
               {"IN USE", Shrink::kNever},
               {"CONTENTS"}});
  for (const Json& row : rows_of(answer, "images")) {
    table.add({short_version(text_of(row, "digest")), size_of(row, "size"), time_of(row, "used_at"),
               wire::find_flag(row, "in_use", false) ? "yes" : "no", contents(row)});
  }
  return table.empty() ? std::string() : table.render(screen);
}

}  // namespace

std::string images_report(const Json& answer, const Screen& screen) {
  const std::string table = table_of(answer, screen);
  if (!table.empty()) return table;
  return "No image has been built here. One is said in Python:\n"
         "  image = lt.Image().pip_install([\"numpy\"])\n"
         "  remote = lt.function(f).options(image=image).to(lt.here)\n";
}

std::string prune_report(const Json& answer, const Screen& screen) {
  const double count = static_cast<double>(rows_of(answer, "images").size());
  if (count == 0) return "No image can go: all that match are in use, or none matches.\n";
  const bool preview = wire::find_flag(answer, "dry_run", false);
  return table_of(answer, screen) + fmt::format("{}, {}: {}\n", counted(count, "image"),
                                                size_of(answer, "size"),
                                                preview ? "would be removed" : "removed");
}

}  // namespace leanto::cli

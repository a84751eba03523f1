#include "cli/top_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr std::size_t kAnyHeight = 100'000;

double number(const Json& row, std::string_view key) {
  return wire::find_number(row, key).value_or(0);
}

std::string percent_of(const Json& row) {
  const auto percent = wire::find_number(row, "cpu_percent");
  return percent ? fmt::format("{:.0f}%", *percent) : "-";
}

std::string hosted(const Json& row) {
  const std::string service = text_of(row, "service");
  const auto object = wire::find_string(row, "object");
  return object ? service + " " + *object : service;
}

std::string first_line(const Json& status) {
  return fmt::format(
      "leanto {}, up {}, {} of memory, {} CPU", printable(text_of(status, "version")),
      human_duration(number(status, "uptime")), size_of(status, "memory"), percent_of(status));
}

std::string calls_line(const Json& status) {
  double running = 0, waiting = 0, starting = 0;
  for (const Json& service : rows_of(status, "services")) {
    running += number(service, "running");
    waiting += number(service, "waiting");
    starting += number(service, "starting");
  }
  std::string line =
      fmt::format("calls: {:.0f} running, {:.0f} waiting; {}", running, waiting,
                  counted(static_cast<double>(rows_of(status, "workers").size()), "worker"));
  if (starting > 0) line += fmt::format(", {:.0f} starting", starting);
  if (number(status, "waiting_for_slots") > 0)
    line += fmt::format(", {:.0f} waiting for slots", number(status, "waiting_for_slots"));
  return line;
}

std::string machine_line(const Json& status, const Machine& machine) {
  double percent = number(status, "cpu_percent"), memory = number(status, "memory");
  for (const char* const processes : {"workers", "zygotes"}) {
    for (const Json& row : rows_of(status, processes)) {
      percent += number(row, "cpu_percent");
      memory += number(row, "memory");
    }
  }
  return fmt::format("machine: {:.0f}% of {:g} CPUs by leanto; {} by leanto, {} of {} free",
                     machine.cpus > 0 ? percent / machine.cpus : percent, machine.cpus,
                     human_size(memory),
                     human_size(static_cast<double>(machine.available_memory_bytes)),
                     human_size(static_cast<double>(machine.memory_bytes)));
}

// What its workers use together.
struct Use {
  double percent = 0;
  double memory = 0;
};

Use use_of(const Json& status, const Json& service) {
  Use use;
  for (const Json& worker : rows_of(status, "workers")) {
    if (hosted(worker) != hosted(service) ||
        text_of(worker, "version") != text_of(service, "version"))
      continue;
    use.percent += number(worker, "cpu_percent");
    use.memory += number(worker, "memory");
  }
  return use;
}

bool by_load(const Json& a, const Json& b, std::string_view calls) {
  const auto rank = [&](const Json& row) {
    return std::tuple(-number(row, "waiting"), -number(row, calls), -number(row, "cpu_percent"));
  };
  const auto first = rank(a), second = rank(b);
  return first != second ? first < second : hosted(a) < hosted(b);
}

std::string services(const Json& status, const Screen& screen) {
  Table table({{"SERVICE", Shrink::kFirst, CutAt::kStart},
               number_column("RUN"),
               number_column("WAIT"),
               number_column("WORKERS"),
               number_column("CPU"),
               number_column("MEMORY"),
               {"VERSION", Shrink::kLast}});
  std::vector<Json> rows = rows_of(status, "services");
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Json& a, const Json& b) { return by_load(a, b, "running"); });
  for (const Json& row : rows) {
    const Use use = use_of(status, row);
    table.add({hosted(row), number_of(row, "running"), number_of(row, "waiting"),
               number_of(row, "workers"), fmt::format("{:.0f}%", use.percent),
               human_size(use.memory), short_version(text_of(row, "version"))});
  }
  return table.empty() ? "No service has a worker; the next call starts one.\n"
                       : table.render(screen);
}

std::string workers(const Json& status, const Screen& screen) {
  Table table({number_column("PID"),
               {"WORKER OF", Shrink::kFirst, CutAt::kStart},
               number_column("CALLS"),
               number_column("CPU"),
               number_column("MEMORY"),
               number_column("UP"),
               {"STATE", Shrink::kLast}});
  std::vector<Json> rows = rows_of(status, "workers");
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Json& a, const Json& b) { return by_load(a, b, "calls"); });
  for (const Json& row : rows) {
    const bool leaving = wire::find_flag(row, "leaving", false);
    table.add({number_of(row, "pid"), hosted(row), number_of(row, "calls"), percent_of(row),
               size_of(row, "memory"), human_duration(number(row, "uptime")),
               leaving                    ? "leaving"
               : number(row, "calls") > 0 ? "busy"
                                          : "idle"});
  }
  return table.empty() ? "" : "\n" + table.render(screen);
}

std::string rows_of_node(const Json& status, const std::optional<Machine>& machine,
                         const Screen& screen) {
  std::string out = cut_text(calls_line(status), screen.width, CutAt::kEnd) + "\n";
  if (machine) out += cut_text(machine_line(status, *machine), screen.width, CutAt::kEnd) + "\n";
  return out + "\n" + services(status, screen) + workers(status, screen);
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Nobody gets less than a few lines.
std::vector<std::size_t> fit_heights(std::vector<std::size_t> heights, std::size_t available) {
  constexpr std::size_t kLeast = 3;
  std::size_t sum = 0;
  for (const std::size_t height : heights) sum += height;
  for (; sum > available; --sum) {
    const auto highest = std::max_element(heights.begin(), heights.end());
    if (highest == heights.end() || *highest <= kLeast) break;
    --*highest;
  }
  return heights;
}

// The first lines, and how many there are more.
std::string cut_lines(const std::string& text, std::size_t height) {
  const std::size_t lines = lines_of(text);
  if (lines <= height) return text;
  std::size_t end = 0;
  for (std::size_t line = 1; line < height; ++line) end = text.find('\n', end) + 1;
  return text.substr(0, end) + fmt::format("... {} more lines\n", lines - height + 1);
}

}  // namespace

Json CpuMeter::measure(Json status) {
  const double now = number(status, "uptime");
  const double passed = now - at_;
  std::map<double, double> seconds;
  const auto add = [&](Json& row) {
    const auto pid = wire::find_number(row, "pid");
    const auto cpu = wire::find_number(row, "cpu");
    row["cpu_percent"] = nullptr;
    if (!pid || !cpu) return;
    seconds[*pid] = *cpu;
    const auto before = before_.find(*pid);
    if (before != before_.end() && passed > 0)
      row["cpu_percent"] = std::round(std::max(0.0, *cpu - before->second) / passed * 1000) / 10;
  };
  add(status);
  if (status.contains("workers") && status["workers"].is_array())
    for (Json& worker : status["workers"])
      if (worker.is_object()) add(worker);
  before_ = std::move(seconds);
  at_ = now;
  return status;
}

std::string top_report(const std::vector<NodeLook>& nodes, const std::optional<Machine>& machine,
                       const Screen& screen) {
  Screen high = screen;
  high.height = kAnyHeight;
  std::vector<std::string> groups;
  for (const NodeLook& node : nodes) {
    const std::string title = node.name.empty() ? "" : printable(node.name) + ": ";
    if (!node.gone.empty()) {
      groups.push_back(cut_text(title + printable(node.gone), screen.width, CutAt::kEnd) + "\n");
    } else if (node.name.empty()) {
      groups.push_back(top_report(node.status, machine, high));
    } else {
      groups.push_back(bold(cut_text(title + first_line(node.status), screen.width, CutAt::kEnd),
                            screen.colour) +
                       "\n" + rows_of_node(node.status, std::nullopt, high));
    }
  }
  std::vector<std::size_t> heights;
  for (const std::string& group : groups) heights.push_back(lines_of(group));
  const std::size_t gaps = groups.empty() ? 0 : groups.size() - 1;
  heights = fit_heights(std::move(heights), screen.height > gaps ? screen.height - gaps : 0);
  std::string out;
  for (std::size_t i = 0; i < groups.size(); ++i)
    out += (i == 0 ? "" : "\n") + cut_lines(groups[i], heights[i]);
  return out;
}

std::string top_report(const Json& status, const std::optional<Machine>& machine,
                       const Screen& screen) {
  std::string out = bold(cut_text(first_line(status), screen.width, CutAt::kEnd), screen.colour);
  out += "\n" + rows_of_node(status, machine, screen);
  return cut_lines(out, std::max<std::size_t>(screen.height, 4));
}

}  // namespace leanto::cli

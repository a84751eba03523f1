#include "cli/status_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/table.h"

namespace leanto::cli {

using wire::Json;

namespace {

std::string first_line(const Json& status, const Screen& screen) {
  const std::string uptime = human_duration(wire::find_number(status, "uptime").value_or(0));
  const std::string title = "leanto " + printable(text_of(status, "version"));
  const std::string process = fmt::format("pid {}", number_of(status, "pid"));
  const std::string state =
      fmt::format("running for {}, {}, {}", uptime, size_of(status, "memory"),
                  counted(wire::find_number(status, "calls").value_or(0), "call"));
  const bool fits = title.size() + 2 + process.size() + 2 + state.size() <= screen.width;
  return fmt::format("{}  {}{}{}\n", bold(title, screen.colour), process, fits ? ", " : "\n",
                     state);
}

// What the title says already.
std::string without_title(std::string text, std::string_view title) {
  const std::string prefix = std::string(title) + ": ";
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::string fact(const Json& status, std::string_view title, std::string_view key) {
  const std::string text = printable(text_of(status, key));
  return fmt::format("{:<8}  {}", title, without_title(text, title));
}

std::string waiting_for_slots(const Json& status) {
  const double waiting = wire::find_number(status, "waiting_for_slots").value_or(0);
  return waiting > 0 ? "; waiting for some: " + counted(waiting, "worker") : "";
}

// Paths are not cut, since people copy them from here.
std::string facts(const Json& status, const Screen& screen) {
  std::string out;
  for (const auto& [title, key] :
       {std::pair{"socket", "socket"}, {"state", "state_directory"}, {"config", "config_file"}}) {
    out += fact(status, title, key) + "\n";
  }
  if (wire::find_string(status, "http")) out += fact(status, "http", "http") + "\n";
  if (const Json tls = status.value("tls", Json()); tls.is_object()) {
    out += fact(tls, "tls", "address") + "\n" + fact(tls, "", "fingerprint") + "\n";
  }
  const auto add = [&](const std::string& line) { out += wrapped(line, screen.width, 10) + "\n"; };
  add(fact(status, "cgroups", "cgroups"));
  add(fact(status, "slots", "slots") + waiting_for_slots(status));
  add(fact(status, "limits", "memory_limits"));
  return out;
}

std::string other_version(const Json& status, std::string_view program_version) {
  if (text_of(status, "version") == program_version) return {};
  return fmt::format(
      "This program is {}: `leanto restart --node` starts a node of the same version.\n",
      program_version);
}

std::string hosted(const Json& worker) {
  const std::string service = text_of(worker, "service");
  const auto object = wire::find_string(worker, "object");
  return object ? fmt::format("{} {}", service, *object) : service;
}

// "waiting   demo.train: 5 calls, for a worker: all 2 are busy"
std::string waiting_calls(const Json& status, const Screen& screen) {
  std::string out;
  for (const Json& service : rows_of(status, "services")) {
    const double waiting = wire::find_number(service, "waiting").value_or(0);
    const Json what = service.value("waits_for", Json());
    if (waiting == 0 || !what.is_object()) continue;
    const std::string line =
        fmt::format("{:<8}  {}: {}, for {}", "waiting", printable(hosted(service)),
                    counted(waiting, "call"), printable(text_of(what, "text")));
    out += wrapped(line, screen.width, 10) + "\n";
  }
  return out;
}

// "120.0 MiB of 1.0 GiB" under a limit.
std::string memory_of(const Json& worker) {
  const std::string used = size_of(worker, "memory");
  return worker.contains("memory_limit") ? used + " of " + size_of(worker, "memory_limit") : used;
}

// "2 CPUs, GPU 0, 0.5 of GPU 1"
std::string held_by(const Json& worker) {
  std::vector<std::string> parts;
  if (const auto cpus = wire::find_number(worker, "cpus"))
    parts.push_back(fmt::format("{:g} CPU{}", *cpus, *cpus == 1 ? "" : "s"));
  for (const Json& gpu : rows_of(worker, "gpus")) {
    const double share = wire::find_number(gpu, "share").value_or(1);
    const std::string part = share < 1 ? fmt::format("{:.2g} of ", share) : "";
    parts.push_back(part + "GPU " + text_of(gpu, "name"));
  }
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string workers(const Json& status, const Screen& screen) {
  Table table({number_column("PID"),
               {"WORKER OF", Shrink::kLast, CutAt::kEnd},
               number_column("CALLS"),
               number_column("MEMORY"),
               {"HOLDS"},
               {"VERSION"}});
  for (const Json& worker : rows_of(status, "workers")) {
    table.add({number_of(worker, "pid"), hosted(worker), number_of(worker, "calls"),
               memory_of(worker), held_by(worker), short_version(text_of(worker, "version"))});
  }
  return table.empty() ? "No workers; the first call starts one.\n" : table.render(screen);
}

std::string zygotes(const Json& status, const Screen& screen) {
  Table table({number_column("PID"),
               {"ZYGOTE OF", Shrink::kFirst, CutAt::kStart},
               number_column("MODULES"),
               number_column("MEMORY"),
               {"STATE"}});
  for (const Json& zygote : rows_of(status, "zygotes")) {
    const bool renewing = wire::find_flag(zygote, "renewing", false);
    table.add({number_of(zygote, "pid"), text_of(zygote, "python"), number_of(zygote, "modules"),
               size_of(zygote, "memory"), renewing ? "warming up" : "warm"});
  }
  return table.empty() ? "" : "\n" + table.render(screen);
}

}  // namespace

std::string status_report(const Json& status, std::string_view program_version,
                          const Screen& screen) {
  return first_line(status, screen) + other_version(status, program_version) + "\n" +
         facts(status, screen) + waiting_calls(status, screen) + "\n" + workers(status, screen) +
         zygotes(status, screen);
}

}  // namespace leanto::cli

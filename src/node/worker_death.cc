// What a caller is told of a worker that ended in the middle of a call.
#include "node/calls.h"

namespace leanto::node {

using wire::Json;

namespace {

Json last_lines(std::string_view tail) {
  Json lines = Json::array();
  while (!tail.empty()) {
    const std::size_t end = tail.find('\n');
    lines.push_back(std::string(tail.substr(0, end)));
    tail.remove_prefix(end == std::string_view::npos ? tail.size() : end + 1);
  }
  while (lines.size() > 10) lines.erase(lines.begin());
  return lines;
}

}  // namespace

Json worker_died_head(const std::string& service, const WorkerEnd& end, std::string_view output) {
  const std::string tail = wire::valid_utf8(output);
  Json head = {{"kind", error_row(ErrorKind::kWorkerDied).name}, {"last_lines", last_lines(tail)}};
  std::string message =
      fmt::format("the worker of {} died in the middle of the call: {}", service, describe(end));
  if (end.overrun) {
    head["kind"] = error_row(ErrorKind::kOutOfMemory).name;
    wire::add_overrun(head, *end.overrun);
    message += "; give it more with .options(memory=...), or less to do at once";
  } else if (end.status) {
    if (end.status->signal) head["signal"] = *end.status->signal;
    if (end.status->code) head["exit_code"] = *end.status->code;
  }
  if (!tail.empty()) {
    message += "\nThe last it wrote:";
    for (const Json& line : head["last_lines"]) message += "\n  " + line.get<std::string>();
  }
  head["message"] = message;
  return head;
}

}  // namespace leanto::node

#include "node/request.h"

namespace leanto::node {

std::function<void(std::string_view line)> progress_of(const Request& request) {
  if (!wire::find_flag(request.head, "log", true)) return {};
  return [caller = request.caller, stream = request.stream](std::string_view line) {
    const auto port = caller.lock();
    if (!port) return;
    const std::string text = fmt::format("{}\n", line);
    port->reply(wire::FrameType::kLog, stream, wire::encode_head({{"s", 2}}), wire::Body(text));
  };
}

}  // namespace leanto::node

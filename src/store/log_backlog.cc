#include "store/log_backlog.h"

namespace leanto {

Status LogBacklog::write(std::string_view lines, const Append& append, const MakeGap& make_gap) {
  Status written = write_waiting(append, make_gap);
  if (written && !lines.empty()) written = append(lines);
  if (!written) keep(lines);
  return written;
}

Status LogBacklog::write_waiting(const Append& append, const MakeGap& make_gap) {
  if (is_empty()) return {};
  const std::string gap = dropped_ > 0 ? make_gap(dropped_) : "";
  if (Status written = append(waiting_ + gap); !written) return written;
  waiting_.clear();
  dropped_ = 0;
  return {};
}

// Once something was left out, all is until there is room: a later line would be in its place.
void LogBacklog::keep(std::string_view lines) {
  if (dropped_ > 0 || waiting_.size() + lines.size() > kMaxBytes) {
    dropped_ += lines.size();
  } else {
    waiting_ += lines;
  }
}

}  // namespace leanto

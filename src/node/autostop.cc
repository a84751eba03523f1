#include "node/autostop.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/duration.h"
#include "os/files.h"

namespace leanto::node {

namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr std::array<std::string_view, 7> kOnlyLooks{"status",     "offer", "clusters", "orphans",
                                                     "node_state", "ls",    "objects"};
constexpr Duration kLongestLook = std::chrono::seconds(30);

std::optional<Duration> read_setting(const std::filesystem::path& file) {
  const Result<std::string> text = read_file(file.string());
  std::int64_t count = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc() || count <= 0) return std::nullopt;
  return Milliseconds(count);
}

}  // namespace

Autostop::Autostop(Parts parts)
    : parts_(std::move(parts)),
      after_(read_setting(parts_.file)),
      last_work_(parts_.clock.monotonic()) {
  if (!after_) return;
  watches_ = true;
  parts_.loop.spawn("stop when idle", watch());
}

Status Autostop::set(std::optional<Duration> after) {
  if (after && *after < kLeast)
    return fail(ErrorKind::kInvalid, "a node can't stop after less than {}",
                format_duration(kLeast));
  const std::string text =
      after ? std::to_string(std::chrono::duration_cast<Milliseconds>(*after).count()) : "0";
  if (Status kept = write_file_atomically(parts_.file.string(), text, 0600); !kept) return kept;
  after_ = after;
  on_called();
  if (after_ && !std::exchange(watches_, true)) parts_.loop.spawn("stop when idle", watch());
  return {};
}

void Autostop::on_asked(std::string_view op) {
  if (std::find(kOnlyLooks.begin(), kOnlyLooks.end(), op) == kOnlyLooks.end()) on_called();
}

bool Autostop::is_over() {
  if (parts_.is_busy()) on_called();
  return after_ && parts_.clock.monotonic() - last_work_ >= *after_;
}

net::Task<> Autostop::watch() {
  while (after_) {
    co_await parts_.loop.sleep(std::clamp<Duration>(*after_ / 4, kLeast / 4, kLongestLook));
    if (!is_over()) continue;
    parts_.stop();
    co_return;
  }
  watches_ = false;
}

}  // namespace leanto::node

#include "node/service_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

#include "base/digest.h"
#include "os/unique_fd.h"
#include "wire/head.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration kDelay = 100ms;
constexpr std::size_t kMaxWaiting = 16 << 20;

// Logs are worth less than the calls that write them: what can't be written (a full disk) is left
// out.
void append_to(const std::string& file, std::string_view lines, std::uint64_t max_bytes) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return;
  while (!lines.empty()) {
    const ssize_t written = ::write(fd.get(), lines.data(), lines.size());
    if (written <= 0) return;
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) > max_bytes) {
    (void)::rename(file.c_str(), (file + ".1").c_str());
  }
}

}  // namespace

ServiceLog::ServiceLog(net::Loop& loop, const Clock& clock, std::string directory,
                       std::uint64_t max_bytes)
    : loop_(loop), clock_(clock), directory_(std::move(directory)), max_bytes_(max_bytes) {}

std::string ServiceLog::file_of(const std::string& service) const {
  std::string name;
  for (const char c : service) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_') {
      name += c;
    } else {
      name += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (name.size() > 200) name = name.substr(0, 150) + "-" + Digest::of(service).hex().substr(0, 32);
  return directory_ + "/" + name + ".jsonl";
}

void ServiceLog::append(const std::string& service, std::uint32_t call, wire::OutputStream stream,
                        std::string_view text) {
  if (waiting_bytes_ > kMaxWaiting) return;
  const auto time =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
          .count();
  const wire::Json line = {{"time", time},
                           {"call", call},
                           {"stream", stream == wire::OutputStream::kStderr ? "stderr" : "stdout"},
                           {"text", std::string(text)}};
  std::string& lines = waiting_[service];
  const std::size_t before = lines.size();
  lines += line.dump(-1, ' ', false, wire::Json::error_handler_t::replace);
  lines += '\n';
  waiting_bytes_ += lines.size() - before;
  if (flush_planned_) return;
  flush_planned_ = true;
  loop_.spawn("write logs", flush_later());
}

net::Task<> ServiceLog::flush_later() {
  co_await loop_.sleep(kDelay);
  flush_planned_ = false;
  co_await flush();
}

net::Task<> ServiceLog::flush() {
  auto lines = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  auto write = [this, lines = std::move(lines)] {
    for (const auto& [service, text] : lines) append_to(file_of(service), text, max_bytes_);
    return true;
  };
  co_await loop_.in_background(std::move(write));
}

}  // namespace leanto::node

#include "node/service_log.h"

#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <utility>

#include "base/digest.h"
#include "os/files.h"
#include "os/no_room.h"
#include "wire/head.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration kDelay = 100ms;
constexpr Duration kTryAgain = 1s;
constexpr std::size_t kMaxWaiting = 16 << 20;

Status append_to(const std::string& file, std::string_view lines, std::uint64_t max_bytes) {
  const Result<UniqueFd> fd = open_at(AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!fd) return Failure(fd.error());
  if (Status appended = append_whole(fd->get(), lines, file); !appended) return appended;
  const Result<FileStat> status = stat_fd(fd->get(), file);
  if (status && status->size > max_bytes) (void)::rename(file.c_str(), (file + ".1").c_str());
  return {};
}

std::string line_of(WallTime time, std::uint32_t call, wire::OutputStream stream,
                    std::string_view text) {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const wire::Json line = {{"time", ms},
                           {"call", call},
                           {"stream", stream == wire::OutputStream::kStderr ? "stderr" : "stdout"},
                           {"text", std::string(text)}};
  return line.dump(-1, ' ', false, wire::Json::error_handler_t::replace) + "\n";
}

std::string gap_line(WallTime time, std::uint64_t bytes) {
  return line_of(time, 0, wire::OutputStream::kStderr,
                 fmt::format("[... {} bytes of the log were left out]\n", bytes));
}

}  // namespace

ServiceLog::ServiceLog(net::Loop& loop, const Clock& clock, std::string directory,
                       std::uint64_t max_bytes)
    : loop_(loop),
      clock_(clock),
      files_(std::make_shared<Files>(Files{std::move(directory), max_bytes})) {}

std::string ServiceLog::file_of(const std::string& service) const {
  return files_->file_of(service);
}

std::string ServiceLog::Files::file_of(const std::string& service) const {
  std::string name;
  for (const char c : service) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_') {
      name += c;
    } else {
      name += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (name.size() > 200) name = name.substr(0, 150) + "-" + Digest::of(service).hex().substr(0, 32);
  return directory + "/" + name + ".jsonl";
}

void ServiceLog::append(const std::string& service, std::uint32_t call, wire::OutputStream stream,
                        std::string_view text) {
  if (waiting_bytes_ > kMaxWaiting) return;
  const std::string line = line_of(clock_.wall(), call, stream, text);
  waiting_[service] += line;
  waiting_bytes_ += line.size();
  plan_flush(kDelay);
}

void ServiceLog::plan_flush(Duration delay) {
  if (std::exchange(flush_planned_, true)) return;
  loop_.spawn("write logs", flush_later(delay));
}

net::Task<> ServiceLog::flush_later(Duration delay) {
  co_await loop_.sleep(delay);
  flush_planned_ = false;
  co_await flush();
}

net::Task<> ServiceLog::flush() {
  auto lines = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  auto write = [files = files_, lines = std::move(lines), now = clock_.wall()] {
    return files->write_all_of(lines, now);
  };
  if (!co_await loop_.in_background(std::move(write))) plan_flush(kTryAgain);
}

bool ServiceLog::Files::write_all_of(const std::map<std::string, std::string>& lines,
                                     WallTime now) {
  for (const auto& [service, text] : lines) backlogs.try_emplace(service);
  auto gap = [now](std::uint64_t bytes) { return gap_line(now, bytes); };
  for (auto& [service, backlog] : backlogs) {
    auto append = [this, file = file_of(service)](std::string_view text) {
      return append_to(file, text, max_bytes);
    };
    const auto fresh = lines.find(service);
    (void)backlog.write(fresh == lines.end() ? std::string_view() : fresh->second, append, gap);
  }
  std::erase_if(backlogs, [](const auto& entry) { return entry.second.is_empty(); });
  return backlogs.empty();
}

}  // namespace leanto::node

#include "cli/logs_file.h"

#include <unistd.h>

#include <cerrno>

#include "os/files.h"

namespace leanto::cli {

namespace {

constexpr std::size_t kBlock = 256 << 10;

bool is_same_file(const FileStat& a, const FileStat& b) {
  return a.inode == b.inode && a.device == b.device;
}

Result<std::optional<FileStat>> find_file(const std::string& path) {
  const Result<FileStat> found = stat_path(path);
  if (found) return *found;
  if (found.error().kind == ErrorKind::kNotFound) return std::nullopt;
  return Failure(found.error());
}

}  // namespace

Result<GrowingLog> GrowingLog::open(std::string path, std::optional<std::size_t> lines,
                                    const TextOf& text_of) {
  GrowingLog log(std::move(path));
  if (Status opened = log.open_parts(); !opened) return Failure(opened.error());
  if (lines && !log.parts_.empty()) {
    if (Status begun = log.begin_at(*lines, text_of); !begun) return Failure(begun.error());
  }
  return log;
}

// The newer file first: if it's renamed just now, it's met twice and not left out.
Status GrowingLog::open_parts() {
  if (Status added = append_part(path_); !added) return added;
  if (Status added = append_part(path_ + ".1"); !added) return added;
  if (parts_.size() < 2) return {};
  const Result<FileStat> newer = stat_fd(parts_[0].fd.get(), path_);
  const Result<FileStat> older = stat_fd(parts_[1].fd.get(), path_);
  if (newer && older && is_same_file(*newer, *older)) {
    parts_.pop_back();
  } else {
    std::swap(parts_[0], parts_[1]);
  }
  return {};
}

Status GrowingLog::begin_at(std::size_t lines, const TextOf& text_of) {
  auto size_of = [this](const Part& part) { return stat_fd(part.fd.get(), path_); };
  Result<FileStat> status = size_of(parts_.back());
  if (!status) return Failure(status.error());
  Result<LogStart> start = find_start(parts_.back().fd.get(), status->size, lines, text_of, path_);
  if (start && start->missing == 0) {
    while (parts_.size() > 1) parts_.pop_front();
  } else if (start && parts_.size() > 1) {
    status = size_of(parts_.front());
    if (!status) return Failure(status.error());
    start =
        find_start_before(parts_.front().fd.get(), status->size, start->missing, text_of, path_);
  }
  if (!start) return Failure(start.error());
  parts_.front().offset = start->offset;
  skip_ = start->skip;
  return {};
}

Status GrowingLog::append_part(const std::string& path) {
  Result<UniqueFd> fd = open_at(AT_FDCWD, path, O_RDONLY);
  if (!fd && fd.error().kind == ErrorKind::kNotFound) return {};
  if (!fd) return Failure(fd.error());
  parts_.push_back({*std::move(fd), 0});
  return {};
}

// Called when the last part has been read to its end. With one rotation since then FILE is a new
// one and the last part is FILE.1; with two, FILE.1 is one that has not been seen. (With more, some
// are gone.)
Status GrowingLog::append_newer_parts() {
  if (parts_.empty()) return append_part(path_);
  const Result<FileStat> last = stat_fd(parts_.back().fd.get(), path_);
  const Result<std::optional<FileStat>> current = find_file(path_);
  const Result<std::optional<FileStat>> rotated = find_file(path_ + ".1");
  if (!last) return Failure(last.error());
  if (!current) return Failure(current.error());
  if (!rotated) return Failure(rotated.error());
  if (!*current) return {};
  if (is_same_file(**current, *last)) {
    if (last->size < parts_.back().offset) parts_.back().offset = 0;  // somebody emptied it
    return {};
  }
  const bool unseen = *rotated && !is_same_file(**rotated, *last) &&
                      !is_same_file(**rotated, **current) && (*rotated)->mtime_ns > last->mtime_ns;
  if (unseen) {
    if (Status added = append_part(path_ + ".1"); !added) return added;
  }
  return append_part(path_);
}

Result<std::string> GrowingLog::read_block(Part& part) {
  std::string block(kBlock, '\0');
  ssize_t size = 0;
  do {
    size = ::pread(part.fd.get(), block.data(), block.size(), static_cast<off_t>(part.offset));
  } while (size < 0 && errno == EINTR);
  if (size < 0) return file_failure(errno, "read the log", path_);
  block.resize(static_cast<std::size_t>(size));
  part.offset += block.size();
  return block;
}

std::string GrowingLog::take_whole_lines() {
  const std::size_t newline = unfinished_.rfind('\n');
  if (newline == std::string::npos) return {};
  std::string lines = unfinished_.substr(0, newline + 1);
  unfinished_.erase(0, newline + 1);
  return lines;
}

// A line that was never finished must not run into the first one of the next file.
void GrowingLog::drop_front() {
  parts_.pop_front();
  if (!unfinished_.empty()) unfinished_ += '\n';
}

Result<std::string> GrowingLog::read() {
  while (true) {
    if (std::string lines = take_whole_lines(); !lines.empty()) return lines;
    if (!parts_.empty()) {
      const Result<std::string> block = read_block(parts_.front());
      if (!block) return Failure(block.error());
      unfinished_ += *block;
      if (!block->empty()) continue;
    }
    if (parts_.size() > 1) {
      drop_front();
      continue;
    }
    const std::size_t before = parts_.size();
    // The front is read once more when it has a successor: something may have come in between.
    if (Status appended = append_newer_parts(); !appended) return Failure(appended.error());
    if (parts_.size() == before) return std::string();
  }
}

}  // namespace leanto::cli

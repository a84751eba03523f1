#include "store/run_log_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>

#include "os/files.h"
#include "os/no_room.h"

namespace leanto {

namespace {

constexpr std::size_t kHeaderSize = 31;  // {"base": and 20 digits and } and a newline

std::string former(const std::string& path) { return path + ".1"; }

std::string header(std::uint64_t base) { return fmt::format("{{\"base\": {:>20}}}\n", base); }

// An open file and which part of the whole log it has.
struct Segment {
  UniqueFd fd;
  std::uint64_t base = 0;
  std::uint64_t size = 0;  // of its records

  std::uint64_t end() const { return base + size; }
};

Result<std::string> read_at(const Segment& segment, std::uint64_t position, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t at = 0;
  while (at < size) {
    const ssize_t got = ::pread(segment.fd.get(), bytes.data() + at, size - at,
                                static_cast<off_t>(kHeaderSize + position + at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(ErrorKind::kInternal, errno, "read a run's log");
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  bytes.resize(at);
  return bytes;
}

// Nothing if it is not there, or not so far that its header has been written.
Result<std::optional<Segment>> open_segment(const std::string& path, int flags) {
  Result<UniqueFd> fd = open_at(AT_FDCWD, path, flags);
  if (!fd && fd.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!fd) return Failure(fd.error());
  char begin[kHeaderSize];
  const ssize_t got = ::pread(fd->get(), begin, sizeof begin, 0);
  if (got != static_cast<ssize_t>(sizeof begin)) return std::nullopt;
  const std::string_view digits(begin + 9, 20);
  const std::size_t first = std::min(digits.find_first_not_of(' '), digits.size());
  Segment segment;
  const auto parsed =
      std::from_chars(digits.data() + first, digits.data() + digits.size(), segment.base);
  if (parsed.ec != std::errc()) return fail(ErrorKind::kInternal, "{} is not a run's log", path);
  const Result<FileStat> status = stat_fd(fd->get(), path);
  if (!status) return Failure(status.error());
  segment.size = status->size - kHeaderSize;
  segment.fd = *std::move(fd);
  return segment;
}

Result<Segment> open_for_append(const std::string& path) {
  auto segment = open_segment(path, O_RDWR | O_APPEND);
  if (!segment) return Failure(segment.error());
  if (*segment) return **std::move(segment);
  const auto before = open_segment(former(path), O_RDONLY);
  if (!before) return Failure(before.error());
  Segment fresh;
  fresh.base = *before ? (*before)->end() : 0;
  Result<UniqueFd> fd = open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
  if (!fd) return Failure(fd.error());
  fresh.fd = *std::move(fd);
  if (Status written = write_all(fresh.fd.get(), header(fresh.base), path); !written)
    return Failure(written.error());
  return fresh;
}

// The records from `from` on, without the beginning of one that is cut.
Result<std::string> read_records(const Segment& segment, std::uint64_t from, std::size_t max) {
  Result<std::string> bytes = read_at(segment, from, max);
  while (bytes) {
    const std::size_t end = bytes->rfind('\n');
    if (end != std::string::npos) {
      bytes->resize(end + 1);
      return bytes;
    }
    if (bytes->size() < max) return std::string();  // it is being written
    max *= 2;
    bytes = read_at(segment, from, max);
  }
  return bytes;
}

// The next place at or after `from` at which a record begins.
Result<std::uint64_t> align(const Segment& segment, std::uint64_t from) {
  if (from == 0) return from;
  std::size_t step = 4096;
  for (std::uint64_t at = from - 1; at < segment.size;) {
    const Result<std::string> bytes = read_at(segment, at, step);
    if (!bytes) return Failure(bytes.error());
    if (const std::size_t end = bytes->find('\n'); end != std::string::npos) return at + end + 1;
    if (bytes->empty()) break;
    at += bytes->size();
  }
  return segment.size;
}

Result<RunLogPiece> read_segment(const Segment& segment, std::uint64_t offset, std::size_t max) {
  const std::uint64_t inside = offset < segment.base ? 0 : offset - segment.base;
  const Result<std::uint64_t> from = align(segment, inside);
  if (!from) return Failure(from.error());
  Result<std::string> records = read_records(segment, *from, max);
  if (!records) return Failure(records.error());
  RunLogPiece piece;
  piece.offset = segment.base + *from;
  piece.records = *std::move(records);
  if (offset < segment.base) piece.gap = segment.base - offset;
  return piece;
}

}  // namespace

Status append_run_log(const std::string& path, std::string_view records, std::uint64_t max_bytes) {
  const Result<Segment> segment = open_for_append(path);
  if (!segment) return Failure(segment.error());
  if (Status written = append_whole(segment->fd.get(), records, path); !written) return written;
  if (kHeaderSize + segment->size + records.size() > max_bytes / 2 &&
      ::rename(path.c_str(), former(path).c_str()) != 0)
    return file_failure(errno, "rename", path);
  return {};
}

Result<RunLogPiece> read_run_log(const std::string& path, std::uint64_t offset, std::size_t max) {
  const auto before = open_segment(former(path), O_RDONLY);
  if (!before) return Failure(before.error());
  const auto current = open_segment(path, O_RDONLY);
  if (!current) return Failure(current.error());
  if (*before && (offset < (*before)->end() || !*current)) {
    Result<RunLogPiece> piece = read_segment(**before, offset, max);
    if (!piece || !piece->records.empty() || !*current) return piece;
  }
  if (*current) return read_segment(**current, std::min(offset, (*current)->end()), max);
  return RunLogPiece{};
}

Result<std::uint64_t> run_log_size(const std::string& path) {
  for (const std::string& each : {path, former(path)}) {
    const auto segment = open_segment(each, O_RDONLY);
    if (!segment) return Failure(segment.error());
    if (*segment) return (*segment)->end();
  }
  return 0;
}

Status repair_run_log(const std::string& path) {
  const auto segment = open_segment(path, O_RDWR);
  if (!segment) return Failure(segment.error());
  if (!*segment || (*segment)->size == 0) return {};
  std::uint64_t end = (*segment)->size;
  while (end > 0) {
    const std::uint64_t from = end < 4096 ? 0 : end - 4096;
    const auto bytes = read_at(**segment, from, static_cast<std::size_t>(end - from));
    if (!bytes) return Failure(bytes.error());
    const std::size_t newline = bytes->rfind('\n');
    if (newline != std::string::npos) {
      end = from + newline + 1;
      break;
    }
    end = from;
  }
  if (end == (*segment)->size) return {};
  if (::ftruncate((*segment)->fd.get(), static_cast<off_t>(kHeaderSize + end)) != 0)
    return file_failure(errno, "cut", path);
  return {};
}

}  // namespace leanto

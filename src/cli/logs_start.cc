#include "cli/logs_start.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "os/files.h"

namespace leanto::cli {

namespace {

constexpr std::uint64_t kBlock = 64 << 10;

struct FileLine {
  std::uint64_t offset = 0;
  std::string_view text;  // without its newline; good until the next one is read
};

// The whole lines of a file's first bytes, the last one first.
class BackwardLines {
 public:
  BackwardLines(int fd, std::uint64_t end, std::string_view path)
      : fd_(fd), begin_(end), path_(path) {}

  Result<std::optional<FileLine>> previous() {
    if (Status newline = find_newline(); !newline) return Failure(newline.error());
    if (end_ == 0) return std::nullopt;
    std::size_t before = std::string::npos;
    // The newline at end_ - 1 is the line's own.
    while ((before = rfind_before(end_ - 1)) == std::string::npos && begin_ > 0) {
      if (Status read = read_block(); !read) return Failure(read.error());
    }
    const std::size_t start = before == std::string::npos ? 0 : before + 1;
    const FileLine line{begin_ + start, std::string_view(buffer_).substr(start, end_ - 1 - start)};
    end_ = start;
    return line;
  }

 private:
  std::size_t rfind_before(std::size_t end) const {
    return end == 0 ? std::string::npos : buffer_.rfind('\n', end - 1);
  }

  // Leaves out what follows the last newline; afterwards end_ is behind one, or 0.
  Status find_newline() {
    while (true) {
      const std::size_t newline = rfind_before(end_);
      end_ = newline == std::string::npos ? 0 : newline + 1;
      if (end_ > 0 || begin_ == 0) return {};
      buffer_.clear();
      if (Status read = read_block(); !read) return read;
    }
  }

  // Puts the block before begin_ in front of what is in use.
  Status read_block() {
    const std::uint64_t size = std::min(kBlock, begin_);
    std::string block(size, '\0');
    const ssize_t got = ::pread(fd_, block.data(), size, static_cast<off_t>(begin_ - size));
    if (got != static_cast<ssize_t>(size)) {
      return file_failure(got < 0 ? errno : EIO, "read the log", path_);
    }
    block.append(buffer_, 0, end_);
    buffer_ = std::move(block);
    end_ = buffer_.size();
    begin_ -= size;
    return {};
  }

  int fd_;
  std::uint64_t begin_;  // of buffer_ in the file
  std::string buffer_;
  std::size_t end_ = 0;  // what is before it in buffer_ has not been given out
  std::string_view path_;
};

std::size_t count_newlines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Goes back until it has seen `needed` newlines; the wanted text begins behind that one.
Result<LogStart> go_back(BackwardLines& lines, std::optional<FileLine> line, std::size_t needed,
                         const TextOf& text_of) {
  while (line) {
    const std::size_t newlines = count_newlines(text_of(line->text));
    if (newlines >= needed) return LogStart{line->offset, newlines - needed + 1, 0};
    needed -= newlines;
    Result<std::optional<FileLine>> previous = lines.previous();
    if (!previous) return Failure(previous.error());
    line = *previous;
  }
  return LogStart{0, 0, needed};
}

}  // namespace

Result<LogStart> find_start(int fd, std::uint64_t size, std::size_t lines, const TextOf& text_of,
                            std::string_view path) {
  BackwardLines backward(fd, size, path);
  const Result<std::optional<FileLine>> last = backward.previous();
  if (!last) return Failure(last.error());
  if (lines == 0) return LogStart{*last ? (*last)->offset + (*last)->text.size() + 1 : 0, 0, 0};
  const bool ended = *last && text_of((*last)->text).ends_with('\n');
  // A file without a line says nothing about the end of the text: it's taken to be a newline.
  return go_back(backward, *last, lines + (ended || !*last ? 1 : 0), text_of);
}

Result<LogStart> find_start_before(int fd, std::uint64_t size, std::size_t missing,
                                   const TextOf& text_of, std::string_view path) {
  BackwardLines backward(fd, size, path);
  const Result<std::optional<FileLine>> last = backward.previous();
  if (!last) return Failure(last.error());
  return go_back(backward, *last, missing, text_of);
}

}  // namespace leanto::cli

// A log file as it grows. Its writer appends whole lines and, when the file has become large,
// renames it to FILE.1 in place of the one before; the next line makes a new FILE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "cli/logs_start.h"
#include "os/unique_fd.h"

namespace leanto::cli {

class GrowingLog {
 public:
  // Begins so that the last `lines` lines of text come, as far as they are kept; absent: all that
  // is kept. The file need not be there yet.
  static Result<GrowingLog> open(std::string path, std::optional<std::size_t> lines,
                                 const TextOf& text_of);

  // The next whole lines, with their newlines: about 256 KiB at a time, more only for a longer
  // line. Empty: there is nothing more now. Never waits.
  Result<std::string> read();

  // So many lines of text at the beginning of what is read first are not wanted.
  std::size_t skip() const { return skip_; }

 private:
  struct Part {
    UniqueFd fd;
    std::uint64_t offset = 0;
  };

  explicit GrowingLog(std::string path) : path_(std::move(path)) {}

  Status open_parts();
  Status begin_at(std::size_t lines, const TextOf& text_of);
  Status append_part(const std::string& path);
  Status append_newer_parts();
  Result<std::string> read_block(Part& part);
  std::string take_whole_lines();
  void drop_front();

  std::string path_;
  std::deque<Part> parts_;  // files to be read, the oldest first; only the last one may grow
  std::string unfinished_;  // the beginning of a line
  std::size_t skip_ = 0;
};

}  // namespace leanto::cli

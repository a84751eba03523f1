// What runs write, for each a file of its own (src/store/run_log_file.h): one JSON object a line,
// {"time", "stream", "text"}, and {"time", "gap"} where text was left out.
//
// A record is one line of output with its newline, so that each line has an offset to resume at.
// Text without a newline waits for a second, or until its run ends. Lines wait in memory for a
// moment and are then appended by the background thread. What can't be written (a full disk) waits
// for room, up to a bound.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "net/event.h"
#include "net/loop.h"
#include "store/log_backlog.h"
#include "store/run_log_file.h"
#include "wire/output_records.h"

namespace leanto::node {

class RunLogs {
 public:
  // Files are `directory`/ID.log.
  RunLogs(net::Loop& loop, const Clock& clock, std::string directory, std::uint64_t max_bytes);

  void append(const std::string& run, wire::OutputStream stream, std::string_view text);
  // An attempt writes nothing more; returns the size of all that was written, when it's in the
  // file.
  net::Task<Result<std::uint64_t>> settle(std::string run);
  // The run writes nothing more; returns the size of all that it wrote, when it's in the file.
  // kCapacity: there is no room for it; the log stays open, to be closed again.
  net::Task<Result<std::uint64_t>> close(std::string run);

  // What is there from `offset` on; everything that was appended before counts as there.
  net::Task<Result<RunLogPiece>> read(std::string run, std::uint64_t offset);
  // How many lines were appended so far to an open log.
  std::uint64_t lines_of(const std::string& run) const;
  // Until there are more than `lines`, or the log is closed, or `limit` is over.
  net::Task<> wait(std::string run, std::uint64_t lines, Duration limit);
  // For a run that can write: until it's closed.
  void open(const std::string& run) { logs_[run] = std::make_shared<Log>(); }

  std::string file_of(const std::string& run) const { return directory_ + "/" + run + ".log"; }

 private:
  struct Partial {
    std::string text;
    MonotonicTime since;
  };
  struct Log {
    std::array<Partial, 2> partial;  // stdout, stderr: a line that has no end yet
    std::string lines;               // records that wait to be written
    std::uint64_t count = 0;         // of all lines so far
    std::uint64_t dropped = 0;       // bytes that found no room among them
    bool flush_planned = false;
    std::shared_ptr<net::Event> changed;
    LogBacklog backlog;      // the background thread's
    bool is_behind = false;  // the backlog has something
  };
  using LogPtr = std::shared_ptr<Log>;

  void add_line(Log& log, wire::OutputStream stream, std::string_view text);
  void end_partials(Log& log, MonotonicTime before);
  static void tell(Log& log);
  void plan_flush(const std::string& run, const LogPtr& log, Duration delay);
  net::Task<> flush_later(std::string run, LogPtr log, Duration delay);
  net::Task<Status> flush(std::string run, LogPtr log);
  std::int64_t now_ms() const;

  net::Loop& loop_;
  const Clock& clock_;
  const std::string directory_;
  const std::uint64_t max_bytes_;
  std::unordered_map<std::string, LogPtr> logs_;
};

}  // namespace leanto::node

// What services write, kept in a file for each: one JSON object a line, {"time", "call", "stream",
// "text"}.
//
// Text waits in memory for a moment and is then appended by the background thread. What can't be
// written (a full disk) waits for room, up to a bound; a line says what was left out. A file that
// grows over the limit is renamed to `.1`, in place of the one before.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/loop.h"
#include "store/log_backlog.h"
#include "wire/output_records.h"

namespace leanto::node {

class ServiceLog {
 public:
  ServiceLog(net::Loop& loop, const Clock& clock, std::string directory, std::uint64_t max_bytes);

  void append(const std::string& service, std::uint32_t call, wire::OutputStream stream,
              std::string_view text);
  // Writes what waits; afterwards the file has everything that was appended before, if it could be
  // written.
  net::Task<> flush();

  // The file of a service; its name is the service's with what a file name can't have replaced.
  std::string file_of(const std::string& service) const;

 private:
  // What the background thread writes with, which may still do so when this object is gone.
  struct Files {
    std::string file_of(const std::string& service) const;
    // Whether all is in the files.
    bool write_all_of(const std::map<std::string, std::string>& lines, WallTime now);

    const std::string directory;
    const std::uint64_t max_bytes;
    std::map<std::string, LogBacklog> backlogs{};  // what found no room
  };
  void plan_flush(Duration delay);
  net::Task<> flush_later(Duration delay);

  net::Loop& loop_;
  const Clock& clock_;
  const std::shared_ptr<Files> files_;
  std::map<std::string, std::string> waiting_;  // service → lines
  std::size_t waiting_bytes_ = 0;
  bool flush_planned_ = false;
};

}  // namespace leanto::node

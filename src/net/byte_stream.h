// A connected socket before it speaks frames: lines and raw bytes, each wait with a limit.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/loop.h"

namespace leanto::net {

class ByteStream {
 public:
  static constexpr std::size_t kMostOfALine = 64 * 1024;

  // Takes a connected stream socket over.
  ByteStream(Loop& loop, int socket);
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // The next line without its end ("\n" or "\r\n"), a longer one in pieces of kMostOfALine. What
  // follows the line stays in the socket, for whoever gets that later. Nothing at the peer's end,
  // of which an unfinished line is lost; kTimeout when the line isn't there within `limit`.
  Task<Result<std::optional<std::string>>> read_line(Duration limit);

  // Until the socket has taken everything. kTimeout when it takes nothing for `limit`; kNodeLost if
  // the peer has closed.
  Task<Status> write(std::string_view bytes, Duration limit);

  // Whether something has come, or the end: then `read_line` needs no wait to begin with.
  bool is_readable() const;

  int release();  // gives the socket to the caller; nothing may wait on it

 private:
  struct State {
    boost::asio::posix::stream_descriptor descriptor;
    boost::asio::steady_timer limit;
    std::uint64_t waits = 0;
  };
  enum class Ready { kYes, kTooLate };
  Task<Ready> wait(boost::asio::posix::stream_descriptor::wait_type what, MonotonicTime until);

  enum class Taken { kLine, kPart, kNothingYet, kEnd };
  Taken take_some();

  // Shared with a limit that passes just when what it limits is over.
  std::shared_ptr<State> state_;
  std::string line_;  // what has been read of the line that is being read
};

}  // namespace leanto::net

// A descriptor that is watched for something to read: a pipe, a pidfd, a socket with messages.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "net/loop.h"

namespace leanto::net {

// Calls `on_readable` on the loop each time that the descriptor has something to read, until it's
// destroyed or `on_readable` returns kStop. It must read until there is nothing more. Owns the
// descriptor.
class Readable {
 public:
  enum class Next { kGoOn, kStop };
  using OnReadable = std::function<Next()>;

  Readable(Loop& loop, int descriptor, OnReadable on_readable);
  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

  int descriptor() const { return state_->descriptor.native_handle(); }

 private:
  struct State {
    boost::asio::posix::stream_descriptor descriptor;
    OnReadable on_readable;
  };
  static void wait(const std::shared_ptr<State>& state);

  // Shared with the wait that is under way, which may be told of its end after this is gone.
  std::shared_ptr<State> state_;
};

}  // namespace leanto::net

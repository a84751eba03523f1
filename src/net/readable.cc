#include "net/readable.h"

namespace leanto::net {

Readable::Readable(Loop& loop, int descriptor, OnReadable on_readable)
    : state_(std::make_shared<State>(
          State{boost::asio::posix::stream_descriptor(loop.context(), descriptor),
                std::move(on_readable)})) {
  state_->descriptor.native_non_blocking(true);
  wait(state_);
}

Readable::~Readable() {
  state_->on_readable = nullptr;
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

void Readable::wait(const std::shared_ptr<State>& state) {
  auto readable = [state](const boost::system::error_code& error) {
    if (error || !state->on_readable) return;
    // The handler may destroy the Readable, and with it the function that runs.
    const OnReadable on_readable = state->on_readable;
    if (on_readable() == Next::kGoOn && state->on_readable) wait(state);
  };
  state->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                               std::move(readable));
}

}  // namespace leanto::net

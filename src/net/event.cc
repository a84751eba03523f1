#include "net/event.h"

#include <boost/asio/redirect_error.hpp>
#include <memory>

namespace leanto::net {

namespace asio = boost::asio;

Task<> Event::wait() {
  while (!happened_) {
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    co_await timer_.async_wait(token);
  }
}

Task<Waited> Event::wait(Duration limit) {
  if (happened_) co_return Waited::kHappened;
  // Shared, because an expiry that is queued already runs even when this wait has ended.
  auto timed_out = std::make_shared<bool>(false);
  asio::steady_timer clock(loop_.context(), std::chrono::duration_cast<Timer::duration>(limit));
  auto expire = [this, timed_out](const boost::system::error_code& error) {
    if (error || timed_out.use_count() == 1) return;
    *timed_out = true;
    timer_.cancel();
  };
  clock.async_wait(expire);
  while (!happened_ && !*timed_out) {
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    co_await timer_.async_wait(token);
  }
  co_return happened_ ? Waited::kHappened : Waited::kTimedOut;
}

}  // namespace leanto::net

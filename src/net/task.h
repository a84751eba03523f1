// Tasks: coroutines on the loop, written as if they blocked.
//
// g++ 12 destroys temporaries twice when a lambda that captures, a std::function made from one or a
// braced aggregate is written inside a co_await expression: name the value on the line before.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace leanto::net {

template <typename T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace leanto::net

#include "os/relay.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>

#include "os/files.h"
#include "os/unix_socket.h"

namespace leanto {
namespace {

using namespace std::chrono_literals;

// Both ends of what is joined: a caller with one socket, as ssh has, and a node with another.
class RelayTest : public testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    auto outer = socket_pair();
    auto inner = socket_pair();
    ASSERT_TRUE(outer && inner);
    std::tie(caller_, streams_) = std::move(*outer);
    std::tie(node_, socket_) = std::move(*inner);
  }

  std::future<Status> start(std::chrono::milliseconds grace = 60s) {
    return std::async(std::launch::async, [this, grace] {
      const Status status = relay(streams_.get(), streams_.get(), socket_.get(), grace);
      streams_.reset();
      socket_.reset();
      return status;
    });
  }

  UniqueFd caller_, streams_, node_, socket_;
};

std::string read_exactly(int fd, std::size_t size) {
  std::string text(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::read(fd, text.data() + filled, size - filled);
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

TEST_F(RelayTest, MuchGoesBothWaysAtOnce) {
  auto relayed = start();
  const std::string there(5'000'000, 'a'), back(7'000'000, 'b');
  auto said = std::async(std::launch::async, [&] { return write_all(caller_.get(), there, ""); });
  auto answered = std::async(std::launch::async, [&] { return write_all(node_.get(), back, ""); });
  auto heard =
      std::async(std::launch::async, [&] { return read_exactly(node_.get(), there.size()); });
  EXPECT_EQ(read_exactly(caller_.get(), back.size()), back);
  EXPECT_EQ(heard.get(), there);
  EXPECT_TRUE(said.get() && answered.get());
  node_.reset();
  EXPECT_TRUE(relayed.get());
}

TEST_F(RelayTest, WhatTheNodeSaysAfterTheInputHasEndedStillArrives) {
  auto relayed = start();
  ASSERT_TRUE(write_all(caller_.get(), "last words", ""));
  ::shutdown(caller_.get(), SHUT_WR);
  EXPECT_EQ(*read_fd(node_.get(), ""), "last words");
  ASSERT_TRUE(write_all(node_.get(), "answer", ""));
  node_.reset();
  EXPECT_EQ(*read_fd(caller_.get(), ""), "answer");
  EXPECT_TRUE(relayed.get());
}

TEST_F(RelayTest, ItEndsWhenTheNodeCloses) {
  auto relayed = start();
  node_.reset();
  EXPECT_TRUE(relayed.get());
  EXPECT_EQ(*read_fd(caller_.get(), ""), "");
}

TEST_F(RelayTest, ItEndsSoonAfterItsInputAlsoWhenTheNodeDoesNotHangUp) {
  auto relayed = start(10ms);
  caller_.reset();
  EXPECT_TRUE(relayed.get());
}

TEST_F(RelayTest, ItEndsWhenNobodyReadsItsOutput) {
  auto relayed = start();
  caller_.reset();
  (void)write_all(node_.get(), std::string(1'000'000, 'x'), "");
  EXPECT_FALSE(relayed.get());
}

}  // namespace
}  // namespace leanto

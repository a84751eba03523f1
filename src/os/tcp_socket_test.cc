#include "os/tcp_socket.h"

#include <gtest/gtest.h>

namespace leanto {
namespace {

TEST(TcpAddress, IsReadAndWritten) {
  for (const char* const text :
       {"127.0.0.1:8080", "[::1]:80", "0.0.0.0:0", "[2001:db8::1]:65535"}) {
    const auto address = parse_tcp_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(parse_tcp_address("localhost:1")->text(), "127.0.0.1:1");
}

TEST(TcpAddress, OfWhatMakesNoSenseIsRefused) {
  for (const char* const text :
       {"", ":", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "1.2.3:4", "127.0.0.1:65536",
        "127.0.0.1:-1", "::1:80", "[127.0.0.1]:80", "example.org:80", "[::1]80", "127.0.0.1:80 "}) {
    EXPECT_FALSE(parse_tcp_address(text)) << text;
  }
}

TEST(TcpAddress, KnowsWhetherOthersCanReachIt) {
  EXPECT_TRUE(parse_tcp_address("127.0.0.1:1")->is_loopback());
  EXPECT_TRUE(parse_tcp_address("127.8.0.1:1")->is_loopback());
  EXPECT_TRUE(parse_tcp_address("[::1]:1")->is_loopback());
  EXPECT_FALSE(parse_tcp_address("0.0.0.0:1")->is_loopback());
  EXPECT_FALSE(parse_tcp_address("[::]:1")->is_loopback());
  EXPECT_FALSE(parse_tcp_address("[::ffff:127.0.0.1]:1")->is_loopback());
  EXPECT_FALSE(parse_tcp_address("128.0.0.1:1")->is_loopback());
}

TEST(ListenTcp, SaysWherePortZeroCameToBeAndThatItIsTaken) {
  const auto listener = listen_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(listener) << listener.error().message;
  const auto bound = local_address(listener->get());
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->host, "127.0.0.1");
  EXPECT_NE(bound->port, 0);
  const auto again = listen_tcp(*bound);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kAlreadyExists);
}

}  // namespace
}  // namespace leanto

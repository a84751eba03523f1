#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>

#include "net/fingerprint.h"
#include "net/test_loop.h"

namespace leanto::net {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

const TlsIdentity& an_identity() {
  static const TlsIdentity kIdentity = *make_tls_identity();
  return kIdentity;
}

std::shared_ptr<const TlsContext> shared(Result<TlsContext> context) {
  return std::make_shared<const TlsContext>(*std::move(context));
}

std::array<int, 2> make_pair_of_sockets() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  return ends;
}

// A server and a client with a stream between them.
struct TlsTest : testing::Test {
  ~TlsTest() override {
    for (const int socket : {server, client, raw}) {
      if (socket >= 0) ::close(socket);
    }
    test.settle();
  }

  void begin_server(int socket, Duration limit = 60s) {
    auto accept = [](TlsTest& self, int end, Duration at_most) -> Task<> {
      std::function<std::string(std::uint8_t)> answer = [](std::uint8_t first) {
        return fmt::format("plain {:#x}", first);
      };
      std::shared_ptr<void> token = std::make_shared<int>();
      self.held = token;
      Result<Connection> made = co_await accept_tls(self.test.loop, self.server_context, end,
                                                    at_most, std::move(token), std::move(answer));
      self.accepted = self.to_socket(std::move(made));
    };
    test.loop.spawn("accept", accept(*this, socket, limit));
  }
  Result<int> connect(int socket, std::string fingerprint, Duration limit = 60s) {
    return to_socket(test.get(connect_tls(test.loop, client_context, socket,
                                          {"box:7433", std::move(fingerprint)}, limit)));
  }
  Result<int> to_socket(Result<Connection> made) {
    if (!made) return Failure(made.error());
    return Connection::to_socket(test.loop, *std::move(made));
  }
  void connect_both() {
    const std::array<int, 2> ends = make_pair_of_sockets();
    begin_server(ends[0]);
    const Result<int> connected = connect(ends[1], an_identity().fingerprint);
    ASSERT_TRUE(connected) << connected.error().message;
    client = *connected;
    ASSERT_EQ(::send(client, "!", 1, 0), 1);
    ASSERT_TRUE(test.run_until([this] { return accepted.has_value(); }));
    ASSERT_TRUE(*accepted) << (*accepted).error().message;
    server = **accepted;
    EXPECT_EQ(read(server, 1), "!");
  }

  // What comes until there are so many bytes or the end.
  std::string read(int socket, std::size_t size) {
    std::string bytes;
    const bool done = test.run_until([&] {
      std::array<char, 65536> piece;
      const ssize_t got =
          ::recv(socket, piece.data(), std::min(piece.size(), size - bytes.size()), MSG_DONTWAIT);
      if (got > 0) bytes.append(piece.data(), static_cast<std::size_t>(got));
      return got == 0 || bytes.size() == size || (got < 0 && errno != EAGAIN && errno != EINTR);
    });
    EXPECT_TRUE(done);
    return bytes;
  }

  TestLoop test;
  std::shared_ptr<const TlsContext> server_context = shared(TlsContext::server(an_identity()));
  std::shared_ptr<const TlsContext> client_context = shared(TlsContext::client());
  std::optional<Result<int>> accepted;
  std::weak_ptr<void> held;
  int server = -1;
  int client = -1;
  int raw = -1;
};

std::string noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST_F(TlsTest, CarriesBytesBothWaysAtOnce) {
  connect_both();
  const std::string there = noise(9'000'000);
  const std::string back = noise(7'000'001);
  std::array<std::size_t, 2> sent{};
  std::array<std::string, 2> got;
  auto step = [&](int i, int socket, const std::string& bytes) {
    const ssize_t size =
        ::send(socket, bytes.data() + sent[i], bytes.size() - sent[i], MSG_DONTWAIT);
    if (size > 0) sent[i] += static_cast<std::size_t>(size);
    std::array<char, 65536> piece;
    const ssize_t read = ::recv(socket, piece.data(), piece.size(), MSG_DONTWAIT);
    if (read > 0) got[i].append(piece.data(), static_cast<std::size_t>(read));
  };
  ASSERT_TRUE(test.run_until([&] {
    step(0, client, there);
    step(1, server, back);
    return got[0].size() >= back.size() && got[1].size() >= there.size();
  }));
  EXPECT_TRUE(got[0] == back);
  EXPECT_TRUE(got[1] == there);
}

TEST_F(TlsTest, HasReadersThatDontReadStopTheWriter) {
  connect_both();
  const std::string piece = noise(1 << 20);
  std::size_t sent = 0;
  std::size_t since = 0;
  ASSERT_TRUE(test.run_until([&] {
    const ssize_t size = ::send(client, piece.data(), piece.size(), MSG_DONTWAIT);
    if (size > 0) sent += static_cast<std::size_t>(size);
    since = size > 0 ? 0 : since + 1;
    test.settle();
    return since > 100;
  }));
  EXPECT_LT(sent, 16u << 20);
  EXPECT_EQ(read(server, sent).size(), sent);
}

TEST_F(TlsTest, HandsOnTheEndAfterEverythingThatWasSaid) {
  connect_both();
  const std::string last = noise(300'000);
  std::size_t sent = 0;
  ASSERT_TRUE(test.run_until([&] {
    const ssize_t size = ::send(server, last.data() + sent, last.size() - sent, MSG_DONTWAIT);
    if (size > 0) sent += static_cast<std::size_t>(size);
    return sent == last.size();
  }));
  ::close(std::exchange(server, -1));
  EXPECT_TRUE(read(client, last.size() + 1) == last);
  ::close(std::exchange(client, -1));
  EXPECT_TRUE(test.run_until([this] { return held.expired(); }));
}

TEST_F(TlsTest, LetsGoWhenThePeerHasGone) {
  connect_both();
  ::close(std::exchange(client, -1));
  EXPECT_EQ(read(server, 1), "");
  ::close(std::exchange(server, -1));
  EXPECT_TRUE(test.run_until([this] { return held.expired(); }));
}

TEST_F(TlsTest, SpeaksToNobodyElse) {
  const std::array<int, 2> ends = make_pair_of_sockets();
  begin_server(ends[0]);
  const std::string other = make_tls_identity()->fingerprint;
  const Result<int> connected = connect(ends[1], other);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::kAccessDenied);
  EXPECT_THAT(connected.error().message,
              AllOf(HasSubstr("box:7433"), HasSubstr(other), HasSubstr(an_identity().fingerprint),
                    HasSubstr("Nothing was sent"), HasSubstr("somebody is between")));
  ASSERT_TRUE(test.run_until([this] { return accepted.has_value(); }));
  EXPECT_FALSE(*accepted);
}

TEST_F(TlsTest, ThatIsNoneOnTheOtherSideIsSaid) {
  const std::array<int, 2> ends = make_pair_of_sockets();
  raw = ends[0];
  ASSERT_EQ(::send(raw, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0), 28);
  const Result<int> connected = connect(ends[1], an_identity().fingerprint);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::kProtocol);
  EXPECT_THAT(connected.error().message, HasSubstr("doesn't speak TLS"));
}

TEST_F(TlsTest, WithAPeerThatHangsUpOrSaysNothingIsALostNode) {
  std::array<int, 2> ends = make_pair_of_sockets();
  ::close(ends[0]);
  Result<int> connected = connect(ends[1], an_identity().fingerprint);
  ASSERT_FALSE(connected);
  ends = make_pair_of_sockets();
  raw = ends[0];
  connected = connect(ends[1], an_identity().fingerprint, 20ms);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::kNodeLost);
  EXPECT_THAT(connected.error().message, HasSubstr("said nothing"));
}

TEST_F(TlsTest, AnswersWhoBeginsWithoutItInPlainWords) {
  const std::array<int, 2> ends = make_pair_of_sockets();
  raw = ends[1];
  begin_server(ends[0]);
  ASSERT_EQ(::send(raw, "GET / HTTP/1.1\r\n", 16, 0), 16);
  EXPECT_EQ(read(raw, 100), "plain 0x47");
  ::close(std::exchange(raw, -1));
  ASSERT_TRUE(test.run_until([this] { return accepted.has_value(); }));
  EXPECT_EQ((*accepted).error().kind, ErrorKind::kProtocol);
  EXPECT_TRUE(held.expired());
}

TEST_F(TlsTest, IsGivenUpWhenTheHandshakeOrTheFirstByteTakesTooLong) {
  std::array<int, 2> ends = make_pair_of_sockets();
  raw = ends[1];
  begin_server(ends[0], 20ms);
  ASSERT_EQ(::send(raw, "\x16", 1, 0), 1);
  ASSERT_TRUE(test.run_until([this] { return accepted.has_value(); }));
  EXPECT_EQ((*accepted).error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(held.expired());

  accepted.reset();
  ends = make_pair_of_sockets();
  begin_server(ends[0], 200ms);
  const Result<int> connected = connect(ends[1], an_identity().fingerprint);
  ASSERT_TRUE(connected) << connected.error().message;
  client = *connected;
  ASSERT_TRUE(test.run_until([this] { return accepted.has_value(); }));
  EXPECT_EQ((*accepted).error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(read(client, 1), "");
}

TEST(TlsIdentity, IsReadAsItWasWritten) {
  const Result<TlsIdentity> read = parse_tls_identity(an_identity().pem);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->fingerprint, an_identity().fingerprint);
  EXPECT_EQ(read->fingerprint.size(), 64u);
  EXPECT_NE(make_tls_identity()->fingerprint, read->fingerprint);
}

TEST(TlsIdentity, ThatIsNoneIsRefused) {
  const std::string key = an_identity().pem.substr(an_identity().pem.find("-----BEGIN PRIVATE"));
  const std::string other = make_tls_identity()->pem;
  const std::string mixed = other.substr(0, other.find("-----BEGIN PRIVATE")) + key;
  for (const std::string& pem : {std::string(), std::string("pem"), key, mixed}) {
    const Result<TlsIdentity> read = parse_tls_identity(pem);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalid);
  }
}

TEST(ParseFingerprint, TakesWhatPeopleCopy) {
  std::string capitals;
  for (const char c : an_identity().fingerprint) {
    if (!capitals.empty() && capitals.size() % 3 == 2) capitals += ':';
    capitals += static_cast<char>(std::toupper(c));
  }
  EXPECT_EQ(parse_fingerprint(capitals), an_identity().fingerprint);
  EXPECT_EQ(parse_fingerprint(an_identity().fingerprint), an_identity().fingerprint);
  for (const std::string& text :
       {std::string(), std::string("ab"), std::string(64, 'g'), an_identity().fingerprint + "0"}) {
    EXPECT_EQ(parse_fingerprint(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace leanto::net

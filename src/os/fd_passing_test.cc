#include "os/fd_passing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "os/peer.h"
#include "os/unix_socket.h"

namespace leanto {
namespace {

class FdPassing : public testing::Test {
 protected:
  void SetUp() override {
    auto pair = socket_pair();
    ASSERT_TRUE(pair.has_value());
    here_ = std::move(pair->first);
    there_ = std::move(pair->second);
  }

  UniqueFd here_, there_;
  std::array<char, 64> buffer_{};
};

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

bool same_file(int a, int b) {
  struct stat of_a{}, of_b{};
  return ::fstat(a, &of_a) == 0 && ::fstat(b, &of_b) == 0 && of_a.st_ino == of_b.st_ino;
}

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

TEST_F(FdPassing, CarriesDescriptorsWithTheirBytes) {
  const UniqueFd null = open_null();
  const int sent[] = {null.get(), here_.get()};
  EXPECT_EQ(send_fds(here_.get(), "head", sent), 4u);
  const auto received = receive_fds(there_.get(), buffer_, 2);
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(received->outcome, ReceiveOutcome::kData);
  EXPECT_EQ(std::string_view(buffer_.data(), received->bytes), "head");
  ASSERT_EQ(received->fds.size(), 2u);
  EXPECT_TRUE(same_file(received->fds[0].get(), null.get()));
  EXPECT_TRUE(same_file(received->fds[1].get(), here_.get()));
  EXPECT_EQ(::fcntl(received->fds[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(FdPassing, CarriesBytesAloneToo) {
  EXPECT_EQ(send_fds(here_.get(), "abc", {}), 3u);
  const auto received = receive_fds(there_.get(), buffer_, 0);
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->bytes, 3u);
  EXPECT_TRUE(received->fds.empty());
}

TEST_F(FdPassing, CarriesAsManyAsTheKernelAllowsAndNoMore) {
  const UniqueFd null = open_null();
  std::vector<int> many(kMaxFdsPerMessage, null.get());
  EXPECT_EQ(send_fds(here_.get(), "x", many), 1u);
  EXPECT_EQ(receive_fds(there_.get(), buffer_, many.size())->fds.size(), many.size());
  many.push_back(null.get());
  EXPECT_EQ(send_fds(here_.get(), "x", many).error().kind, ErrorKind::kInvalid);
}

TEST_F(FdPassing, ClosesDescriptorsThatNobodyExpected) {
  const UniqueFd null = open_null();
  const int sent[] = {null.get(), null.get()};
  EXPECT_EQ(send_fds(here_.get(), "x", sent), 1u);
  const int before = open_descriptors();
  EXPECT_EQ(receive_fds(there_.get(), buffer_, 1).error().kind, ErrorKind::kProtocol);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(FdPassing, TellsNothingYetFromNothingMore) {
  ASSERT_EQ(::fcntl(there_.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(receive_fds(there_.get(), buffer_, 1)->outcome, ReceiveOutcome::kWouldBlock);
  here_.reset();
  EXPECT_EQ(receive_fds(there_.get(), buffer_, 1)->outcome, ReceiveOutcome::kClosed);
}

TEST_F(FdPassing, SendsNothingIntoAFullSocket) {
  ASSERT_EQ(::fcntl(here_.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string block(64 * 1024, 'x');
  while (::send(here_.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) {
  }
  const int sent[] = {here_.get()};
  EXPECT_EQ(send_fds(here_.get(), "x", sent), 0u);
}

TEST_F(FdPassing, ReportsAPeerThatLeftAsAnErrorAndNotAsASignal) {
  there_.reset();
  EXPECT_FALSE(send_fds(here_.get(), "x", {}).has_value());
}

TEST_F(FdPassing, NeedsAByteToTravelWith) {
  EXPECT_EQ(send_fds(here_.get(), "", {}).error().kind, ErrorKind::kInvalid);
}

TEST_F(FdPassing, PeerCredentialsAreThoseOfThisProcess) {
  EXPECT_EQ(peer_credentials(here_.get()), (PeerCredentials{::getpid(), ::geteuid(), ::getegid()}));
  EXPECT_FALSE(peer_credentials(open_null().get()).has_value());
}

}  // namespace
}  // namespace leanto

#include "os/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

void expect_talk(const UniqueFd& listener, const std::filesystem::path& path) {
  const auto client = connect_unix(path);
  ASSERT_TRUE(client.has_value()) << client.error().message;
  const UniqueFd server(::accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(server);
  ASSERT_EQ(::write(client->get(), "hello", 5), 5);
  char buffer[5];
  EXPECT_EQ(::read(server.get(), buffer, 5), 5);
}

TEST(UnixSocket, ConnectsToAListener) {
  const TemporaryDirectory directory;
  const auto listener = listen_unix(directory / "node.sock");
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  expect_talk(*listener, directory / "node.sock");
}

TEST(UnixSocket, TakesPathsLongerThanASocketAddress) {
  const TemporaryDirectory directory;
  const auto deep = directory / std::string(120, 'd') / std::string(120, 'e');
  std::filesystem::create_directories(deep);
  const auto listener = listen_unix(deep / "node.sock");
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_TRUE(std::filesystem::is_socket(deep / "node.sock"));
  expect_talk(*listener, deep / "node.sock");
}

TEST(UnixSocket, TakesPathsAtTheEdgeOfASocketAddress) {
  const TemporaryDirectory directory;
  for (const std::size_t total : {106, 107, 108, 109}) {
    const auto used = directory.path().string().size() + 1;
    const auto path = directory / std::string(total - used, 's');
    if (total - used > 80) continue;  // a long TMPDIR shortens the name, never the other way round
    const auto listener = listen_unix(path);
    ASSERT_TRUE(listener.has_value()) << total << listener.error().message;
    expect_talk(*listener, path);
  }
}

TEST(UnixSocket, RefusesANameThatNeverFits) {
  const TemporaryDirectory directory;
  const auto listener = listen_unix(directory / std::string(200, 's'));
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().kind, ErrorKind::kInvalid);
}

TEST(UnixSocket, HasExactlyTheModeThatWasAskedWhateverTheUmask) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(0);
  const auto open = listen_unix(directory / "a");
  ::umask(0777);
  const auto closed = listen_unix(directory / "b", 0660);
  ::umask(before);
  ASSERT_TRUE(open && closed);
  struct stat found{};
  ASSERT_EQ(::stat((directory / "a").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((directory / "b").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0660u);
}

TEST(UnixSocket, ReplacesAStaleSocketButNotALiveOne) {
  const TemporaryDirectory directory;
  const auto path = directory / "node.sock";
  auto first = listen_unix(path);
  ASSERT_TRUE(first.has_value());
  const auto second = listen_unix(path);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kAlreadyExists);
  first->reset();  // as if its process had died: the file stays
  const auto third = listen_unix(path);
  ASSERT_TRUE(third.has_value()) << third.error().message;
  expect_talk(*third, path);
}

TEST(UnixSocket, LeavesAFileThatIsNoSocketAlone) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "notes") << "mine";
  EXPECT_EQ(listen_unix(directory / "notes").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(std::filesystem::file_size(directory / "notes"), 4u);
}

TEST(UnixSocket, DoesNotFindWhatNobodyListensOn) {
  const TemporaryDirectory directory;
  EXPECT_EQ(connect_unix(directory / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(connect_unix(directory / std::string(90, 'd') / "none").error().kind,
            ErrorKind::kNotFound);
  listen_unix(directory / "stale")->reset();
  EXPECT_EQ(connect_unix(directory / "stale").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace leanto

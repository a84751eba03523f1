#include "provider/ssh_dial.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cstdlib>

#include "os/files.h"
#include "provider/fake_ssh.h"

namespace leanto {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
namespace fs = std::filesystem;

class SshDial : public FakeSsh {};

std::string read_exactly(int fd, std::size_t size) {
  std::string text(size, '\0');
  const ssize_t got = ::recv(fd, text.data(), size, MSG_WAITALL);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

// asio has made it non-blocking.
void make_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK); }

std::string heard_back(const SshNode& node, const std::string& said) {
  make_blocking(node.socket.get());
  EXPECT_TRUE(write_all(node.socket.get(), said, "the socket"));
  return read_exactly(node.socket.get(), said.size());
}

TEST_F(SshDial, TheFirstOneSendsTheBinaryAndTheNextOneUsesIt) {
  const NodeBinary sent = binary();
  const Result<SshNode> first = dial(host(), sent);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->sent);
  EXPECT_EQ(first->facts->machine, "x86_64");
  EXPECT_EQ(heard_back(*first, "hello"), "hello");
  EXPECT_EQ(sent_at_first(), 0u);
  EXPECT_EQ(seen_.back().phase, DialPhase::kStarting);

  const Result<SshNode> second = dial(host(), sent);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_FALSE(second->sent);
  EXPECT_FALSE(second->facts);
  EXPECT_EQ(heard_back(*second, "again"), "again");
  EXPECT_EQ(seen_.size(), 1u);
}

TEST_F(SshDial, WhatTheNodeSaysAtOnceIsNotLost) {
  const NodeBinary sent = binary("printf greeting; exec cat");
  for (int i = 0; i < 2; ++i) {
    const Result<SshNode> node = dial(host(), sent);
    ASSERT_TRUE(node) << node.error().message;
    make_blocking(node->socket.get());
    EXPECT_EQ(read_exactly(node->socket.get(), 8), "greeting");
  }
}

TEST_F(SshDial, NoiseOfStartUpFilesIsSkipped) {
  const SshHost noisy = host(
      "echo 'Welcome to box'; echo LEANTO rules; echo LEANTO GOT it; seq 10000; printf 'no end'; "
      "exec /bin/sh -c "
      "\"$remote\"");
  const NodeBinary sent = binary();
  for (int i = 0; i < 2; ++i) {
    const Result<SshNode> node = dial(noisy, sent);
    ASSERT_TRUE(node) << node.error().message;
    EXPECT_EQ(heard_back(*node, "hello"), "hello");
  }
}

TEST_F(SshDial, EveryLoginShellTakesTheCommand) {
  const NodeBinary sent = binary();
  for (const char* shell : {"sh", "dash", "bash", "zsh", "tcsh", "fish"}) {
    if (std::system(fmt::format("command -v {} >/dev/null", shell).c_str()) != 0) continue;
    fs::remove_all(place());
    const Result<SshNode> node = dial(host(fmt::format("exec {} -c \"$remote\"", shell)), sent);
    ASSERT_TRUE(node) << shell << ": " << node.error().message;
    EXPECT_EQ(heard_back(*node, "hello"), "hello") << shell;
  }
}

TEST_F(SshDial, EndlessNoiseIsNot) {
  EXPECT_THAT(dial(host("exec yes"), binary()).error().message, HasSubstr("start-up files"));
}

TEST_F(SshDial, AnInterruptedUploadGoesOnWhereItWas) {
  const NodeBinary sent = binary();
  const Result<SshNode> cut =
      dial(host("dd bs=64k count=2000000 iflag=count_bytes 2>&- | /bin/sh -c \"$remote\""), sent);
  EXPECT_EQ(cut.error().kind, ErrorKind::kNodeLost);
  const auto there = fs::file_size(place() / (".part-" + pack(sent)->digest.hex()));
  EXPECT_GT(there, 0u);
  const Result<SshNode> node = dial(host(), sent);
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(sent_at_first(), there);
  EXPECT_EQ(heard_back(*node, "hello"), "hello");
}

TEST_F(SshDial, APartThatIsDamagedIsSentAnew) {
  const NodeBinary sent = binary();
  const std::string digest = pack(sent)->digest.hex();
  fs::create_directories(place());
  std::ofstream(place() / (".part-" + digest)) << std::string(1'000'000, 'x');
  const Result<SshNode> node = dial(host(), sent);
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(sent_at_first(), 1'000'000u);
  EXPECT_EQ(heard_back(*node, "hello"), "hello");
}

TEST_F(SshDial, WhatIsNotWhatWasSentIsNeverRun) {
  NodeBinary sent = binary();
  (void)pack(sent);
  fs::rename(sent.cache / (sent.digest.hex() + ".z"), sent.cache / "other");
  sent.digest = Digest::of("something else");
  fs::rename(sent.cache / "other", sent.cache / (sent.digest.hex() + ".z"));
  EXPECT_THAT(dial(host(), sent).error().message, HasSubstr("isn't what was sent"));
  EXPECT_FALSE(fs::exists(place() / sent.digest.hex() / "leanto"));
}

TEST_F(SshDial, AHostWithoutPythonIsTold) {
  fs::create_directory(here_ / "few");
  fs::create_symlink("/usr/bin/uname", here_ / "few" / "uname");
  const SshHost bare = host("PATH='" + (here_ / "few").string() + "' exec /bin/sh -c \"$remote\"");
  const Result<SshNode> node = dial(bare, binary());
  EXPECT_THAT(node.error().message, HasSubstr("the host box has no python3"));
}

TEST_F(SshDial, AnotherArchitectureIsTold) {
  fs::create_directory(here_ / "few");
  write_program(here_ / "few" / "uname",
                "#!/bin/sh\n[ \"$1\" = -r ] && echo 6.1 || echo Linux aarch64\n");
  const SshHost arm =
      host("PATH='" + (here_ / "few").string() + "':$PATH exec /bin/sh -c \"$remote\"");
  const Result<SshNode> node = dial(arm, binary());
  EXPECT_THAT(node.error().message, HasSubstr("the host box is Linux on aarch64"));
}

TEST_F(SshDial, AFullDiskIsTold) {
  const Result<SshNode> node = dial(host("ulimit -f 1000; exec /bin/sh -c \"$remote\""), binary());
  EXPECT_EQ(node.error().kind, ErrorKind::kCapacity) << node.error().message;
  EXPECT_THAT(node.error().message, HasSubstr("keep leanto in"));
}

TEST_F(SshDial, APlaceThatCannotBeMadeIsTold) {
  std::ofstream(home() / ".cache") << "a file";
  EXPECT_THAT(dial(host(), binary()).error().message, HasSubstr("keep leanto in"));
}

TEST_F(SshDial, APlaceWhereNothingMayBeRunIsTold) {
  if (::mount("none", home().c_str(), "tmpfs", MS_NOEXEC, "size=100m") != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  const Result<SshNode> node = dial(host(), binary());
  ::umount2(home().c_str(), MNT_DETACH);
  EXPECT_THAT(node.error().message, HasSubstr("noexec"));
}

TEST_F(SshDial, APlaceWithTooLittleRoomIsTold) {
  if (::mount("none", home().c_str(), "tmpfs", 0, "size=10m") != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  const Result<SshNode> node = dial(host(), binary());
  ::umount2(home().c_str(), MNT_DETACH);
  EXPECT_EQ(node.error().kind, ErrorKind::kCapacity);
  EXPECT_THAT(node.error().message, HasSubstr("MiB free"));
}

TEST_F(SshDial, AHostThatSaysNothingIsGivenUp) {
  const SshHost silent = host("echo $$ > pid; exec sleep 1000");
  const Result<SshNode> node = dial(silent, binary(), {.silence = 500ms});
  EXPECT_EQ(node.error().kind, ErrorKind::kNodeLost);
  EXPECT_THAT(node.error().message, HasSubstr("has said nothing"));
  const std::string pid = *read_file((home() / "pid").string());
  EXPECT_EQ(::kill(std::stoi(pid), 0), -1);
}

TEST_F(SshDial, WithoutSshThereIsNoHost) {
  const Result<SshNode> node = dial({.host = "box", .command = {"no-such-ssh"}}, binary());
  EXPECT_EQ(node.error().kind, ErrorKind::kNodeLost);
  EXPECT_THAT(node.error().message, HasSubstr("no-such-ssh: no such program"));
}

TEST_F(SshDial, WhatSshSaysIsExplained) {
  const SshHost unknown = host("echo 'Host key verification failed.' >&2; exit 255");
  EXPECT_EQ(dial(unknown, binary()).error().kind, ErrorKind::kAccessDenied);
}

TEST_F(SshDial, WhyTheStreamEndsLaterCanBeTold) {
  const NodeBinary sent = binary("read line; echo 'leanto: the node has ended' >&2; exit 1");
  const SshHost box = host();
  const Result<SshNode> node = dial(box, sent);
  ASSERT_TRUE(node) << node.error().message;
  ASSERT_TRUE(write_all(node->socket.get(), "now\n", "the socket"));
  const SshEnd end = test_.get(node->ssh->end(60s));
  EXPECT_TRUE(node->ssh->has_ended());
  EXPECT_THAT(explain(box, end).message, HasSubstr("leanto: the node has ended"));
}

TEST_F(SshDial, OldVersionsGoExceptForTheLastTwo) {
  const auto now = fs::file_time_type::clock::now();
  std::vector<fs::path> old;
  for (int i = 0; i < 4; ++i) {
    old.push_back(place() / Digest::of(std::to_string(i)).hex());
    fs::create_directories(old.back());
    fs::last_write_time(old.back(), now - std::chrono::hours(100 - i));
  }
  ASSERT_TRUE(dial(host(), binary()));
  EXPECT_FALSE(fs::exists(old[0]) || fs::exists(old[1]));
  EXPECT_TRUE(fs::exists(old[2]) && fs::exists(old[3]));
}

}  // namespace
}  // namespace leanto

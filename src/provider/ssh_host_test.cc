#include "provider/ssh_host.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace leanto {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(SshHost, TheCommandLineEndsWithTheHostAndTheCommand) {
  const SshHost host{.host = "box", .user = "me", .port = 2222, .key = "/home/me/key"};
  const std::vector<std::string> words = ssh_command_line(host, "uname -m", 10s);
  EXPECT_EQ(words.front(), "ssh");
  const std::vector<std::string> last(words.end() - 7, words.end());
  EXPECT_THAT(last, ElementsAre("-p", "2222", "-i", "/home/me/key", "--", "me@box", "uname -m"));
  EXPECT_THAT(words, Contains("BatchMode=yes"));
  EXPECT_THAT(words, Contains("ConnectTimeout=10"));
}

TEST(SshHost, NothingWeakensWhatTheUserAsksFor) {
  for (const std::string& word : ssh_command_line({.host = "box"}, "true", 10s)) {
    EXPECT_THAT(word, Not(HasSubstr("HostKey")));
    EXPECT_THAT(word, Not(HasSubstr("KnownHosts")));
  }
}

TEST(SshHost, ACommandOfTheUsersOwnComesFirst) {
  const SshHost host{.host = "box", .command = {"/opt/ssh", "-F", "/my config"}};
  const std::vector<std::string> words = ssh_command_line(host, "true", 10s);
  EXPECT_EQ(words[0], "/opt/ssh");
  EXPECT_EQ(words[2], "/my config");
  EXPECT_EQ(command_by_hand(host), "/opt/ssh -F '/my config' box");
}

TEST(SshHost, WhatCouldBeAnOptionOrMoreForAShellIsRefused) {
  for (const char* name : {"-oProxyCommand=x", "", "a b", "a;b", "$(x)", "a\nb", "`x`"}) {
    EXPECT_FALSE(check(SshHost{.host = name})) << name;
    const bool is_user = *name == '\0';  // ssh's own
    EXPECT_EQ(check(SshHost{.host = "box", .user = name}).has_value(), is_user) << name;
  }
  for (const char* name : {"box", "box.example.org", "10.0.0.1", "fe80::1%eth0", "my_box+1"}) {
    EXPECT_TRUE(check(SshHost{.host = name})) << name;
  }
}

TEST(SshHost, ItsEnvironmentIsThisOneWithWhatTheCallerHas) {
  const SshHost host{.host = "box", .environment = {{"PATH", "/x"}, {"SSH_AUTH_SOCK", "/agent"}}};
  const std::vector<std::string> lines = ssh_environment(host);
  EXPECT_THAT(lines, Contains("SSH_AUTH_SOCK=/agent"));
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& line) { return line.starts_with("PATH="); }),
            1);
}

}  // namespace
}  // namespace leanto

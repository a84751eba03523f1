#include "node/hosts_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

using testing::HasSubstr;
using testing::Not;
using wire::Json;

TEST(HostsFile, NamesClusters) {
  const Result<HostsFile> hosts = parse_hosts_file(R"(
[box]
host = "10.0.0.7"
ssh_user = "ubuntu"
ssh_port = 2222
price_per_hour = 1.5
labels = {team = "vision"}

[farm]
hosts = ["a", "b"]
)",
                                                   "hosts.toml");
  ASSERT_TRUE(hosts) << hosts.error().message;
  EXPECT_EQ(hosts->at("box"), Json({{"host", "10.0.0.7"},
                                    {"ssh_user", "ubuntu"},
                                    {"ssh_port", 2222},
                                    {"price_per_hour", 1.5},
                                    {"labels", {{"team", "vision"}}}}));
  EXPECT_EQ(hosts->at("farm"), Json({{"hosts", {"a", "b"}}}));
}

const std::string kUrl = "leanto://10.0.0.9:7400?fingerprint=" + std::string(64, 'a');

TEST(HostsFile, NamesNodesThatListen) {
  const auto hosts =
      parse_hosts_file("[box]\nurl = \"" + kUrl + "\"\ntoken = \"secret\"\n", "hosts.toml");
  ASSERT_TRUE(hosts) << hosts.error().message;
  EXPECT_EQ(hosts->at("box"), Json({{"url", "leanto://10.0.0.9:7400"},
                                    {"fingerprint", std::string(64, 'a')},
                                    {"token", "secret"}}));
}

TEST(HostsFile, WithATokenIsForItsOwnerOnly) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "hosts.toml";
  std::ofstream(path) << "[box]\nurl = \"" << kUrl << "\"\ntoken = \"secret\"\n";
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  const Result<HostsFile> shared = load_hosts_file(path);
  ASSERT_FALSE(shared);
  EXPECT_THAT(shared.error().message, HasSubstr("chmod 600"));
  EXPECT_THAT(shared.error().message, Not(HasSubstr("secret")));
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  EXPECT_TRUE(load_hosts_file(path));
}

TEST(HostsFile, WithoutATokenMayBeReadByATeam) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "hosts.toml";
  std::ofstream(path) << "[box]\nhost = \"a\"\n";
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  EXPECT_TRUE(load_hosts_file(path));
}

TEST(HostsFile, ThatIsNotThereSaysNothing) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(load_hosts_file(directory.path() / "hosts.toml")->empty());
}

TEST(HostsFile, SaysWhereAndWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"[box]\nhost = 5", "line 2: box.host must be a text"},
      {"[box]\nhost = \"a\"\nhosts = [\"b\"]", "must have one of host = \"...\""},
      {"[box]\nssh_user = \"me\"", "must have one of host"},
      {"[box]\nhosts = \"a\"", "must be a list"},
      {"[box]\nhosts = [1]", "must be a list"},
      {"[box]\nhost = \"a\"\nssh_port = 0", "line 3: box.ssh_port must be a port"},
      {"[box]\nhost = \"a\"\nprice_per_hour = -1", "must be a price"},
      {"[box]\nhost = \"a\"\nprice_per_hour = nan", "must be a price"},
      {"[box]\nhost = \"a\"\nlabels = [1]", "must be a table"},
      {"[box]\nhost = \"a\"\nuser = \"me\"", "box.user is no key that leanto knows"},
      {"[box]\nurl = \"leanto://a:1\"", "lacks the fingerprint"},
      {"[box]\nurl = \"http://a:1\"", "line 1: box is wrong"},
      {"[box]\nurl = \"leanto://a:1\"\nhost = \"a\"", "must have one of host"},
      {"[box]\nhost = \"a\"\ntoken = \"t\"", "token= goes with url="},
      {"box = 1", "must be a section"},
      {"[box", "this is not TOML"},
  };
  for (const auto& [text, message] : wrong) {
    const Result<HostsFile> hosts = parse_hosts_file(text, "hosts.toml");
    ASSERT_FALSE(hosts) << text;
    EXPECT_THAT(hosts.error().message, HasSubstr(message)) << text;
    EXPECT_THAT(hosts.error().message, HasSubstr("hosts.toml, line ")) << text;
  }
}

}  // namespace
}  // namespace leanto::node

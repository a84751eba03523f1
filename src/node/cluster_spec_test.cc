#include "node/cluster_spec.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using wire::Json;

TEST(ClusterSpec, OfOneHostIsANodeOfTheSameName) {
  const Result<ClusterSpec> cluster = parse_cluster(
      "box",
      {{"host", "10.0.0.7"}, {"ssh_user", "ubuntu"}, {"ssh_port", 2222}, {"ssh_key", "~/k"}});
  ASSERT_TRUE(cluster) << cluster.error().message;
  ASSERT_EQ(cluster->hosts.size(), 1u);
  const HostSpec& host = cluster->hosts[0];
  EXPECT_EQ(host.node, "box");
  EXPECT_EQ(host.host, "10.0.0.7");
  EXPECT_EQ(host.user, "ubuntu");
  EXPECT_EQ(host.port, 2222);
  EXPECT_EQ(host.key, "~/k");
}

TEST(ClusterSpec, OfSeveralHostsNamesEachNode) {
  const Result<ClusterSpec> cluster = parse_cluster("farm", {{"hosts", {"a", "b"}}});
  ASSERT_TRUE(cluster);
  ASSERT_EQ(cluster->hosts.size(), 2u);
  EXPECT_EQ(cluster->hosts[1].node, "farm/b");
}

TEST(ClusterSpec, KeepsWhatSshNeedsOfTheCallersEnvironmentForNobodyElse) {
  const Json words = {{"host", "a"}, {"ssh_environment", {{"SSH_AUTH_SOCK", "/run/agent"}}}};
  const Result<ClusterSpec> cluster = parse_cluster("box", words);
  ASSERT_TRUE(cluster);
  EXPECT_EQ(cluster->hosts[0].environment, std::vector<std::string>{"SSH_AUTH_SOCK=/run/agent"});
  EXPECT_EQ(words_to_keep(words), Json({{"host", "a"}}));
  HostSpec other = cluster->hosts[0];
  other.environment.clear();
  EXPECT_TRUE(other.reached_as(cluster->hosts[0]));
}

TEST(ClusterSpec, WithoutHostsIsChosenByWhatItMustHave) {
  const Result<ClusterSpec> cluster =
      parse_cluster("big", {{"cpus", 8}, {"memory", "16GB"}, {"provider", "available"}});
  ASSERT_TRUE(cluster);
  EXPECT_TRUE(cluster->hosts.empty());
  EXPECT_EQ(cluster->requirements.cpus, 8);
  EXPECT_EQ(cluster->requirements.memory_bytes, 16'000'000'000u);
  EXPECT_EQ(cluster->policies, std::vector<std::string>{"available"});
}

TEST(ClusterSpec, RefusesWordsThatMakeNoSense) {
  const std::vector<Json> wrong = {
      {{"host", "-oProxyCommand=touch /tmp/x"}},
      {{"host", ""}},
      {{"host", "a\nb"}},
      {{"host", "a"}, {"hosts", {"b"}}},
      {{"hosts", Json::array()}},
      {{"hosts", {"a", "a"}}},
      {{"hosts", {1}}},
      {{"hosts", "a"}},
      {{"host", "a"}, {"ssh_user", "-l"}},
      {{"host", "a"}, {"ssh_port", 0}},
      {{"host", "a"}, {"ssh_port", 70000}},
      {{"host", "a"}, {"ssh_port", "22"}},
      {{"host", "a"}, {"ssh_user", 5}},
      {{"host", 5}},
      {{"host", "a;touch x"}},
      {{"host", "a"}, {"ssh_user", "me;ls"}},
      {{"ssh_user", "me"}},
      {{"instance_type", "A10G:none"}},
      {{"memory", "much"}},
      {{"hosts", {std::string(300, 'h'), "b"}}},
  };
  for (const Json& words : wrong) {
    const Result<ClusterSpec> cluster = parse_cluster("box", words);
    ASSERT_FALSE(cluster) << words;
    EXPECT_EQ(cluster.error().kind, ErrorKind::kInvalid) << words;
  }
  EXPECT_FALSE(parse_cluster("a/b", {{"host", "c"}}));
  EXPECT_FALSE(parse_cluster("tab\there", {{"host", "c"}}));
}

TEST(ClusterSpec, TwoThatDifferAreToldApartByTheirWords) {
  EXPECT_EQ(describe_difference({{"host", "a"}, {"cpus", 1}}, {{"host", "b"}, {"cpus", 1}}),
            R"(host was "a" and is "b")");
  EXPECT_EQ(describe_difference({{"host", "a"}}, {{"hosts", {"a", "b"}}}),
            R"(host was "a" and is not given; hosts was not given and is ["a","b"])");
  EXPECT_EQ(describe_difference({{"host", "a"}}, {{"host", "a"}}), "");
}

const std::string kPrint(64, 'a');

TEST(ClusterSpec, OfAUrlIsANodeThatIsReachedByTls) {
  const std::string word = "leanto://[fd00::7]:7433?fingerprint=" + kPrint + "&token=lt_SECRET";
  const wire::Json apart = {
      {"url", "leanto://[fd00::7]:7433"}, {"fingerprint", kPrint}, {"token", "lt_SECRET"}};
  for (const wire::Json& words : {wire::Json{{"url", word}}, apart}) {
    const Result<ClusterSpec> cluster = parse_cluster("box", words);
    ASSERT_TRUE(cluster) << cluster.error().message;
    ASSERT_EQ(cluster->hosts.size(), 1u);
    const HostSpec& host = cluster->hosts[0];
    EXPECT_TRUE(host.is_direct());
    EXPECT_EQ(host.node, "box");
    EXPECT_EQ(host.host, "fd00::7");
    EXPECT_EQ(host.port, 7433);
    EXPECT_EQ(host.fingerprint, kPrint);
    EXPECT_EQ(host.token, "lt_SECRET");
    EXPECT_EQ(*normal_words(words), apart);
  }
}

TEST(ClusterSpec, OfAUrlThatLacksSomethingOrHasTooMuchSaysWhatWithoutTheSecret) {
  const std::string url = "leanto://box:1";
  const std::string other(64, 'b');
  for (const wire::Json& words : {
           wire::Json{{"url", url}},
           wire::Json{{"url", url}, {"token", "lt_SECRET"}},
           wire::Json{{"url", url}, {"fingerprint", kPrint}},
           wire::Json{{"url", url}, {"fingerprint", "ab"}, {"token", "lt_SECRET"}},
           wire::Json{{"url", url + "?token=lt_OTHER_SECRET"}, {"token", "lt_SECRET"}},
           wire::Json{
               {"url", url + "?fingerprint=" + other}, {"fingerprint", kPrint}, {"token", "x"}},
           wire::Json{{"url", url}, {"fingerprint", kPrint}, {"token", "lt_SECRET"}, {"host", "a"}},
           wire::Json{{"url", "box:1"}, {"fingerprint", kPrint}, {"token", "lt_SECRET"}},
           wire::Json{{"url", 1}},
           wire::Json{{"host", "a"}, {"token", "lt_SECRET"}},
           wire::Json{{"host", "a"}, {"fingerprint", kPrint}},
       }) {
    SCOPED_TRACE(words.dump());
    const Result<ClusterSpec> cluster = parse_cluster("box", words);
    ASSERT_FALSE(cluster);
    EXPECT_EQ(cluster.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(cluster.error().message.find("SECRET"), std::string::npos) << cluster.error().message;
  }
}

TEST(ClusterSpec, OfAUrlIsTheSameWayWithAnotherToken) {
  const auto host = [](const std::string& print, const char* token) {
    return parse_cluster("box",
                         {{"url", "leanto://box:1"}, {"fingerprint", print}, {"token", token}})
        ->hosts[0];
  };
  EXPECT_TRUE(host(kPrint, "lt_1").reached_as(host(kPrint, "lt_2")));
  EXPECT_FALSE(host(kPrint, "lt_1").reached_as(host(std::string(64, 'b'), "lt_1")));
}

TEST(DescribeDifference, ShowsNoToken) {
  const wire::Json before = {{"url", "leanto://a:1"}, {"token", "lt_SECRET"}};
  const wire::Json now = {{"url", "leanto://b:1"}, {"token", "lt_OTHER_SECRET"}};
  EXPECT_EQ(describe_difference(before, now), "url was \"leanto://a:1\" and is \"leanto://b:1\"");
}

}  // namespace
}  // namespace leanto::node

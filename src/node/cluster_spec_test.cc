#include "node/cluster_spec.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

using wire::Json;

TEST(ClusterSpec, OfOneHostIsANodeOfTheSameName) {
  const Result<ClusterSpec> cluster = parse_cluster(
      "box", {{"host", "10.0.0.7"}, {"ssh_user", "ubuntu"}, {"ssh_port", 2222}, {"ssh_key", "~/k"}});
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

}  // namespace
}  // namespace leanto::node

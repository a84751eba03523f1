#include "node/reloader.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

ServiceSpec spec() {
  ServiceSpec spec;
  spec.python = "/usr/bin/python3";
  spec.snapshot = Digest::of("tree");
  spec.settings.env = {{"A", "b"}};
  spec.secrets_tag = "tag";
  return spec;
}

TEST(WhyNotOnlyCode, AllowsAnotherTreeAndOtherBounds) {
  ServiceSpec now = spec();
  now.snapshot = Digest::of("another tree");
  now.settings.concurrency = 1;
  EXPECT_EQ(why_not_only_code(spec(), now), std::nullopt);
}

TEST(WhyNotOnlyCode, NamesWhatAProcessCannotChange) {
  const auto differs = [](auto change) {
    ServiceSpec now = spec();
    change(now);
    return why_not_only_code(spec(), now).value_or("nothing");
  };
  EXPECT_EQ(differs([](ServiceSpec& now) { now.python = "/other"; }),
            "its interpreter has changed");
  EXPECT_EQ(differs([](ServiceSpec& now) { now.image = {{"python", "3.11"}}; }),
            "its interpreter has changed");
  EXPECT_EQ(differs([](ServiceSpec& now) { now.settings.env.clear(); }),
            "its environment variables have changed");
  EXPECT_EQ(differs([](ServiceSpec& now) { now.secrets_tag = "other"; }),
            "its secrets have changed");
  EXPECT_EQ(differs([](ServiceSpec& now) { now.snapshot.reset(); }),
            "its class is installed, and not part of a project");
}

}  // namespace
}  // namespace leanto::node

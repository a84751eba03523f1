#include "node/choice_path.h"

#include <gtest/gtest.h>

namespace leanto::node {
namespace {

Offer offer_of(const std::string& cluster, double price, const std::string& cannot = "") {
  Offer offer;
  offer.provider = "ssh";
  offer.cluster = cluster;
  offer.node = cluster;
  offer.price_per_hour = price;
  offer.total = {8, 1 << 30, {}};
  offer.cannot = cannot;
  return offer;
}

std::vector<std::string> names(const std::vector<Offer>& offers) {
  std::vector<std::string> found;
  for (const Offer& offer : offers) found.push_back(offer.cluster);
  return found;
}

ClusterSpec asked(std::vector<std::string> policies) {
  ClusterSpec cluster;
  cluster.policies = std::move(policies);
  return cluster;
}

using Names = std::vector<std::string>;

TEST(ChoicePath, NamesTheCheaperOnesThatCouldNot) {
  const Offer chosen = offer_of("box", 2);
  const std::vector<Offer> offers{offer_of("down", 1, "is down"), chosen,
                                  offer_of("dear", 3, "is down"), offer_of("idle", 4)};
  EXPECT_EQ(names(passed_over(asked({"cheapest"}), offers, chosen)), Names({"down"}));
}

TEST(ChoicePath, NamesWhatWasPreferredWhateverItCosts) {
  const Offer chosen = offer_of("box", 2);
  const std::vector<Offer> offers{chosen, offer_of("dear", 3, "is down"),
                                  offer_of("other", 1, "is down")};
  EXPECT_EQ(names(passed_over(asked({"dear", "box"}), offers, chosen)), Names({"dear"}));
}

TEST(ChoicePath, WhatComesAfterTheChoiceWasNotTried) {
  const Offer chosen = offer_of("box", 2);
  const std::vector<Offer> offers{chosen, offer_of("dear", 1, "is down")};
  EXPECT_EQ(names(passed_over(asked({"box", "dear"}), offers, chosen)), Names());
}

TEST(ChoicePath, OneThatCouldNeverGiveSoMuchWasNoCandidate) {
  const Offer chosen = offer_of("box", 2);
  Offer small = offer_of("small", 1, "has no 4 CPUs");
  small.total.cpus = 1;
  Offer silent = offer_of("silent", 1, "is down");
  silent.total = {};
  ClusterSpec cluster = asked({"cheapest"});
  cluster.requirements.cpus = 4;
  EXPECT_EQ(names(passed_over(cluster, {small, silent, chosen}, chosen)), Names({"silent"}));
}

TEST(ChoicePath, NamesEachOnce) {
  const Offer chosen = offer_of("box", 2);
  const Offer down = offer_of("down", 1, "is down");
  EXPECT_EQ(names(passed_over(asked({"down", "cheapest"}), {down, chosen}, chosen)),
            Names({"down"}));
}

}  // namespace
}  // namespace leanto::node

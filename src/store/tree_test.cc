#include "store/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace leanto {
namespace {

using testing::ElementsAre;

TreeEntry file(std::string name, std::string_view contents, EntryKind kind = EntryKind::kFile) {
  return {.name = std::move(name),
          .kind = kind,
          .digest = Digest::of(contents),
          .size = contents.size()};
}

TreeEntry link(std::string name, std::string target) {
  const Digest digest = Digest::of(target);
  const std::size_t size = target.size();
  return {.name = std::move(name),
          .kind = EntryKind::kSymlink,
          .digest = digest,
          .size = size,
          .target = std::move(target)};
}

TreeEntry directory(std::string name, std::vector<TreeEntry> entries) {
  return {.name = std::move(name),
          .kind = EntryKind::kDirectory,
          .tree = Tree::make(std::move(entries))};
}

TreePtr example() {
  return Tree::make({file("main.py", "print(1)\n"),
                     file("run.sh", "#!/bin/sh\n", EntryKind::kExecutable),
                     link("latest", "pkg/a.py"),
                     directory("pkg", {file("a.py", "a"), file("\xC3\xBC \xFF.txt", "")})});
}

std::vector<std::string> changes(const TreePtr& from, const TreePtr& to) {
  std::vector<std::string> out;
  for (const TreeChange& change : diff(*from, *to)) {
    out.push_back((change.before == nullptr  ? "+"
                   : change.after == nullptr ? "-"
                                             : "~") +
                  change.path);
  }
  return out;
}

TEST(Tree, HasTheDigestThatPythonsHashlibMakesOfTheDocumentedFormat) {
  // header = b"leanto tree 1\n"; e = lambda k, d, s, n, t=b"": struct.pack("<c32sQH", k, d, s,
  // len(n)) + n + t
  EXPECT_EQ(example()->digest().hex(),
            "2a1b90444d60ade4d0708c69d885f979116ffd9d4dc3d33dcf638ca1b80d4d31");
  EXPECT_EQ(Tree::make({})->digest(), Digest::of("leanto tree 1\n"));
}

TEST(Tree, CountsWhatIsInItAtAnyDepth) {
  EXPECT_EQ(example()->files(), 5U);
  EXPECT_EQ(example()->bytes(), 9U + 10U + 8U + 1U);
  EXPECT_EQ(example()->depth(), 2U);
  EXPECT_EQ(example()->find("pkg")->size, 1U);
  EXPECT_EQ(example()->find("absent"), nullptr);
}

TEST(Tree, SurvivesARoundTripThroughItsEncodingWithNamesThatAreNotUtf8) {
  const TreePtr tree = example()->find("pkg")->tree;
  const auto parsed = Tree::parse(tree->encoding());
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->back().name, "\xC3\xBC \xFF.txt");
  EXPECT_EQ(Tree::make(*parsed)->digest(), tree->digest());
}

TEST(Tree, TheOrderOfMakingDoesNotMatter) {
  EXPECT_EQ(Tree::make({file("b", "1"), file("a", "2")})->digest(),
            Tree::make({file("a", "2"), file("b", "1")})->digest());
}

TEST(TreeParse, RefusesWhatEncodingCannotProduce) {
  const std::string good = example()->encoding();
  ASSERT_TRUE(Tree::parse(good).has_value());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto parsed = Tree::parse(std::string_view(good).substr(0, size));
    // A cut between two entries is a tree again, only another one.
    EXPECT_LT(parsed ? parsed->size() : 0, example()->entries().size());
  }
  for (const std::string name : {"..", ".", "a/b", ""}) {
    TreeEntry bad = file(name, "x");
    EXPECT_FALSE(Tree::parse(Tree::make({bad})->encoding()).has_value()) << name;
  }
  EXPECT_FALSE(Tree::parse(Tree::make({file("a", "1"), file("a", "2")})->encoding()).has_value());
  TreeEntry lying = link("l", "target");
  lying.target = "another";
  EXPECT_FALSE(Tree::parse(Tree::make({lying})->encoding()).has_value());
}

TEST(TreeParse, IsTotalOnRandomDamageAndWhatItAcceptsEncodesToAsManyBytes) {
  std::mt19937 random(7);
  const std::string good = example()->encoding();
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (unsigned n = 1 + random() % 3; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (const auto parsed = Tree::parse(bytes)) {
      std::vector<TreeEntry> entries = *parsed;
      for (TreeEntry& entry : entries) {
        if (entry.kind == EntryKind::kDirectory) entry.kind = EntryKind::kFile;  // has no tree here
      }
      EXPECT_EQ(Tree::make(entries)->encoding().size(), bytes.size());
    }
  }
}

TEST(TreeDiff, NamesWhatWasAddedRemovedAndChanged) {
  const TreePtr from =
      Tree::make({file("a", "1"), file("b", "1"), directory("d", {file("x", "1"), file("y", "1")}),
                  directory("same", {file("z", "1")})});
  const TreePtr to =
      Tree::make({file("b", "2"), file("c", "1"), directory("d", {file("x", "1"), file("y", "2")}),
                  directory("new", {file("n", "1")}), directory("same", {file("z", "1")})});
  EXPECT_THAT(changes(from, to), ElementsAre("-a", "~b", "+c", "~d/y", "+new"));
  EXPECT_THAT(changes(to, to), ElementsAre());
}

TEST(TreeDiff, AFileThatBecomesExecutableOrADirectoryIsAChange) {
  const TreePtr from = Tree::make({file("s", "1"), file("t", "1")});
  const TreePtr to = Tree::make({file("s", "1", EntryKind::kExecutable), directory("t", {})});
  EXPECT_THAT(changes(from, to), ElementsAre("~s", "~t"));
}

}  // namespace
}  // namespace leanto

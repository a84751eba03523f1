#include "store/blob_pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class BlobPackTest : public testing::Test {
 protected:
  BlobPackTest()
      : here_(BlobStore::open((directory_.path() / "here").string()).value()),
        there_(BlobStore::open((directory_.path() / "there").string()).value()) {}

  TemporaryDirectory directory_;
  BlobStore here_;
  BlobStore there_;
};

TreeEntry file(std::string name, std::string_view contents) {
  return {.name = std::move(name), .digest = Digest::of(contents), .size = contents.size()};
}
TreeEntry directory(std::string name, std::vector<TreeEntry> entries) {
  return {.name = std::move(name),
          .kind = EntryKind::kDirectory,
          .tree = Tree::make(std::move(entries))};
}

TEST_F(BlobPackTest, BringsBlobsToAnotherStore) {
  const Digest first = here_.put("first").value();
  const Digest empty = here_.put("").value();
  const Digest large = here_.put(std::string(1 << 20, 'x')).value();
  const Result<std::string> pack = pack_blobs(here_, {first, empty, large});
  ASSERT_TRUE(pack);
  EXPECT_LT(pack->size(), 10'000u) << "it's compressed";
  ASSERT_TRUE(unpack_blobs(there_, *pack));
  EXPECT_EQ(there_.get(first).value(), "first");
  EXPECT_EQ(there_.get(empty).value(), "");
  EXPECT_EQ(there_.get(large).value().size(), std::size_t{1} << 20);
}

TEST_F(BlobPackTest, OfNothingIsAPackToo) {
  const Result<std::string> pack = pack_blobs(here_, {});
  ASSERT_TRUE(pack);
  EXPECT_TRUE(unpack_blobs(there_, *pack));
}

TEST_F(BlobPackTest, SaysWhichBlobIsMissing) {
  const Result<std::string> pack = pack_blobs(here_, {Digest::of("never put")});
  ASSERT_FALSE(pack);
  EXPECT_EQ(pack.error().kind, ErrorKind::kNotFound);
}

TEST_F(BlobPackTest, RefusesWhatIsNoPack) {
  const std::string whole = pack_blobs(here_, {here_.put("contents").value()}).value();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(unpack_blobs(there_, whole.substr(0, size))) << size;
  EXPECT_FALSE(unpack_blobs(there_, "this is text"));
}

TEST(BlobsBeyond, AreAllOfATreeThatIsNotKnown) {
  const TreePtr tree =
      Tree::make({file("a", "1"), directory("d", {file("b", "2"), file("c", "1")})});
  std::vector<Digest> found;
  for (const TreeBlob& blob : blobs_beyond(nullptr, *tree)) found.push_back(blob.digest);
  EXPECT_THAT(found, ElementsAre(Digest::of("1"), Digest::of("2"), tree->find("d")->digest,
                                 tree->digest()));
}

TEST(BlobsBeyond, OfAnEditAreTheFileAndTheDirectoriesAboveIt) {
  const TreePtr before = Tree::make(
      {directory("d", {file("a", "1"), file("b", "2")}), directory("e", {file("c", "3")})});
  const TreePtr now = Tree::make(
      {directory("d", {file("a", "new"), file("b", "2")}), directory("e", {file("c", "3")})});
  std::vector<Digest> found;
  for (const TreeBlob& blob : blobs_beyond(before.get(), *now)) found.push_back(blob.digest);
  EXPECT_THAT(found, ElementsAre(Digest::of("new"), now->find("d")->digest, now->digest()));
  EXPECT_THAT(blobs_beyond(now.get(), *now), IsEmpty());
}

TEST(BlobsBeyond, AFileThatBecameADirectoryIsOne) {
  const TreePtr before = Tree::make({file("a", "1")});
  const TreePtr now = Tree::make({directory("a", {file("b", "1")})});
  EXPECT_EQ(blobs_beyond(before.get(), *now).size(), 3u);
}

}  // namespace
}  // namespace leanto

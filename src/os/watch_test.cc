#include "os/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace leanto {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

class Watch : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "leanto-watch-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    watch_ = make_file_watch().value();
  }
  void TearDown() override { fs::remove_all(root_); }

  std::set<std::string> names() {
    std::set<std::string> out;
    for (const WatchEvent& event : watch_->drain().events) out.insert(event.name);
    return out;
  }

  fs::path root_;
  std::unique_ptr<FileWatch> watch_;
};

TEST_F(Watch, EverythingThatWasDoneBeforeDrainIsInItsAnswerOnce) {
  ASSERT_TRUE(watch_->add(root_.string()).has_value());
  std::ofstream(root_ / "made") << "1";
  fs::create_directory(root_ / "directory");
  fs::create_symlink("made", root_ / "link");
  EXPECT_THAT(names(), ElementsAre("directory", "link", "made"));
  EXPECT_THAT(names(), IsEmpty());
  fs::permissions(root_ / "made", fs::perms::owner_all);
  EXPECT_THAT(names(), ElementsAre("made"));
  fs::rename(root_ / "made", root_ / "moved");
  fs::remove(root_ / "link");
  EXPECT_THAT(names(), ElementsAre("link", "made", "moved"));
}

TEST_F(Watch, TheSameDirectoryUnderAnotherNameHasTheSameId) {
  fs::create_directory(root_ / "a");
  const WatchId id = watch_->add((root_ / "a").string()).value();
  fs::rename(root_ / "a", root_ / "b");
  EXPECT_EQ(watch_->add((root_ / "b").string()).value(), id);
}

TEST_F(Watch, ARemovedDirectoryReportsItself) {
  fs::create_directory(root_ / "a");
  const WatchId id = watch_->add((root_ / "a").string()).value();
  fs::remove(root_ / "a");
  EXPECT_THAT(watch_->drain().events, Contains(WatchEvent{id, ""}));
  EXPECT_EQ(watch_->add((root_ / "a").string()).error().kind, ErrorKind::kNotFound);
}

TEST_F(Watch, AFileIsNotADirectoryAndALinkIsNotFollowed) {
  std::ofstream(root_ / "file") << "";
  fs::create_directory_symlink(root_, root_ / "link");
  EXPECT_EQ(watch_->add((root_ / "file").string()).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(watch_->add((root_ / "link").string()).has_value());
}

TEST_F(Watch, AfterRemovalNothingMoreIsReported) {
  const WatchId id = watch_->add(root_.string()).value();
  watch_->remove(id);
  (void)watch_->drain();
  std::ofstream(root_ / "made") << "1";
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Watch, TheFakeSaysWhatItIsTold) {
  FakeFileWatch fake;
  const WatchId id = fake.add("/a").value();
  fake.touch("/a", "x");
  fake.touch("/unwatched", "y");
  EXPECT_THAT(fake.drain().events, ElementsAre(WatchEvent{id, "x"}));
  fake.overflow();
  EXPECT_TRUE(fake.drain().overflow);
  EXPECT_FALSE(fake.drain().overflow);
}

}  // namespace
}  // namespace leanto

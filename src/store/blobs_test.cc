#include "store/blobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "os/full_disk.h"

namespace leanto {
namespace {

namespace fs = std::filesystem;

class Blobs : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "leanto-blobs-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    auto opened = BlobStore::open(name + "/blobs");
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_.emplace(std::move(*opened));
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string write(const std::string& name, std::string_view contents) {
    std::ofstream(root_ / name, std::ios::binary) << contents;
    return (root_ / name).string();
  }
  std::size_t half_written() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(root_ / "blobs/new"), {}));
  }

  fs::path root_;
  std::optional<BlobStore> store_;
};

TEST_F(Blobs, GivesBackWhatWasPutUnderItsDigest) {
  const auto digest = store_->put("hello");
  ASSERT_TRUE(digest.has_value());
  EXPECT_EQ(*digest, Digest::of("hello"));
  EXPECT_EQ(store_->get(*digest).value(), "hello");
  EXPECT_TRUE(store_->contains(*digest));
  EXPECT_FALSE(store_->contains(Digest::of("other")));
  EXPECT_EQ(store_->get(Digest::of("other")).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store_->get(store_->put("").value()).value(), "");
}

TEST_F(Blobs, TheTimeOfABlobFollowsFromItsContentsAndLiesBetween1980And2048) {
  const Digest digest = store_->put("x = 1\n").value();
  const FileStat stat = stat_path(store_->path_of(digest).value()).value();
  EXPECT_EQ(stat.mtime_ns, BlobStore::mtime_of(digest) * 1'000'000'000);
  EXPECT_EQ(stat.permissions, 0444U);
  EXPECT_NE(BlobStore::mtime_of(digest), BlobStore::mtime_of(Digest::of("x = 2\n")));
  EXPECT_GE(BlobStore::mtime_of(digest), 315'532'800);
  EXPECT_LT(BlobStore::mtime_of(digest), 2'463'016'448);
}

TEST_F(Blobs, AnExecutableIsAFileOfItsOwnWithTheSameContents) {
  const Digest digest = store_->put("#!/bin/sh\n").value();
  const std::string path = store_->path_of(digest, BlobMode::kExecutable).value();
  EXPECT_EQ(stat_path(path)->permissions, 0555U);
  EXPECT_EQ(read_file(path).value(), "#!/bin/sh\n");
  EXPECT_EQ(stat_path(path)->mtime_ns, stat_path(store_->path_of(digest).value())->mtime_ns);
}

TEST_F(Blobs, IngestsSmallAndLargeFiles) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{9'000'000}}) {
    const std::string contents(size, 'z');
    const auto ingested = store_->ingest(write("file", contents));
    ASSERT_TRUE(ingested.has_value()) << ingested.error().message;
    EXPECT_EQ(ingested->digest, Digest::of(contents));
    EXPECT_EQ(ingested->size, size);
    EXPECT_EQ(store_->get(ingested->digest).value(), contents);
  }
  EXPECT_EQ(half_written(), 0U);
}

TEST_F(Blobs, SaysWhyAFileCannotBeIngested) {
  EXPECT_EQ(store_->ingest(root_ / "absent").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store_->ingest(root_).error().kind, ErrorKind::kInvalid);
}

TEST_F(Blobs, AWriteThroughAHardLinkIsNoticedAndPutRepairsIt) {
  const Digest digest = store_->put("original").value();
  const fs::path link = root_ / "link";
  fs::create_hard_link(store_->path_of(digest).value(), link);
  fs::permissions(link, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(link) << "Original";  // the same size
  EXPECT_FALSE(store_->contains(digest));
  EXPECT_FALSE(store_->path_of(digest).has_value());
  EXPECT_FALSE(store_->get(digest).has_value());
  EXPECT_EQ(store_->put("original").value(), digest);
  EXPECT_EQ(store_->get(digest).value(), "original");
  EXPECT_EQ(read_file(link).value(), "Original");
}

TEST_F(Blobs, ADamagedExecutableIsMadeAgainFromTheData) {
  const Digest digest = store_->put("tool").value();
  const std::string path = store_->path_of(digest, BlobMode::kExecutable).value();
  fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(path) << "evil";
  EXPECT_EQ(read_file(store_->path_of(digest, BlobMode::kExecutable).value()).value(), "tool");
}

TEST_F(Blobs, AChangedModeAloneIsSetRight) {
  const Digest digest = store_->put("data").value();
  fs::permissions(store_->path_of(digest).value(), fs::perms::owner_all);
  EXPECT_EQ(stat_path(store_->path_of(digest).value())->permissions, 0444U);
}

TEST_F(Blobs, ABlobThatLostItsBytesInACrashIsNotUsed) {
  const Digest digest = store_->put("was here").value();
  const std::string path = store_->path_of(digest).value();
  fs::permissions(path, fs::perms::owner_all);
  fs::resize_file(path, 0);
  const UniqueFd fd = open_at(AT_FDCWD, path, O_WRONLY).value();
  ASSERT_TRUE(BlobStore::finish(fd.get(), digest, BlobMode::kData, path).has_value());
  EXPECT_FALSE(store_->contains(digest));
}

TEST_F(Blobs, OpeningRemovesWhatAKilledProcessLeftHalfWritten) {
  const Digest digest = store_->put("kept").value();
  std::ofstream(root_ / "blobs/new/7") << "hal";
  auto again = BlobStore::open((root_ / "blobs").string());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(half_written(), 0U);
  EXPECT_EQ(again->get(digest).value(), "kept");
}

TEST_F(Blobs, AWriteThatFailsInTheMiddleLeavesNoBlobAndNoHalfFile) {
  const std::string large = write("large", std::string(9'000'000, 'l'));
  std::optional<FullDisk> full(100'000);
  const auto put = store_->put(std::string(200'000, 'a'));
  const auto ingested = store_->ingest(large);
  full.reset();
  EXPECT_EQ(put.error().kind, ErrorKind::kCapacity);
  EXPECT_EQ(ingested.error().kind, ErrorKind::kCapacity);
  EXPECT_FALSE(store_->contains(Digest::of(std::string(200'000, 'a'))));
  EXPECT_EQ(half_written(), 0U);
  EXPECT_TRUE(store_->ingest(large)) << "there is room again";
}

// What the kernel says there is longer than the size that it tells, as if somebody wrote meanwhile.
TEST_F(Blobs, AFileThatIsNotAsLongAsItsSizeSaysIsRefused) {
  const auto ingested = store_->ingest("/proc/self/limits");
  ASSERT_FALSE(ingested.has_value());
  EXPECT_EQ(ingested.error().kind, ErrorKind::kSnapshot);
  EXPECT_THAT(ingested.error().message, testing::HasSubstr("limits: it changed while it was read"));
  EXPECT_EQ(half_written(), 0U);
}

// A writer that is as fast as the reader must not keep it for ever. It may pause by chance.
TEST_F(Blobs, ALargeFileThatGrowsWhileItIsReadIsRefusedAndNotReadForEver) {
  const std::string file = write("growing", std::string(9'000'000, 'g'));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    const UniqueFd fd = open_at(AT_FDCWD, file, O_WRONLY | O_APPEND).value();
    const std::string more(4096, 'm');
    for (int i = 0; !done; i = (i + 1) % 10'000) {
      if (i == 0) (void)!::ftruncate(fd.get(), 9'000'000);
      (void)write_all(fd.get(), more, file);
    }
  });
  Result<BlobStore::Ingested> ingested;
  for (int tries = 0; tries < 100 && ingested; ++tries) ingested = store_->ingest(file);
  done = true;
  writer.join();
  ASSERT_FALSE(ingested.has_value());
  EXPECT_THAT(ingested.error().message,
              testing::HasSubstr("growing: it changed while it was read"));
  EXPECT_TRUE(store_->ingest(file)) << "its writer is done";
  EXPECT_EQ(half_written(), 0U);
}

}  // namespace
}  // namespace leanto

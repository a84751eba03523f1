#include "provider/node_binary.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "os/files.h"
#include "os/process.h"
#include "os/temporary_directory.h"
#include "provider/loadable_part.h"

namespace leanto {
namespace {

namespace fs = std::filesystem;

TEST(LoadablePart, RunsAsTheWholeDoesAndStaysWhatItIs) {
  TemporaryDirectory directory;
  const std::string whole = *read_file("/bin/echo");
  const std::string part = loadable_part(whole);
  EXPECT_LT(part.size(), whole.size());
  EXPECT_EQ(loadable_part(part), part);
  const fs::path path = directory / "echo";
  ASSERT_TRUE(write_file_atomically(path.string(), part, 0700));
  const Result<Child> child = spawn({.arguments = {path.string(), "hello"}});
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_EQ(wait_until_exit(child->pid)->code, 0);
}

TEST(LoadablePart, WhatIsNoProgramStaysAsItIs) {
  EXPECT_EQ(loadable_part(""), "");
  EXPECT_EQ(loadable_part("#!/bin/sh\n"), "#!/bin/sh\n");
  const std::string whole = *read_file("/bin/echo");
  EXPECT_EQ(loadable_part(whole.substr(0, 100)), whole.substr(0, 100));
  EXPECT_EQ(loadable_part(whole.substr(0, 5000)), whole.substr(0, 5000));
}

class NodeBinaryTest : public testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(program_) << text; }
  NodeBinary find() { return find_node_binary(program_, cache_).value(); }

  TemporaryDirectory directory_;
  fs::path program_ = directory_ / "program";
  fs::path cache_ = directory_ / "cache";
};

TEST_F(NodeBinaryTest, ItsDigestIsTakenOnceForEachProgram) {
  write("one");
  EXPECT_EQ(find().digest, Digest::of("one"));
  // The record is believed: without a change of the program nothing is hashed.
  const std::string record = (cache_ / "program.json").string();
  std::string text = *read_file(record);
  const std::string hex = Digest::of("one").hex();
  text.replace(text.find(hex), hex.size(), Digest::of("believed").hex());
  ASSERT_TRUE(write_file_atomically(record, text));
  EXPECT_EQ(find().digest, Digest::of("believed"));
  write("the second");
  EXPECT_EQ(find().digest, Digest::of("the second"));
}

TEST_F(NodeBinaryTest, ARecordThatMakesNoSenseIsMadeAnew) {
  write("one");
  (void)find();
  for (const char* record : {"", "{", "[]", "{\"program\": 1}"}) {
    ASSERT_TRUE(write_file_atomically((cache_ / "program.json").string(), record));
    EXPECT_EQ(find().digest, Digest::of("one")) << record;
  }
}

TEST_F(NodeBinaryTest, ItIsPackedOnceAndUnpacksToItself) {
  write(std::string(100'000, 'x'));
  const NodeBinary binary = find();
  const PackedBinary packed = pack(binary).value();
  EXPECT_LT(packed.bytes.size(), 10'000u);
  EXPECT_EQ(packed.digest, Digest::of(packed.bytes));
  std::string unpacked(binary.size, '\0');
  uLongf size = unpacked.size();
  ASSERT_EQ(::uncompress(reinterpret_cast<Bytef*>(unpacked.data()), &size,
                         reinterpret_cast<const Bytef*>(packed.bytes.data()), packed.bytes.size()),
            Z_OK);
  EXPECT_EQ(Digest::of(unpacked), binary.digest);
  fs::remove(program_);
  EXPECT_EQ(pack(binary)->bytes, packed.bytes);
}

TEST_F(NodeBinaryTest, OnlyTheLastPackedOneIsKept) {
  write("one");
  const NodeBinary first = find();
  ASSERT_TRUE(pack(first));
  write("the second");
  ASSERT_TRUE(pack(find()));
  EXPECT_FALSE(pack(first)) << "its program is another one by now";
}

}  // namespace
}  // namespace leanto

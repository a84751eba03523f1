#include "node/interpreters.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "os/temporary_directory.h"

namespace leanto::node {
namespace {

class InterpretersTest : public testing::Test {
 protected:
  std::string place(const std::string& directory, const std::string& name) {
    const auto parent = directory_.path() / directory;
    std::filesystem::create_directories(parent);
    const std::string path = (parent / name).string();
    std::ofstream(path) << "#!/bin/sh\n";
    ::chmod(path.c_str(), 0755);
    return path;
  }
  Interpreters interpreters() {
    return Interpreters(
        {(directory_.path() / "first").string(), (directory_.path() / "second").string()});
  }

  TemporaryDirectory directory_;
};

TEST_F(InterpretersTest, APathStaysAsItIs) {
  std::string python = "/opt/own/python";
  EXPECT_TRUE(interpreters().find(python));
  EXPECT_EQ(python, "/opt/own/python");
}

TEST_F(InterpretersTest, TheVersionCountsMoreThanTheOrderOfDirectories) {
  place("first", "python3");
  const std::string right = place("second", "python3.11");
  std::string python = "3.11";
  ASSERT_TRUE(interpreters().find(python));
  EXPECT_EQ(python, right);
}

TEST_F(InterpretersTest, AnotherVersionIsBetterThanNone) {
  const std::string only = place("second", "python3");
  std::string python = "3.13";
  ASSERT_TRUE(interpreters().find(python));
  EXPECT_EQ(python, only);
}

TEST_F(InterpretersTest, WithoutAnyItSaysWhatToDo) {
  std::string python = "3.11";
  const Status found = interpreters().find(python);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kImage);
}

TEST_F(InterpretersTest, OneThatWasRemovedIsLookedForAgain) {
  Interpreters found = interpreters();
  const std::string first = place("first", "python3.11");
  const std::string second = place("second", "python3.11");
  std::string python = "3.11";
  ASSERT_TRUE(found.find(python));
  std::filesystem::remove(first);
  python = "3.11";
  ASSERT_TRUE(found.find(python));
  EXPECT_EQ(python, second);
}

TEST_F(InterpretersTest, WhatIsNeitherIsRefused) {
  for (std::string python : {"", "python3", "../python", "3.11; rm -r", "x"}) {
    const Status found = interpreters().find(python);
    ASSERT_FALSE(found) << python;
    EXPECT_EQ(found.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace leanto::node

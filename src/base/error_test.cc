#include "base/error.h"

#include <gtest/gtest.h>

#include <set>

#include "base/result.h"

namespace leanto {
namespace {

TEST(ErrorTable, HasOneRowPerKindAndNoNameTwice) {
  std::set<std::string_view> names;
  for (const ErrorRow& row : kErrorTable) {
    EXPECT_EQ(error_row(row.kind).name, row.name);
    EXPECT_EQ(find_error_kind(row.name), row.kind);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
  EXPECT_FALSE(find_error_kind("no such kind"));
}

TEST(Fail, FormatsTheMessageAndKeepsTheKind) {
  const Result<int> result = fail(ErrorKind::kNotFound, "no service {}", "embed");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(), (Error{ErrorKind::kNotFound, "no service embed"}));
}

}  // namespace
}  // namespace leanto

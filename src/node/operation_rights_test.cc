#include "node/operation_rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace leanto::node {
namespace {

const std::filesystem::path kSource = LEANTO_SOURCE_DIR;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The operations of every table in the node's sources: {"name", &SomeOperations::member}.
std::set<std::string> operations_in_sources() {
  const std::regex row(R"re(\{"(\w+)",\s*&\w*Operations::\w+\})re");
  std::set<std::string> found;
  for (const auto& file : std::filesystem::directory_iterator(kSource / "src/node")) {
    const std::string name = file.path().filename();
    if (file.path().extension() != ".cc" || name.ends_with("_test.cc")) continue;
    const std::string text = read(file.path());
    for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at)
      found.insert((*at)[1]);
  }
  return found;
}

TEST(OperationRights, AreThereForEveryOperation) {
  const std::set<std::string> operations = operations_in_sources();
  EXPECT_GT(operations.size(), 40u);  // it does find them
  std::set<std::string_view> known;
  for (const OperationRight& row : operation_rights()) {
    EXPECT_TRUE(known.insert(row.operation).second) << row.operation << " is there twice";
  }
  for (const std::string& operation : operations) {
    EXPECT_TRUE(known.contains(operation))
        << "say in operation_rights.cc and docs/wire.md which right '" << operation << "' needs";
  }
}

TEST(OperationRights, AreThoseOfTheManual) {
  const std::string manual = read(kSource / "docs/wire.md");
  const std::regex row(R"re(\n\| `(call|deploy|debug|admin)` \| ((?:`\w+`(?:, )?)+) \|)re");
  const std::regex name(R"re(`(\w+)`)re");
  std::map<std::string, std::string, std::less<>> said;
  for (std::sregex_iterator at(manual.begin(), manual.end(), row), end; at != end; ++at) {
    const std::string names = (*at)[2];
    for (std::sregex_iterator each(names.begin(), names.end(), name); each != end; ++each)
      said[(*each)[1]] = (*at)[1];
  }
  std::map<std::string, std::string, std::less<>> known;
  for (const OperationRight& each : operation_rights())
    known.emplace(each.operation, right_name(each.right));
  EXPECT_EQ(said, known);
}

TEST(OperationRights, OfWhatIsNotKnownAreThoseOfTheOwner) {
  EXPECT_EQ(right_for("nothing"), Right::kAdmin);
  EXPECT_EQ(right_for(""), Right::kAdmin);
  EXPECT_EQ(right_for("lookup"), Right::kCall);
}

}  // namespace
}  // namespace leanto::node

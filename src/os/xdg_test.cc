#include "os/xdg.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "os/temporary_directory.h"

namespace leanto {
namespace {

FindVariable variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

mode_t permissions(const std::filesystem::path& path) {
  struct stat found{};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 0777;
}

TEST(FindDirectories, FollowsTheXdgVariables) {
  const auto directories = find_directories(
      variables({{"XDG_CONFIG_HOME", "/c"}, {"XDG_STATE_HOME", "/s"}, {"XDG_CACHE_HOME", "/k"}}));
  EXPECT_EQ(directories, (Directories{"/c/leanto", "/s/leanto", "/k/leanto"}));
  EXPECT_EQ(directories->socket(), "/s/leanto/node.sock");
  EXPECT_EQ(directories->node_config(), "/c/leanto/node.toml");
}

TEST(FindDirectories, FallsBackToPlacesBelowHome) {
  EXPECT_EQ(find_directories(variables({{"HOME", "/home/ada"}})),
            (Directories{"/home/ada/.config/leanto", "/home/ada/.local/state/leanto",
                         "/home/ada/.cache/leanto"}));
}

TEST(FindDirectories, IgnoresRelativeAndEmptyValues) {
  const auto directories = find_directories(
      variables({{"HOME", "/home/ada"}, {"XDG_CONFIG_HOME", "conf"}, {"XDG_STATE_HOME", ""}}));
  ASSERT_TRUE(directories.has_value());
  EXPECT_EQ(directories->config, "/home/ada/.config/leanto");
  EXPECT_EQ(directories->state, "/home/ada/.local/state/leanto");
}

TEST(FindDirectories, SaysSoWhenHomeIsNeededAndUnset) {
  const auto directories = find_directories(variables({{"XDG_CONFIG_HOME", "/c"}}));
  ASSERT_FALSE(directories.has_value());
  EXPECT_EQ(directories.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(directories.error().message.find("XDG_STATE_HOME"), std::string::npos);
  EXPECT_NE(directories.error().message.find("set HOME"), std::string::npos);
}

TEST(CreatePrivateDirectory, MakesWhatIsMissingForItsOwnerOnly) {
  const TemporaryDirectory home;
  const auto path = home / "a" / "b" / "leanto";
  ASSERT_TRUE(create_private_directory(path).has_value());
  EXPECT_EQ(permissions(path), 0700u);
  EXPECT_EQ(permissions(home / "a"), 0700u);
  EXPECT_TRUE(create_private_directory(path).has_value()) << "a second time";
}

TEST(CreatePrivateDirectory, RefusesOneThatOthersMayWriteIn) {
  const TemporaryDirectory home;
  const auto path = home / "leanto";
  ASSERT_TRUE(std::filesystem::create_directory(path));
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  const auto made = create_private_directory(path);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().kind, ErrorKind::kAccessDenied);
  EXPECT_NE(made.error().message.find("chmod go-w"), std::string::npos);
}

TEST(CreatePrivateDirectory, RefusesAFileInItsPlace) {
  const TemporaryDirectory home;
  std::ofstream(home / "leanto") << "x";
  EXPECT_FALSE(create_private_directory(home / "leanto").has_value());
  EXPECT_FALSE(create_private_directory(home / "leanto" / "below").has_value());
}

TEST(CreateDirectories, MakesAllThree) {
  const TemporaryDirectory home;
  const auto directories = find_directories(variables({{"HOME", home.path().string()}}));
  ASSERT_TRUE(create_directories(*directories).has_value());
  for (const auto& path : {directories->config, directories->state, directories->cache}) {
    EXPECT_TRUE(std::filesystem::is_directory(path));
  }
}

}  // namespace
}  // namespace leanto

#include "store/ignore.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

namespace leanto {
namespace {

namespace fs = std::filesystem;

IgnoreVerdict judge(std::string_view rules, std::string_view path,
                    PathKind kind = PathKind::kFile) {
  return IgnoreRules::parse(rules).judge(path, kind);
}

TEST(IgnoreRules, TheLastMatchingRuleWins) {
  EXPECT_EQ(judge("*.log\n!keep.log\n", "keep.log"), IgnoreVerdict::kIncluded);
  EXPECT_EQ(judge("!keep.log\n*.log\n", "keep.log"), IgnoreVerdict::kIgnored);
  EXPECT_EQ(judge("*.log\n", "main.py"), IgnoreVerdict::kUnspecified);
}

TEST(IgnoreRules, ASlashAnchorsAPatternAndItsAbsenceMakesItAboutNames) {
  EXPECT_EQ(judge("build\n", "a/b/build"), IgnoreVerdict::kIgnored);
  EXPECT_EQ(judge("/build\n", "a/build"), IgnoreVerdict::kUnspecified);
  EXPECT_EQ(judge("a/build\n", "a/build"), IgnoreVerdict::kIgnored);
  EXPECT_EQ(judge("a/build\n", "x/a/build"), IgnoreVerdict::kUnspecified);
}

TEST(IgnoreRules, ATrailingSlashMeansDirectoriesOnly) {
  EXPECT_EQ(judge("data/\n", "data"), IgnoreVerdict::kUnspecified);
  EXPECT_EQ(judge("data/\n", "data", PathKind::kDirectory), IgnoreVerdict::kIgnored);
}

TEST(IgnoreRules, ReadsWindowsLineEndsByteOrderMarksAndEscapedSpaces) {
  EXPECT_EQ(judge("\xEF\xBB\xBF"
                  "a.txt\r\nb\\ \r\n",
                  "a.txt"),
            IgnoreVerdict::kIgnored);
  EXPECT_EQ(judge("b\\ \n", "b "), IgnoreVerdict::kIgnored);
  EXPECT_EQ(judge("b  \n", "b"), IgnoreVerdict::kIgnored);
}

TEST(IgnoreRules, APatternOfManyStarsTakesNoMoreThanItsSizeTimesTheTexts) {
  std::string pattern = "x/";
  for (int i = 0; i < 60; ++i) pattern += "*a";
  EXPECT_EQ(judge(pattern + "b", "x/" + std::string(4000, 'a')), IgnoreVerdict::kUnspecified);
}

TEST(IgnoreScope, RulesOfADeeperDirectoryWin) {
  const auto root = IgnoreScope::enter(nullptr, "", IgnoreRules::parse("*.csv\n"));
  const auto below = IgnoreScope::enter(root, "a/b", IgnoreRules::parse("!small.csv\n"));
  EXPECT_TRUE(IgnoreScope::ignores(root, "small.csv", PathKind::kFile));
  EXPECT_FALSE(IgnoreScope::ignores(below, "a/b/small.csv", PathKind::kFile));
  EXPECT_TRUE(IgnoreScope::ignores(below, "a/b/big.csv", PathKind::kFile));
  EXPECT_EQ(IgnoreScope::enter(below, "a/b/c", IgnoreRules()), below);
}

TEST(IgnoreScope, RulesFromAboveTheRootSeeThePathFromThere) {
  const auto scope =
      IgnoreScope::from_above(nullptr, "services/api", IgnoreRules::parse("/services/api/data/\n"));
  EXPECT_TRUE(IgnoreScope::ignores(scope, "data", PathKind::kDirectory));
  EXPECT_FALSE(IgnoreScope::ignores(scope, "src/data", PathKind::kDirectory));
}

TEST(IgnoreLine, IgnoresExactlyThePathItWasMadeFor) {
  for (const std::string path : {"a b ", "w[e]ird*", "back\\slash", "#hash", "!bang", "plain"}) {
    const IgnoreRules rules = IgnoreRules::parse(ignore_line_for(path, PathKind::kFile));
    EXPECT_EQ(rules.judge(path, PathKind::kFile), IgnoreVerdict::kIgnored) << path;
    EXPECT_EQ(rules.judge("x/" + path, PathKind::kFile), IgnoreVerdict::kUnspecified) << path;
  }
}

// Against the real thing: random trees with random ignore files, judged by `git check-ignore`.
class AgainstGit : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "leanto-ignore-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    ::setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    ::setenv("XDG_CONFIG_HOME", name.c_str(), 1);
    if (std::system(("git init -q " + name + " 2>/dev/null").c_str()) != 0)
      GTEST_SKIP() << "no git";
  }
  void TearDown() override { fs::remove_all(root_); }

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string random_text(std::string_view alphabet, std::size_t most) {
    std::string text;
    for (std::size_t n = 1 + below(most); n > 0; --n) text += alphabet[below(alphabet.size())];
    return text;
  }

  void grow(const std::string& directory, int depth) {
    for (std::size_t n = 2 + below(3); n > 0; --n) {
      const std::string path = directory + random_text("ab-]. ", 3);
      if (path.ends_with(".") || paths_.contains(path)) continue;
      const bool nested = depth > 0 && below(2) == 0;
      paths_[path] = nested ? PathKind::kDirectory : PathKind::kFile;
      if (!nested) {
        std::ofstream(root_ / path) << "";
        continue;
      }
      fs::create_directory(root_ / path);
      grow(path + "/", depth - 1);
    }
    if (below(3) != 0) rules_[directory] = random_rules();
    if (rules_.contains(directory))
      std::ofstream(root_ / directory / ".gitignore") << rules_[directory];
  }

  std::string random_pattern() {
    if (below(8) == 0) return random_text("ab*?[]!^-\\/: #.", 10);  // mostly nonsense
    static constexpr std::string_view kPieces[] = {
        "a",    "b",           "ab",           "*",     "**",   "?",    "/",    "/**/", "**/",
        "[ab]", "[!a]",        "[a-b]",        "[]a]",  "[^-]", "\\a",  "\\ ",  " ",    "-",
        ".",    "[[:alpha:]]", "[[:punct:]b]", "[\\]]", "\\/",  "[:a]", "[a/b]"};
    std::string pattern = below(5) == 0 ? "!" : "";
    if (below(5) == 0) pattern += "/";
    for (std::size_t n = 1 + below(4); n > 0; --n) pattern += kPieces[below(std::size(kPieces))];
    return below(5) == 0 ? pattern + "/" : pattern;
  }

  std::string random_rules() {
    std::string rules;
    for (std::size_t n = 1 + below(5); n > 0; --n)
      rules += random_pattern() + (below(6) == 0 ? " \n" : "\n");
    return rules;
  }

  void walk(const std::string& directory, IgnoreScope::Ptr scope, std::set<std::string>& ignored) {
    const auto found = rules_.find(directory);
    if (found != rules_.end()) {
      scope = IgnoreScope::enter(scope, directory.substr(0, directory.size() - !directory.empty()),
                                 IgnoreRules::parse(found->second));
    }
    for (const auto& [path, kind] : paths_) {
      if (!path.starts_with(directory) || path.find('/', directory.size()) != std::string::npos)
        continue;
      if (IgnoreScope::ignores(scope, path, kind))
        ignore_all_below(path, ignored);
      else if (kind == PathKind::kDirectory)
        walk(path + "/", scope, ignored);
    }
  }

  void ignore_all_below(const std::string& ignored_path, std::set<std::string>& ignored) {
    for (const auto& [path, kind] : paths_) {
      if (path == ignored_path || path.starts_with(ignored_path + "/")) ignored.insert(path);
    }
  }

  std::set<std::string> ask_git() {
    const fs::path list = root_ / ".git" / "paths";
    const fs::path answer = root_ / ".git" / "answer";
    std::ofstream stream(list);
    for (const auto& [path, kind] : paths_) stream << path << '\0';
    stream.close();
    const std::string command = "cd " + root_.string() +
                                " && git check-ignore -z --no-index --stdin <" + list.string() +
                                " >" + answer.string() + " 2>/dev/null";
    const int status = std::system(command.c_str());
    EXPECT_TRUE(WEXITSTATUS(status) <= 1);
    std::set<std::string> ignored;
    std::ifstream in(answer);
    for (std::string path; std::getline(in, path, '\0');) ignored.insert(path);
    return ignored;
  }

  void start_over() {
    for (const auto& entry : fs::directory_iterator(root_)) {
      if (entry.path().filename() != ".git") fs::remove_all(entry.path());
    }
    paths_.clear();
    rules_.clear();
  }

  fs::path root_;
  std::mt19937 random_{20240613};
  std::map<std::string, PathKind> paths_;
  std::map<std::string, std::string> rules_;  // by directory: "" or "a/b/"
};

TEST_F(AgainstGit, RandomTreesAreJudgedAsGitJudgesThem) {
  const char* const wanted = std::getenv("LEANTO_IGNORE_CASES");
  std::size_t ignored = 0;
  std::size_t kept = 0;
  for (int left = wanted != nullptr ? std::atoi(wanted) : 150; left > 0; --left) {
    start_over();
    grow("", 3);
    std::set<std::string> ours;
    walk("", nullptr, ours);
    std::string all_rules;
    for (const auto& [directory, rules] : rules_) all_rules += "in '" + directory + "':\n" + rules;
    ASSERT_EQ(ours, ask_git()) << all_rules;
    ignored += ours.size();
    kept += paths_.size() - ours.size();
  }
  EXPECT_GT(ignored, kept / 10);  // the cases are about something
  EXPECT_GT(kept, ignored / 10);
}

TEST(AlwaysIgnored, IsWhatEditorsAndToolsLeaveBesideTheCode) {
  for (const char* name : {".git", "__pycache__", "a.pyc", ".a.py.swp", "a.py~", ".#a.py"}) {
    EXPECT_TRUE(is_always_ignored(name)) << name;
  }
  for (const char* name : {"a.py", "swp", ".leantoignore", "a~b", "#a"}) {
    EXPECT_FALSE(is_always_ignored(name)) << name;
  }
}

}  // namespace
}  // namespace leanto

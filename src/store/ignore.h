// Which paths of a source tree stay at home: gitignore's rules as a pure matcher, which reads no
// files.
//
// The rules of one directory come from its `.gitignore` and then its `.leantoignore` (same syntax;
// the later rule wins, so a `.leantoignore` can bring back with `!` what `.gitignore` takes out).
// Rules of a deeper directory win over those above. Whoever walks the tree asks on the way down and
// does not enter an ignored directory, so nothing below one can be brought back, as in git.
//
// Some names never travel, whatever the files say: is_always_ignored().
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leanto {

enum class PathKind : std::uint8_t { kFile, kDirectory };  // a symbolic link counts as a file
enum class IgnoreVerdict : std::uint8_t { kUnspecified, kIgnored, kIncluded };

// One line of an ignore file.
class IgnoreRule {
 public:
  // `line` without its line end. Blank lines and comments give a rule that matches nothing.
  static IgnoreRule parse(std::string_view line);

  // `path` is relative to the rule's directory, without slashes at its ends.
  bool matches(std::string_view path, PathKind kind) const;
  bool is_negated() const { return negated_; }
  bool is_void() const { return void_; }

 private:
  enum class Step : std::uint8_t { kByte, kOneOf, kAnyInName, kAnything, kAnyDirectories };
  struct Element {
    Step step = Step::kByte;
    unsigned char byte = 0;
    std::uint32_t set = 0;  // of sets_
  };
  using ByteSet = std::bitset<256>;

  void compile(std::string_view glob);
  std::size_t compile_stars(std::string_view glob, std::size_t at);
  std::size_t compile_set(std::string_view glob, std::size_t at);
  std::size_t compile_class(std::string_view glob, std::size_t at, ByteSet& set);
  void add_byte(char byte);
  void add_set(const ByteSet& set);
  bool element_accepts(const Element& element, unsigned char byte) const;
  bool matches_elements(std::string_view text) const;

  std::string literal_;            // what a match begins with
  std::vector<Element> elements_;  // what follows it
  std::vector<ByteSet> sets_;
  bool negated_ = false;
  bool directories_only_ = false;
  bool name_only_ = false;  // no slash in the pattern: it is about the last component
  bool void_ = false;       // can never match
};

class IgnoreRules {
 public:
  static IgnoreRules parse(std::string_view text);

  void append(IgnoreRules later);  // its rules win over those here
  IgnoreVerdict judge(std::string_view path, PathKind kind) const;
  bool empty() const { return rules_.empty(); }

 private:
  std::vector<IgnoreRule> rules_;
};

// The rules in force in a directory: its own and those above, immutable and shared by the
// directories below that add none.
class IgnoreScope {
 public:
  using Ptr = std::shared_ptr<const IgnoreScope>;  // null: no rules

  // `directory` is relative to the root, "" for the root itself. Without rules: `outer` again.
  static Ptr enter(Ptr outer, std::string_view directory, IgnoreRules rules);

  // Rules of a directory above the root; `root` is the root's path from there, "" for the root
  // itself.
  static Ptr from_above(Ptr outer, std::string root, IgnoreRules rules);

  // `path` is relative to the root and lies below the scope's directory.
  static bool ignores(const Ptr& scope, std::string_view path, PathKind kind);

 private:
  Ptr outer_;
  std::size_t prefix_ = 0;  // how much of a path is the scope's directory and its slash
  std::string above_;       // what leads from the scope's directory to the root, with its slash
  IgnoreRules rules_;
};

// .git, __pycache__, *.pyc and their like: kept by tools, never part of a program.
bool is_always_ignored(std::string_view name);

// The line to add to the root's .leantoignore so that exactly this path is ignored.
std::string ignore_line_for(std::string_view path, PathKind kind);

}  // namespace leanto

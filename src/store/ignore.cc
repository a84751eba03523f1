#include "store/ignore.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace leanto {

namespace {

constexpr std::array<std::string_view, 11> kAlwaysIgnored{
    ".git", ".hg",  ".svn",        "__pycache__",   "node_modules", ".ipynb_checkpoints",
    ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache"};
constexpr std::string_view kSpecial = "*?[\\";

std::string_view without_trailing_spaces(std::string_view line) {
  std::size_t end = 0;  // behind the last byte that counts; an escaped space counts
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == ' ') {
      continue;
    }
    end = std::min(i + 1, line.size());
  }
  return line.substr(0, end);
}

std::string_view last_component(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

IgnoreRule IgnoreRule::parse(std::string_view line) {
  IgnoreRule rule;
  if (!line.empty() && line.front() == '#') line = {};
  line = without_trailing_spaces(line);
  if (!line.empty() && line.front() == '!') {
    rule.negated_ = true;
    line.remove_prefix(1);
  }
  if (!line.empty() && line.back() == '/') {
    rule.directories_only_ = true;
    line.remove_suffix(1);
  }
  rule.name_only_ = line.find('/') == std::string_view::npos;
  if (!line.empty() && line.front() == '/') line.remove_prefix(1);
  rule.void_ = line.empty();
  rule.literal_ = line.substr(0, line.find_first_of(kSpecial));
  rule.compile(line.substr(rule.literal_.size()));
  return rule;
}

bool IgnoreRule::matches(std::string_view path, PathKind kind) const {
  if (void_ || (directories_only_ && kind != PathKind::kDirectory)) return false;
  const std::string_view text = name_only_ ? last_component(path) : path;
  if (!text.starts_with(literal_)) return false;
  return matches_elements(text.substr(literal_.size()));
}

// A set of positions in the pattern moves along the text, so no pattern takes more than
// pattern x text steps.
bool IgnoreRule::matches_elements(std::string_view text) const {
  if (elements_.empty()) return text.empty();
  const std::size_t end = elements_.size();
  std::vector<char> now(end + 1, 0);
  const auto reach = [&](std::vector<char>& set, std::size_t at) {
    for (set[at] = 1; at < end && elements_[at].step >= Step::kAnyInName; ++at) set[at + 1] = 1;
  };
  reach(now, 0);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    std::vector<char> next(end + 1, 0);
    for (std::size_t at = 0; at < end; ++at) {
      if (now[at] == 0 || !element_accepts(elements_[at], byte)) continue;
      const Step step = elements_[at].step;
      if (step < Step::kAnyInName) reach(next, at + 1);
      // Of `**/` only whole directories may be taken: it is left behind a slash, never within a
      // name.
      else if (step == Step::kAnyDirectories && byte != '/')
        next[at] |= 2;
      else
        reach(next, at);
    }
    now = std::move(next);
  }
  return (now[end] & 1) != 0;
}

bool IgnoreRule::element_accepts(const Element& element, unsigned char byte) const {
  switch (element.step) {
    case Step::kByte:
      return element.byte == byte;
    case Step::kOneOf:
      return sets_[element.set].test(byte);
    case Step::kAnyInName:
      return byte != '/';
    case Step::kAnything:
    case Step::kAnyDirectories:
      return true;
  }
  return false;
}

void IgnoreRule::compile(std::string_view glob) {
  for (std::size_t at = 0; at < glob.size() && !void_;) {
    switch (glob[at]) {
      case '*':
        at = compile_stars(glob, at);
        break;
      case '[':
        at = compile_set(glob, at);
        break;
      case '?':
        add_set(ByteSet().set().reset('/'));
        ++at;
        break;
      case '\\':
        if (++at == glob.size())
          void_ = true;  // a lone backslash at the end
        else
          add_byte(glob[at++]);
        break;
      default:
        add_byte(glob[at++]);
    }
  }
}

// `**` spans directories only as a whole component; anywhere else it is a `*`. Git counts what
// follows the literal beginning of a pattern as the start of a component, and so does this.
std::size_t IgnoreRule::compile_stars(std::string_view glob, std::size_t at) {
  const std::size_t end = std::min(glob.find_first_not_of('*', at), glob.size());
  const bool starts = at == 0 || glob[at - 1] == '/';
  const bool slash = end < glob.size() && glob[end] == '/';
  const bool escaped_slash = glob.substr(end, 2) == "\\/";
  if (end - at < 2 || !starts || !(slash || escaped_slash || end == glob.size())) {
    elements_.push_back({.step = Step::kAnyInName});
    return end;
  }
  elements_.push_back({.step = slash ? Step::kAnyDirectories : Step::kAnything});
  return slash ? end + 1 : end;
}

// From `[` to the `]` that closes it. A set never matches a slash.
std::size_t IgnoreRule::compile_set(std::string_view glob, std::size_t at) {
  ++at;
  const bool inverted = at < glob.size() && (glob[at] == '!' || glob[at] == '^');
  if (inverted) ++at;
  ByteSet set;
  int previous = -1;  // what a range may start with
  for (bool first = true; !void_; first = false) {
    if (at >= glob.size()) {
      void_ = true;
      break;
    }
    if (glob[at] == ']' && !first) break;
    if (glob.substr(at, 2) == "[:") {
      const std::size_t behind = compile_class(glob, at, set);
      previous = behind == at ? '[' : -1;
      if (behind == at) set.set('[');
      at = behind == at ? at + 1 : behind;
      continue;
    }
    const bool range =
        glob[at] == '-' && previous > 0 && at + 1 < glob.size() && glob[at + 1] != ']';
    if (range) ++at;
    if (glob[at] == '\\' && ++at >= glob.size()) {
      void_ = true;
      break;
    }
    const int byte = static_cast<unsigned char>(glob[at++]);
    for (int b = range ? previous : byte; b <= byte; ++b) set.set(static_cast<std::size_t>(b));
    previous = range ? -1 : byte;
  }
  if (inverted) set.flip();
  add_set(set.reset('/'));
  return at + 1;
}

// `[:alpha:]` within a set. Returns where it began if it isn't one; an unknown name voids the rule.
std::size_t IgnoreRule::compile_class(std::string_view glob, std::size_t at, ByteSet& set) {
  static constexpr std::array<std::pair<std::string_view, int (*)(int)>, 12> kClasses{{
      {"alnum", std::isalnum},
      {"alpha", std::isalpha},
      {"blank", std::isblank},
      {"cntrl", std::iscntrl},
      {"digit", std::isdigit},
      {"graph", std::isgraph},
      {"lower", std::islower},
      {"print", std::isprint},
      {"punct", std::ispunct},
      {"space", std::isspace},
      {"upper", std::isupper},
      {"xdigit", std::isxdigit},
  }};
  const std::size_t close = glob.find(']', at + 2);
  if (close == std::string_view::npos) {
    void_ = true;
    return at + 1;
  }
  if (close < at + 3 || glob[close - 1] != ':') return at;
  const std::string_view name = glob.substr(at + 2, close - at - 3);
  const auto* const found = std::find_if(kClasses.begin(), kClasses.end(),
                                         [&](const auto& c) { return c.first == name; });
  void_ = found == kClasses.end();
  for (int byte = 0; byte < 128 && !void_; ++byte) {
    if (found->second(byte) != 0) set.set(static_cast<std::size_t>(byte));
  }
  return close + 1;
}

void IgnoreRule::add_byte(char byte) {
  elements_.push_back({.step = Step::kByte, .byte = static_cast<unsigned char>(byte)});
}

void IgnoreRule::add_set(const ByteSet& set) {
  elements_.push_back({.step = Step::kOneOf, .set = static_cast<std::uint32_t>(sets_.size())});
  sets_.push_back(set);
}

IgnoreRules IgnoreRules::parse(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  IgnoreRules rules;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (end < text.size() && line.ends_with('\r')) line.remove_suffix(1);
    IgnoreRule rule = IgnoreRule::parse(line);
    if (!rule.is_void()) rules.rules_.push_back(std::move(rule));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rules;
}

void IgnoreRules::append(IgnoreRules later) {
  std::move(later.rules_.begin(), later.rules_.end(), std::back_inserter(rules_));
}

IgnoreVerdict IgnoreRules::judge(std::string_view path, PathKind kind) const {
  const auto last = std::find_if(rules_.rbegin(), rules_.rend(),
                                 [&](const IgnoreRule& rule) { return rule.matches(path, kind); });
  if (last == rules_.rend()) return IgnoreVerdict::kUnspecified;
  return last->is_negated() ? IgnoreVerdict::kIncluded : IgnoreVerdict::kIgnored;
}

IgnoreScope::Ptr IgnoreScope::enter(Ptr outer, std::string_view directory, IgnoreRules rules) {
  if (rules.empty()) return outer;
  auto scope = std::make_shared<IgnoreScope>();
  scope->outer_ = std::move(outer);
  scope->prefix_ = directory.empty() ? 0 : directory.size() + 1;
  scope->rules_ = std::move(rules);
  return scope;
}

IgnoreScope::Ptr IgnoreScope::from_above(Ptr outer, std::string root, IgnoreRules rules) {
  if (rules.empty()) return outer;
  auto scope = std::make_shared<IgnoreScope>();
  scope->outer_ = std::move(outer);
  scope->above_ = root.empty() ? std::move(root) : std::move(root) + "/";
  scope->rules_ = std::move(rules);
  return scope;
}

bool IgnoreScope::ignores(const Ptr& scope, std::string_view path, PathKind kind) {
  for (const IgnoreScope* at = scope.get(); at != nullptr; at = at->outer_.get()) {
    const IgnoreVerdict verdict = at->above_.empty()
                                      ? at->rules_.judge(path.substr(at->prefix_), kind)
                                      : at->rules_.judge(at->above_ + std::string(path), kind);
    if (verdict != IgnoreVerdict::kUnspecified) return verdict == IgnoreVerdict::kIgnored;
  }
  return false;
}

bool is_always_ignored(std::string_view name) {
  // What editors write beside a file that is open: opening one must not make a new version.
  if (name.ends_with(".swp") || name.ends_with(".swx") || name.ends_with('~') ||
      name.starts_with(".#"))
    return true;
  return name.ends_with(".pyc") ||
         std::find(kAlwaysIgnored.begin(), kAlwaysIgnored.end(), name) != kAlwaysIgnored.end();
}

std::string ignore_line_for(std::string_view path, PathKind kind) {
  std::string line = "/";
  for (const char c : path) {
    if (kSpecial.find(c) != std::string_view::npos) line += '\\';
    line += c;
  }
  if (line.ends_with(' ')) line.insert(line.size() - 1, "\\");
  return kind == PathKind::kDirectory ? line + "/" : line;
}

}  // namespace leanto

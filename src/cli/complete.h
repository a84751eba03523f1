// What could come next on the command line: commands, options, and names that live on the node.
//
// Deciding is here, from the commands themselves, so that a new one is completed without another
// word; asking the node is behind `LiveNames`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace leanto::cli {

struct Candidate {
  std::string text;
  std::string about{};

  friend bool operator==(const Candidate&, const Candidate&) = default;
};
using Candidates = std::vector<Candidate>;

// All empty where no node runs.
class LiveNames {
 public:
  virtual ~LiveNames() = default;
  virtual Candidates services() = 0;
  virtual Candidates objects() = 0;  // those with a name
  virtual Candidates runs() = 0;     // by id, and by key if they have one
  virtual Candidates tokens() = 0;
  // What a service that is a class, or an object, can be asked to do.
  virtual Candidates members(const std::string& name) = 0;
};

// `words`: those after the program's name; the last is the one that is being typed, perhaps empty.
// Only what begins like it, sorted.
Candidates complete(const CLI::App& app, const std::vector<std::string>& words, LiveNames& names);

}  // namespace leanto::cli

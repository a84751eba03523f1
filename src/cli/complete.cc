#include "cli/complete.h"

#include <algorithm>
#include <string_view>

namespace leanto::cli {

namespace {

// How far the words lead: into a command, to its n-th positional argument, to an option's value.
struct Place {
  const CLI::App* command;
  std::vector<std::string> positionals{};
  const CLI::Option* option = nullptr;  // whose value is typed
  bool options_are_over = false;        // after "--"
};

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

const CLI::Option* find_option(const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  const CLI::Option* const option = command.get_option_no_throw(name);
  return option != nullptr && !option->get_positional() ? option : nullptr;
}

std::vector<const CLI::App*> subcommands_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* each) { return !each->get_name().empty(); });
}

const CLI::App* find_subcommand(const CLI::App& command, const std::string& word) {
  for (const CLI::App* each : subcommands_of(command))
    if (each->get_name() == word) return each;
  return nullptr;
}

void step(Place& place, const std::string& word) {
  if (place.option != nullptr) {
    place.option = nullptr;
    return;
  }
  if (!place.options_are_over && word == "--") {
    place.options_are_over = true;
    return;
  }
  if (!place.options_are_over && word.starts_with('-') && word != "-") {
    const CLI::Option* const option = find_option(*place.command, word);
    const bool value_follows =
        option != nullptr && takes_value(*option) && word.find('=') == word.npos;
    place.option = value_follows ? option : nullptr;
    return;
  }
  const CLI::App* const below =
      place.positionals.empty() ? find_subcommand(*place.command, word) : nullptr;
  if (below != nullptr) {
    place = {below};
  } else {
    place.positionals.push_back(word);
  }
}

void append(Candidates& candidates, Candidates more) {
  candidates.insert(candidates.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
}

Candidates commands(const CLI::App& command) {
  Candidates found;
  for (const CLI::App* each : subcommands_of(command))
    found.push_back({each->get_name(), each->get_description()});
  return found;
}

Candidates options(const CLI::App& command) {
  Candidates found;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) continue;
    for (const std::string& name : option->get_lnames())
      found.push_back({"--" + name, option->get_description()});
    if (!option->get_lnames().empty()) continue;
    for (const std::string& name : option->get_snames())
      found.push_back({"-" + name, option->get_description()});
  }
  return found;
}

// The positional argument that comes next, if there is one; the last may take all that follow.
const CLI::Option* next_positional(const Place& place) {
  std::size_t skip = place.positionals.size();
  const CLI::Option* last = nullptr;
  for (const CLI::Option* option : place.command->get_options()) {
    if (!option->get_positional()) continue;
    last = option;
    if (skip-- == 0) return option;
  }
  return last != nullptr && last->get_items_expected_max() > 1 ? last : nullptr;
}

// By the names that commands give to what they take.
Candidates values(const Place& place, const std::string& what, LiveNames& names) {
  Candidates found;
  if (what == "SERVICE" || what == "--service") found = names.services();
  if (what == "KEY") found = names.objects();
  if (what == "RUN") found = names.runs();
  if (what == "ID") found = names.tokens();
  if (what == "SHELL") found = {{"bash"}, {"fish"}, {"zsh"}};
  if (what == "METHOD" && !place.positionals.empty())
    found = names.members(place.positionals.front());
  if (what == "NAME") {
    found = names.services();
    append(found, place.command->get_name() == "logs" ? names.runs() : names.objects());
  }
  return found;
}

Candidates possible(const Place& place, const std::string& typed, LiveNames& names) {
  if (place.option != nullptr) return values(place, place.option->get_name(), names);
  if (!place.options_are_over && typed.starts_with('-')) return options(*place.command);
  Candidates found;
  if (place.positionals.empty()) found = commands(*place.command);
  if (const CLI::Option* const next = next_positional(place))
    append(found, values(place, next->get_name(true), names));
  return found;
}

}  // namespace

Candidates complete(const CLI::App& app, const std::vector<std::string>& words, LiveNames& names) {
  Place place{&app};
  const std::string typed = words.empty() ? "" : words.back();
  for (std::size_t i = 0; i + 1 < words.size(); ++i) step(place, words[i]);
  Candidates found = possible(place, typed, names);
  std::erase_if(found, [&](const Candidate& each) { return !each.text.starts_with(typed); });
  const auto before = [](const Candidate& a, const Candidate& b) { return a.text < b.text; };
  std::stable_sort(found.begin(), found.end(), before);
  const auto same = [](const Candidate& a, const Candidate& b) { return a.text == b.text; };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

}  // namespace leanto::cli

// What is known of a source tree: its directories, the stat and digest of each file that travels,
// and what keeps a file from travelling. Finds out what has changed by looking at stats; reads no
// file but the ignore files. SourceIndex owns one, tells it where to look, and reads the files it
// lists.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "os/files.h"
#include "os/watch.h"
#include "store/ignore.h"
#include "store/source_scan_rules.h"
#include "store/tree.h"

namespace leanto {

struct SourceFile {
  EntryKind kind = EntryKind::kFile;  // never a directory
  FileStat stat;
  Digest digest;  // of the contents when the stat was this, unless the file is still to be read
  std::string target;  // of a symbolic link
};

struct SourceDirectory {
  SourceDirectory* parent = nullptr;
  std::string path;  // from the root, "" for the root itself
  std::string name;
  std::optional<WatchId> watch;
  IgnoreScope::Ptr scope;
  bool environment = false;  // a virtual environment (it has a pyvenv.cfg): does not travel
  std::map<std::string, SourceFile, std::less<>> files;
  std::map<std::string, std::unique_ptr<SourceDirectory>, std::less<>> directories;
  TreePtr tree;  // null if it must be made again; then those of all directories above are null, too
};

class SourceScan {
 public:
  // `root` is absolute and canonical. Stops with kSnapshot once it has seen more than `most` files.
  SourceScan(std::string root, FileWatch& watch, std::uint64_t most);
  ~SourceScan();
  SourceScan(const SourceScan&) = delete;
  SourceScan& operator=(const SourceScan&) = delete;

  // Looks at every entry, also those whose stat has not changed.
  Status look_at_everything();
  // Takes up what the watch has seen since the last time. Only while is_watching().
  Status look_at_changes();
  // Looks at one entry again; `path` is from the root.
  Status look_at(const std::string& path);

  // False once the watches ran out or the file system can't be watched: look at everything, then.
  bool is_watching() const { return watching_; }
  bool rules_are_current() const { return outer_.is_current(); }

  SourceDirectory& root() { return root_; }
  std::string absolute(const std::string& path) const;
  SourceFile* find_file(const std::string& path);
  void forget(const std::string& path);
  // What was read of a file; it is not unread() any more.
  void set_contents(const std::string& path, const Digest& digest, const FileStat& stat);
  // Puts it on the list of files to read although its stat has not changed.
  void read_again(const std::string& path);

  // Paths from the root.
  const std::set<std::string>& unread() const { return unread_; }
  const std::set<std::string>& links() const { return links_; }
  const std::map<std::string, std::string>& problems() const { return problems_; }
  std::uint64_t files() const { return files_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  using Names = std::map<std::string, std::set<std::string>>;  // by directory

  Status scan(SourceDirectory& directory);
  Status scan_items(SourceDirectory& directory, int fd, const std::vector<DirectoryItem>& items);
  Status check(SourceDirectory& directory, int fd, const std::string& name);
  Status check_directory(SourceDirectory& directory, const std::string& name);
  void check_file(SourceDirectory& directory, const std::string& name, const FileStat& stat);
  void check_link(SourceDirectory& directory, int fd, const std::string& name,
                  const FileStat& stat);
  void set_file(SourceDirectory& directory, const std::string& name, SourceFile file);
  bool watch(SourceDirectory& directory);
  void stop_watching();
  void collect(const WatchEvents& events, std::set<std::string>& whole, Names& single) const;

  SourceDirectory* find_directory(const std::string& path);
  void forget_entry(SourceDirectory& directory, const std::string& name);
  void forget_file(SourceDirectory& directory, const std::string& name);
  void forget_everything_in(SourceDirectory& directory);
  static void outdate(SourceDirectory& directory);
  std::string relative_target(const SourceDirectory& directory, std::string target) const;

  std::string root_path_;
  FileWatch& watch_;
  std::uint64_t most_;
  bool watching_ = true;
  OuterRules outer_;
  SourceDirectory root_;
  std::map<WatchId, SourceDirectory*> watched_;
  std::set<std::string> unread_;
  std::set<std::string> links_;
  std::map<std::string, std::string> problems_;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace leanto

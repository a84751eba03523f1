// A thin layer over SQLite: a database that closes itself, statements that are bound and stepped.
// No mapping of objects. One thread at a time may use a database and what came from it; every call
// may block on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace leanto {

// Bytes for a parameter, where a plain text would be one of SQLite's texts.
struct Blob {
  std::string_view bytes;
};

// A prepared statement, also while it walks through its rows. Must not outlive its database.
//
//   auto find = database.prepare("SELECT spec FROM clusters WHERE name = ?");
//   find->bind(name);
//   while (*find->step()) use(find->text(0));
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  // Gives the next parameter, from the left, its value. Text is copied. A mistake shows in `step`.
  Statement& bind(std::string_view text);
  Statement& bind(const std::string& text) { return bind(std::string_view(text)); }
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(Blob blob);
  Statement& bind(std::int64_t number);
  Statement& bind(std::nullptr_t);
  template <typename T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind(nullptr);
  }

  // True: there is a row, which the getters read until the next step. False: done.
  Result<bool> step();

  // Columns count from 0. Reading one of another type converts as SQLite does.
  std::string text(int column) const;  // also the bytes of a blob
  std::int64_t integer(int column) const;
  std::optional<std::string> find_text(int column) const;  // absent: NULL
  std::optional<std::int64_t> find_integer(int column) const;

 private:
  friend class Database;
  // Ends the statement, or has it wait for its next use.
  struct Release {
    bool* in_use = nullptr;
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, const std::string* path, bool* in_use = nullptr)
      : statement_(statement, Release{in_use}), path_(path) {}

  std::unique_ptr<sqlite3_stmt, Release> statement_;
  const std::string* path_;  // the database's, for messages
  int bound_ = 0;
  int bind_error_ = 0;
};

class Database {
 public:
  // Makes the file (readable by its owner only, as its directory should be) if it is not there.
  // What is in a damaged file shows when it's first read: then kInternal, with the way out.
  static Result<Database> open(const std::filesystem::path& path);

  Database(Database&&) noexcept = default;
  Database& operator=(Database&&) noexcept = default;

  Result<Statement> prepare(std::string_view sql);
  // The same, from what was prepared with the same text before: for texts that are few.
  Result<Statement> prepare_again(std::string_view sql);

  // One or more statements without parameters; rows are ignored.
  Status run(const std::string& sql);

  // How many rows the last INSERT, UPDATE or DELETE changed.
  std::int64_t changes() const;

  // Closing shall not move anything from the log into the file, which stays as it is.
  void leave_untouched();

  const std::string& path() const { return *path_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  Database(sqlite3* database, std::string path)
      : path_(std::make_unique<const std::string>(std::move(path))), database_(database) {}

  std::unique_ptr<const std::string> path_;  // statements keep its address
  struct Kept {
    sqlite3_stmt* statement = nullptr;
    bool in_use = false;
  };
  struct KeptStatements {
    ~KeptStatements();
    std::map<std::string, Kept, std::less<>> by_text;
  };

  Result<sqlite3_stmt*> compile(std::string_view sql);

  std::unique_ptr<sqlite3, Close> database_;
  std::unique_ptr<KeptStatements> kept_ = std::make_unique<KeptStatements>();
};

// Everything until `commit` happens or nothing does: without it, the end of its scope takes it all
// back.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);  // for writing, from the start
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace leanto

#include "store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "os/files.h"
#include "os/no_room.h"
#include "os/unique_fd.h"

namespace leanto {
namespace {

constexpr int kBusyMilliseconds = 5000;

// Of `code`, or of what `database` said last, where that says more.
Failure failure(int code, sqlite3* database, std::string_view attempted, const std::string& path) {
  int system_error = errno;
  const char* const said = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  if (database != nullptr && sqlite3_system_errno(database) != 0) {
    system_error = sqlite3_system_errno(database);  // SQLite doesn't know it where a COMMIT failed
  }
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(
          ErrorKind::kInternal,
          "{} in {}: the database is damaged ({}). Stop the daemon, move the file away with those "
          "beside it (mkdir damaged && mv {}* damaged/) and start again with an empty one",
          attempted, path, said, path);
    case SQLITE_FULL:
      return file_failure(ENOSPC, "write to the database", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorKind::kTimeout,
                  "use the database {}: another process holds it; try again when that is done, or "
                  "look for it with `fuser {}`",
                  path, path);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return fail(ErrorKind::kAccessDenied,
                  "use the database {}: {}; check who owns the file and its directory", path, said);
    case SQLITE_IOERR:
      if (is_no_room(system_error))
        return file_failure(system_error, "write to the database", path);
      return fail(ErrorKind::kInternal, "{} in {}: {} ({})", attempted, path, said,
                  std::generic_category().message(system_error));
    case SQLITE_CONSTRAINT:
      return fail(ErrorKind::kAlreadyExists, "{} in {}: {}", attempted, path, said);
    default:
      return fail(ErrorKind::kInternal, "{} in {}: {}", attempted, path, said);
  }
}

// SQLite would make it by the umask; its log files take over the mode of the file.
Status make_private_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd) return {};
  return file_failure(errno, "open the database", path);
}

}  // namespace

void Statement::Release::operator()(sqlite3_stmt* statement) const {
  if (in_use == nullptr) {
    (void)sqlite3_finalize(statement);
    return;
  }
  (void)sqlite3_reset(statement);
  (void)sqlite3_clear_bindings(statement);
  *in_use = false;
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL, and that is what an empty view may have.
  const char* const data = text.data() == nullptr ? "" : text.data();
  const int code = sqlite3_bind_text64(statement_.get(), ++bound_, data, text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(Blob blob) {
  const char* const data = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  const int code =
      sqlite3_bind_blob64(statement_.get(), ++bound_, data, blob.bytes.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  const int code = sqlite3_bind_int64(statement_.get(), ++bound_, number);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(std::nullptr_t) {
  const int code = sqlite3_bind_null(statement_.get(), ++bound_);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Result<bool> Statement::step() {
  const int code = bind_error_ != SQLITE_OK ? bind_error_ : sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(code, sqlite3_db_handle(statement_.get()), sqlite3_sql(statement_.get()), *path_);
}

std::string Statement::text(int column) const { return find_text(column).value_or(""); }

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<std::string> Statement::find_text(int column) const {
  const auto* const text =
      reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return std::nullopt;
  return std::string(text,
                     static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

std::optional<std::int64_t> Statement::find_integer(int column) const {
  const bool is_null = sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
  return is_null ? std::nullopt : std::optional(integer(column));
}

void Database::Close::operator()(sqlite3* database) const { (void)sqlite3_close_v2(database); }

Result<Database> Database::open(const std::filesystem::path& path) {
  if (const auto made = make_private_file(path.string()); !made) return Failure(made.error());
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle,
                    path.string());  // SQLite wants a handle closed that failed to open, too
  if (code != SQLITE_OK) return failure(code, handle, "open the database", path.string());
  (void)sqlite3_extended_result_codes(handle, 1);
  (void)sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return database;
}

Result<sqlite3_stmt*> Database::compile(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return failure(code, database_.get(), sql, *path_);
  return statement;
}

Result<Statement> Database::prepare(std::string_view sql) {
  const Result<sqlite3_stmt*> statement = compile(sql);
  if (!statement) return Failure(statement.error());
  return Statement(*statement, path_.get());
}

Result<Statement> Database::prepare_again(std::string_view sql) {
  auto known = kept_->by_text.find(sql);
  if (known == kept_->by_text.end()) {
    const Result<sqlite3_stmt*> statement = compile(sql);
    if (!statement) return Failure(statement.error());
    known = kept_->by_text.emplace(sql, Kept{*statement, false}).first;
  }
  if (known->second.in_use) return prepare(sql);
  known->second.in_use = true;
  return Statement(known->second.statement, path_.get(), &known->second.in_use);
}

Database::KeptStatements::~KeptStatements() {
  for (const auto& [text, kept] : by_text) (void)sqlite3_finalize(kept.statement);
}

Status Database::run(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code, database_.get(), sql.substr(0, 200), *path_);
  return {};
}

std::int64_t Database::changes() const { return sqlite3_changes64(database_.get()); }

void Database::leave_untouched() {
  (void)sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Result<Transaction> Transaction::begin(Database& database) {
  if (const auto begun = database.run("BEGIN IMMEDIATE"); !begun) return Failure(begun.error());
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) (void)database_->run("ROLLBACK");
}

Status Transaction::commit() {
  auto committed = database_->run("COMMIT");
  if (committed) database_ = nullptr;
  return committed;
}

}  // namespace leanto

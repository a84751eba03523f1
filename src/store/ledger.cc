#include "store/ledger.h"

#include "base/embedded.h"
#include "store/migrations.h"
#include "store/query.h"

namespace leanto {
namespace {

ServiceRecord read_service(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), row.integer(4)};
}

NameRecord read_name(const Statement& row) { return {row.text(0), row.text(1), row.integer(2)}; }

ClusterRecord read_cluster(const Statement& row) {
  return {row.text(0), row.text(1), row.integer(2)};
}

Status found(const Result<std::int64_t>& changed, std::string_view what, std::string_view name) {
  if (!changed) return Failure(changed.error());
  if (*changed == 0) return fail(ErrorKind::kNotFound, "there is no {} {}", what, name);
  return {};
}

}  // namespace

// A newer program's file is refused before any change; and the journal mode comes before the
// schema, which is five times quicker that way round.
Result<Ledger> Ledger::open(const std::filesystem::path& path) {
  auto database = Database::open(path);
  if (!database) return Failure(database.error());
  const auto migrations = embedded::sql_migrations();
  if (auto known = refuse_newer(*database, migrations); !known) return Failure(known.error());
  const auto mode = database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  if (!mode) return Failure(mode.error());
  if (auto done = migrate(*database, migrations); !done) return Failure(done.error());
  return Ledger(*std::move(database));
}

Status Ledger::put_service(const ServiceRecord& service) {
  return execute(database_,
                 "INSERT OR REPLACE INTO services (version, name, project, spec, created_at) "
                 "VALUES (?, ?, ?, ?, ?)",
                 service.version, service.name, service.project, service.spec, service.created_at);
}

Result<std::optional<ServiceRecord>> Ledger::find_service(std::string_view version) {
  return first_row(database_, read_service,
                   "SELECT version, name, project, spec, created_at FROM services "
                   "WHERE version = ?",
                   version);
}

Result<std::vector<ServiceRecord>> Ledger::services() {
  return all_rows(database_, read_service,
                  "SELECT version, name, project, spec, created_at FROM services "
                  "ORDER BY created_at DESC, version");
}

Status Ledger::remove_service(std::string_view version) {
  return execute(database_, "DELETE FROM services WHERE version = ?", version);
}

Status Ledger::set_name(const NameRecord& name) {
  return execute(database_,
                 "INSERT OR REPLACE INTO names (name, version, saved_at) VALUES (?, ?, ?)",
                 name.name, name.version, name.saved_at);
}

Result<std::optional<NameRecord>> Ledger::find_name(std::string_view name) {
  return first_row(database_, read_name, "SELECT name, version, saved_at FROM names WHERE name = ?",
                   name);
}

Result<std::vector<NameRecord>> Ledger::names() {
  return all_rows(database_, read_name, "SELECT name, version, saved_at FROM names ORDER BY name");
}

Status Ledger::remove_name(std::string_view name) {
  return found(change(database_, "DELETE FROM names WHERE name = ?", name), "service named", name);
}

Status Ledger::put_cluster(const ClusterRecord& cluster) {
  const auto known = find_cluster(cluster.name);
  if (!known) return Failure(known.error());
  if (!known->has_value()) {
    return execute(database_, "INSERT INTO clusters (name, spec, created_at) VALUES (?, ?, ?)",
                   cluster.name, cluster.spec, cluster.created_at);
  }
  if ((*known)->spec == cluster.spec) return {};
  return fail(
      ErrorKind::kAlreadyExists,
      "the cluster {} is there already with other words: it is {}, asked was {}. Use another name, "
      "or remove it first",
      cluster.name, (*known)->spec, cluster.spec);
}

Result<std::optional<ClusterRecord>> Ledger::find_cluster(std::string_view name) {
  return first_row(database_, read_cluster,
                   "SELECT name, spec, created_at FROM clusters WHERE name = ?", name);
}

Result<std::vector<ClusterRecord>> Ledger::clusters() {
  return all_rows(database_, read_cluster,
                  "SELECT name, spec, created_at FROM clusters ORDER BY name");
}

Status Ledger::remove_cluster(std::string_view name) {
  return found(change(database_, "DELETE FROM clusters WHERE name = ?", name), "cluster", name);
}

}  // namespace leanto

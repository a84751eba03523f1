#include "node/registry.h"

#include "base/nearest.h"

namespace leanto::node {

std::int64_t Registry::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
      .count();
}

Status Registry::restore(Ledger& ledger) {
  const Result<std::vector<ServiceRecord>> services = ledger.services();
  if (!services) return Failure(services.error());
  for (const ServiceRecord& record : *services) {
    const wire::Json json = wire::Json::parse(record.spec, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    if (Result<ServiceSpec> spec = service_from_json(json)) {
      versions_[record.version] = std::make_shared<const ServiceSpec>(*std::move(spec));
    }
  }
  const Result<std::vector<NameRecord>> names = ledger.names();
  if (!names) return Failure(names.error());
  for (const NameRecord& name : *names) names_[name.name] = {name.version, name.saved_at};
  return {};
}

net::Task<Status> Registry::add(ServicePtr service, Naming naming) {
  const std::int64_t at = now();
  ServiceRecord record{service->version, service->name, service->project,
                       to_json(*service).dump(-1, ' ', false, wire::Json::error_handler_t::replace),
                       at};
  auto write = [record = std::move(record), naming](Ledger& ledger) -> Status {
    const Status put = ledger.put_service(record);
    if (!put || naming == Naming::kNone) return put;
    return ledger.set_name({record.name, record.version, record.created_at});
  };
  const Status written = co_await ledger_.with(std::move(write));
  if (!written) co_return written;
  if (naming == Naming::kNewest) names_[service->name] = {service->version, at};
  versions_[service->version] = std::move(service);
  co_return Status{};
}

net::Task<Status> Registry::save(std::string name, std::string version) {
  if (!versions_.contains(version)) {
    co_return fail(ErrorKind::kNotFound,
                   "there is no version {} here to be saved as '{}'; deploy it again", version,
                   name);
  }
  const std::int64_t at = now();
  NameRecord record{name, version, at};
  auto write = [record = std::move(record)](Ledger& ledger) { return ledger.set_name(record); };
  const Status written = co_await ledger_.with(std::move(write));
  if (written) names_[std::move(name)] = {std::move(version), at};
  co_return written;
}

ServicePtr Registry::find_version(const std::string& version) const {
  const auto found = versions_.find(version);
  return found == versions_.end() ? nullptr : found->second;
}

Result<ServicePtr> Registry::get_named(const std::string& name) const {
  if (const auto found = names_.find(name); found != names_.end()) {
    if (ServicePtr service = find_version(found->second.version)) return service;
  }
  std::vector<std::string> all;
  for (const auto& [other, version] : names_) all.push_back(other);
  return fail(ErrorKind::kNotFound, "no service is named '{}' here{} (`leanto ls` lists them)",
              name, did_you_mean(name, all));
}

std::vector<Registry::Row> Registry::rows() const {
  std::vector<Row> rows;
  for (const auto& [name, entry] : names_) {
    if (ServicePtr service = find_version(entry.version))
      rows.push_back({name, std::move(service), entry.at});
  }
  return rows;
}

}  // namespace leanto::node

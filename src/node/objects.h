// Objects: values kept on this node under a name, and live instances of classes, each in a process
// of its own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "node/calls.h"
#include "node/launcher.h"
#include "node/ledger_access.h"
#include "node/stored_value.h"

namespace leanto::node {

struct LiveObject {
  std::string id;
  std::string name;  // empty: it ends with the session that made it
  std::string session;
  std::string class_name;
  wire::Json describe;
  TargetPtr target;
  std::int64_t made_at = 0;  // milliseconds since 1970
};
using LiveObjectPtr = std::shared_ptr<LiveObject>;

// A value that was put.
struct NamedValue {
  StoredValue value;
  std::string type;         // its class, as who put it says; empty: not known
  std::int64_t put_at = 0;  // milliseconds since 1970
};

class Objects {
 public:
  struct Parts {
    net::Loop& loop;
    Calls& calls;
    Launcher& launcher;
    LedgerAccess& ledger;
    const Clock& clock;
  };
  explicit Objects(Parts parts) : parts_(parts) {}

  // How named objects of an earlier daemon's life ended, so that callers can be told.
  Status restore(Ledger& ledger);

  // Runs a call of How::kNew: makes the instance and answers the caller. `body` holds the
  // arguments.
  net::Task<> create(ServicePtr service, wire::CallHead head, std::unique_ptr<Call> call,
                     std::string session);

  // One that lived on in its worker when an earlier daemon was killed; it has its name again, if
  // that is free.
  LiveObjectPtr revive(const std::string& id, ServicePtr service, const wire::Json& said);

  Result<TargetPtr> get_target(const std::string& id) const;
  LiveObjectPtr find_live(const std::string& name) const;
  const StoredValue* find_value(const std::string& name) const;
  // kNotFound; says how it ended when it was here.
  Error not_found(const std::string& name) const;

  Status put(const std::string& name, StoredValue value, std::string type);
  Status remove(const std::string& name);
  Status rename(const std::string& from, const std::string& to);
  // The last handle of an unnamed one is gone; only the session that made it may say so.
  void release(const std::string& id, const std::string& session);
  void end_session(const std::string& session);
  void on_ended(const std::string& id, const Error& reason);

  // The object's code was swapped: what it offers now, and the version that it's of.
  void renew(const LiveObjectPtr& object, ServicePtr service, const wire::Json& said);

  std::vector<std::string> names() const;
  const std::unordered_map<std::string, LiveObjectPtr>& live() const { return live_; }
  const std::map<std::string, NamedValue>& values() const { return values_; }

 private:
  bool is_taken(const std::string& name) const;
  net::Task<bool> claim_name(const wire::CallHead& head, Call& call);
  net::Task<Result<std::shared_ptr<Worker>>> take_worker(ServicePtr service, std::string session,
                                                         std::optional<std::uint32_t> max_queue);
  void on_made(const LiveObjectPtr& object, const std::shared_ptr<Call>& asked,
               wire::FrameType type, std::string_view head, wire::Body body);
  void end(LiveObjectPtr object, const std::string& reason);
  void record(const LiveObject& object);
  std::int64_t now() const;

  Parts parts_;
  std::unordered_map<std::string, LiveObjectPtr> live_;  // by id
  std::map<std::string, std::string> names_;             // name → id of a live one
  std::map<std::string, NamedValue> values_;
  std::map<std::string, std::shared_ptr<net::Event>> being_made_;  // names
  std::map<std::string, std::string> former_names_;                // id → name, of an earlier life
  std::map<std::string, std::string> ended_;                       // id or name → why
};

}  // namespace leanto::node

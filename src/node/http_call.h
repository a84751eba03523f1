// A call that came over HTTP: where its frames go, and what response they become.
//
// As JSON: the value, or a generator's items as one array, or the error, with the status that fits.
// As events (text/event-stream): `log`, `item`, and at the end `result`, `end` or `error`, each
// with an id that counts up; the status is 200 once the call is under way.
//
// A peer that goes away doesn't end the call, but ends a stream: the same as over frames.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "net/event.h"
#include "node/calls.h"
#include "node/http_problem.h"

namespace leanto::node {

class HttpCall final : public ReplyPort,
                       public net::HttpStream,
                       public std::enable_shared_from_this<HttpCall> {
 public:
  enum class Form { kJson, kEvents };

  // `object` is the name under which a result that is the live object itself is said, `party` who
  // asks.
  HttpCall(net::Loop& loop, Calls& calls, Form form, std::string object = {},
           std::string party = "http")
      : loop_(loop),
        calls_(calls),
        form_(form),
        object_(std::move(object)),
        party_(std::move(party)) {}

  // Makes the call and returns the response: as JSON when it has ended, as events at once.
  net::Task<net::HttpResponse> run(TargetPtr target, wire::CallHead head, std::string body,
                                   std::shared_ptr<net::HttpPeer> peer);

  // Keeps something for as long as the call is of interest.
  void hold(std::shared_ptr<void> held) { held_ = std::move(held); }
  // Ends it with an error, whatever it's doing.
  void end(const Error& why);

  void reply(wire::FrameType type, std::uint32_t stream, std::string_view head,
             wire::Body body) override;
  void started(std::uint32_t, std::uint32_t number) override { number_ = number; }
  void ended(std::uint32_t) override {}
  const std::string& party() const override { return party_; }

  net::Task<std::string> next() override;  // of the events

 private:
  void on_item(std::string_view json);
  void on_result(const wire::Json& head, std::string_view json);
  void on_error(const wire::Json& head);
  void on_log(const wire::Json& head, std::string_view text);
  void add_event(std::string_view name, std::string_view json);
  void grant();
  void leave();
  void wake();

  net::Loop& loop_;
  Calls& calls_;
  const Form form_;
  const std::string object_;
  const std::string party_;
  std::shared_ptr<void> held_;
  std::uint32_t number_ = 0;
  bool under_way_ = false;  // the response has begun: what comes is an event
  bool streams_ = false;    // items have come
  bool gone_ = false;
  bool ended_early_ = false;
  int queued_items_ = 0;  // among `events_`
  int taken_ = 0;         // items that were handed on and that no credit has been given for
  std::optional<net::HttpResponse> outcome_;
  std::string items_;  // "[1,2": of Form::kJson
  bool too_large_ = false;

  std::deque<std::string> events_;
  std::size_t waiting_bytes_ = 0;
  std::size_t dropped_log_ = 0;
  std::uint64_t last_id_ = 0;
  std::shared_ptr<net::Event> changed_;
};

}  // namespace leanto::node

// Node: what its clients say.
#include <exception>
#include <utility>

#include "node/node.h"
#include "wire/features.h"

namespace leanto::node {

using wire::FrameType;

namespace {

constexpr std::size_t kMaxHeads = 4096;

Result<ServicePtr> no_version(const std::string& version) {
  return fail(ErrorKind::kNotFound,
              "version {} is not known here any more; send it again with .to()", version);
}

}  // namespace

Result<Access> Node::check_token(std::string_view token) {
  if (Tickets::is_ticket(token)) {
    const Result<Ticket> ticket = tickets_.use(token);
    if (!ticket) return Failure(ticket.error());
    return Access::with(*ticket);
  }
  const Result<Token> found = tokens_.check(token);
  if (!found) return Failure(found.error());
  return Access::with(*found);
}

void Node::on_hello(Client& client, const wire::Json& head) {
  const wire::Features ours{settings_.version, wire::own_features(), {}};
  const Status fits = wire::check_features(ours, wire::read_features(head), "the client");
  if (!fits) return client.hang_up(fits.error());
  const std::string session =
      client.access().session_of(wire::find_string(head, "session").value_or(""));
  if (client.session().empty() && !session.empty()) {
    client.set_session(session);
    ++sessions_[session];
  }
  // Another machine's path says nothing here, and to start a program takes more than a token.
  if (const auto python = wire::find_string(head, "python");
      python && !python->empty() && client.access().is_owner()) {
    zygotes_.warm({*python, {}});
  }
  wire::Json answer = wire::Json::object();
  wire::add_features(answer, ours);
  answer["node"] = others_->id();
  if (!client.access().token().empty()) say_access(answer, client.access());
  client.reply(FrameType::kHello, 0, wire::encode_head(answer), {});
}

// What the client's token is good for, and until when.
void Node::say_access(wire::Json& answer, const Access& access) const {
  answer["token"] = access.token();
  answer["rights"] = wire::Json::array();
  for (const Right right : access.rights()) answer["rights"].push_back(right_name(right));
  if (const auto expires = tokens_.expires_at(access.token())) answer["expires_at"] = *expires;
}

Result<std::shared_ptr<net::FrameSink>> Node::on_link(
    const std::shared_ptr<net::FrameStream>& stream, const wire::Json& head, const Access& access) {
  if (access.is_ticket())
    return fail(ErrorKind::kAccessDenied,
                "a ticket is for fetching one value or tree, not for a link");
  return others_->accepted().accept(stream, head, access);
}

void Node::on_gone(Client& client) {
  const auto session = sessions_.find(client.session());
  if (session == sessions_.end() || --session->second > 0) return;
  sessions_.erase(session);
  objects_->end_session(client.session());
  kept_.end_session(client.session());
  segments_.end_session(client.session());
}

Result<wire::CallHead> Node::parse_head(std::string_view head) {
  if (const auto known = heads_.find(head); known != heads_.end()) return known->second;
  Result<wire::CallHead> parsed = wire::parse_call_head(head);
  if (parsed && parsed->parent == 0 && !parsed->has_buffers) {  // others are not met again
    if (heads_.size() >= kMaxHeads) heads_.clear();
    heads_.emplace(head, *parsed);
  }
  return parsed;
}

void Node::on_call(const std::shared_ptr<Client>& client, std::uint32_t stream,
                   std::string_view head, wire::Body body) {
  autostop_->on_called();
  const Result<wire::CallHead> parsed = parse_head(head);
  if (!parsed)
    return client->reply(FrameType::kError, stream, wire::encode_error(parsed.error()), {});
  if (const Status allowed = allow_call(client->access(), *parsed); !allowed)
    return client->reply(FrameType::kError, stream, wire::encode_error(allowed.error()), {});
  auto call = std::make_unique<Call>();
  call->caller = client;
  call->stream = stream;
  call->head = head;
  call->body = std::move(body);
  if (parsed->how == wire::How::kNew) {
    const Result<ServicePtr> service = find_service(*parsed);
    if (!service)
      return client->reply(FrameType::kError, stream, wire::encode_error(service.error()), {});
    call->body = std::move(call->body).to_owned();
    loop_.spawn("make an object",
                objects_->create(*service, *parsed, std::move(call), client->session()));
    return;
  }
  const Result<TargetPtr> target = find_target(*parsed);
  if (!target)
    return client->reply(FrameType::kError, stream, wire::encode_error(target.error()), {});
  if (parsed->keep_result) keep_result(*call, client->session());
  calls_.submit(*target, std::move(call), *parsed);
}

Status Node::allow_call(const Access& access, const wire::CallHead& head) {
  if (access.is_owner()) return {};
  if (Status allowed = access.check(Right::kCall, "a call"); !allowed) return allowed;
  if (!head.has_segment) return {};
  return fail(ErrorKind::kInvalid, "shared memory is for programs on the node's own machine");
}

// The caller gets the name of the value instead of the value.
void Node::keep_result(Call& call, const std::string& session) {
  call.on_answer = [this, session, caller = call.caller, stream = call.stream](
                       FrameType type, std::string_view head, wire::Body body) {
    const auto port = caller.lock();
    if (!port) return;  // nobody would ever ask for it
    if (type != FrameType::kResult) {
      port->reply(type, stream, head, std::move(body));
    } else if (const Result<wire::Json> kept = kept_.keep(head, body, session)) {
      port->reply(type, stream, wire::encode_head(*kept), {});
    } else {
      port->reply(FrameType::kError, stream, wire::encode_error(kept.error()), {});
    }
    port->ended(stream);
  };
}

Result<TargetPtr> Node::find_target(const wire::CallHead& head) {
  if (head.target_kind == wire::TargetKind::kObject) return objects_->get_target(head.target);
  if (head.target_kind == wire::TargetKind::kVersion) {
    const auto known = launcher_->targets().find(head.target);
    if (known != launcher_->targets().end()) return known->second;
  }
  const Result<ServicePtr> service = find_service(head);
  if (!service) return Failure(service.error());
  return launcher_->target_of(*service);
}

Result<ServicePtr> Node::find_service(const wire::CallHead& head) {
  if (head.target_kind == wire::TargetKind::kName) return registry_.get_named(head.target);
  if (head.target_kind == wire::TargetKind::kObject) {
    return fail(ErrorKind::kInvalid, "an instance is made of a class, not of the object {}",
                head.target);
  }
  if (ServicePtr service = registry_.find_version(head.target)) return service;
  return no_version(head.target);
}

void Node::on_ask(const std::shared_ptr<Client>& client, std::uint32_t stream,
                  std::string_view head, wire::Body body) {
  Result<wire::Json> decoded = wire::decode_head(head);
  if (!decoded)
    return client->reply(FrameType::kError, stream, wire::encode_error(decoded.error()), {});
  autostop_->on_asked(wire::find_string(*decoded, "op").value_or(""));
  Request request{*std::move(decoded),
                  std::move(body).to_owned(),
                  client->session(),
                  client->access(),
                  client,
                  stream,
                  [client] { return client->is_open(); }};
  loop_.spawn("ask", answer(client, stream, std::move(request)));
}

net::Task<> Node::answer(std::shared_ptr<Client> client, std::uint32_t stream, Request request) {
  Result<Answer> answer;
  try {
    answer = co_await operations_->run(std::move(request));
  } catch (
      const std::exception& exception) {  // a defect of ours: the client must not wait for ever
    answer = fail(ErrorKind::kInternal, "the request could not be handled: {}", exception.what());
  }
  if (!answer) {
    client->reply(FrameType::kError, stream, wire::encode_error(answer.error()), {});
  } else {
    client->reply(FrameType::kResult, stream, wire::encode_head(answer->head),
                  std::move(answer->body));
  }
}

void Node::on_output(const ServiceSpec& service, std::uint32_t call, OutputStream stream,
                     std::string_view text) {
  log_.append(service.name, call, stream, text);
  runs_->on_output(call, stream, text);
}

void Node::on_imports(const ServiceSpec& service, const wire::Json& modules) {
  zygotes_.learn(zygote_of(service), modules);
}

void Node::on_object_ended(const std::string& object_id, const Error& reason) {
  objects_->on_ended(object_id, reason);
}

}  // namespace leanto::node

#include "node/zygotes.h"

#include <fcntl.h>

#include <chrono>
#include <utility>

#include "os/files.h"

namespace leanto::node {

using namespace std::chrono_literals;

namespace {

// Imports come in bursts, and whoever imports just now wants the processor for himself.
constexpr Duration kQuiet = 250ms;

}  // namespace

Zygotes::Zygotes(net::Loop& loop, LedgerAccess& ledger, Zygote::Places places, std::string log_file)
    : loop_(loop), ledger_(ledger), places_(std::move(places)), log_file_(std::move(log_file)) {}

Result<std::shared_ptr<Zygote>> Zygotes::start(const ZygoteKey& key) {
  Result<UniqueFd> log = open_at(AT_FDCWD, log_file_, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!log) return Failure(log.error());
  return Zygote::start(loop_, key, places_, *std::move(log));
}

void Zygotes::warm(const ZygoteKey& key) {
  Slot& slot = slots_[key];
  if (slot.zygote && slot.zygote->is_alive()) return;
  if (Result<std::shared_ptr<Zygote>> started = start(key)) slot.zygote = *std::move(started);
  if (!slot.looked_up) {
    slot.looked_up = true;
    loop_.spawn("warm up", renew(key));
  }
}

net::Task<Result<std::shared_ptr<Zygote>>> Zygotes::get(const ZygoteKey& key) {
  warm(key);
  Slot& slot = slots_[key];
  if (slot.zygote && slot.zygote->is_alive()) co_return slot.zygote;
  Result<std::shared_ptr<Zygote>> started =
      start(key);  // once more, for the reason why it cannot be
  if (started) slot.zygote = *started;
  co_return started;
}

void Zygotes::renew_all(const std::string& python) {
  for (auto& [key, slot] : slots_) {
    if (!python.empty() && key.python != python) continue;
    ++slot.generation;
    slot.looked_up = false;  // warmed up again
    if (slot.zygote) retire(std::exchange(slot.zygote, nullptr));
  }
}

void Zygotes::learn(const ZygoteKey& key, const wire::Json& modules) {
  Slot& slot = slots_[key];
  std::vector<std::string> fresh;
  for (const wire::Json& module : modules) {
    if (module.is_string() && slot.known.insert(module.get<std::string>()).second) {
      fresh.push_back(module.get<std::string>());
    }
  }
  if (!fresh.empty()) loop_.spawn("learn imports", remember(key, std::move(fresh)));
}

net::Task<> Zygotes::remember(ZygoteKey key, std::vector<std::string> modules) {
  auto learn = [environment = key.text(), modules](Ledger& ledger) {
    return ledger.learn_imports(environment, modules);
  };
  (void)co_await ledger_.with(std::move(learn));  // without it they are learned again another day
  co_await renew(std::move(key));
}

net::Task<> Zygotes::renew(ZygoteKey key) {
  Slot& slot = slots_[key];
  if (slot.renewing) {
    slot.renew_again = true;
    co_return;
  }
  slot.renewing = true;
  do {
    slot.renew_again = false;
    co_await loop_.sleep(kQuiet);
    if (slot.renew_again) continue;
    const std::uint64_t generation = slot.generation;
    Result<std::shared_ptr<Zygote>> made = co_await make_warm(key);
    if (made && *made && slot.generation != generation) {
      retire(*std::move(made));
    } else if (made && *made) {
      if (slot.zygote) retire(std::move(slot.zygote));
      slot.zygote = *std::move(made);
    }
  } while (slot.renew_again);
  slot.renewing = false;
}

// A new zygote with everything imported that the ledger knows; none if there is nothing to import.
net::Task<Result<std::shared_ptr<Zygote>>> Zygotes::make_warm(const ZygoteKey& key) {
  const std::string environment = key.text();
  while (true) {
    auto look_up = [environment](Ledger& ledger) { return ledger.imports(environment); };
    const Result<std::vector<std::string>> modules = co_await ledger_.with(std::move(look_up));
    if (!modules) co_return Failure(modules.error());
    Slot& slot = slots_[key];
    slot.known.insert(modules->begin(), modules->end());
    if (modules->empty()) co_return nullptr;
    const Result<std::shared_ptr<Zygote>> zygote = start(key);
    if (!zygote) co_return zygote;
    const Result<Preloaded> preloaded = co_await (*zygote)->preload(*modules);
    if (!preloaded) co_return Failure(preloaded.error());
    for (const auto& [module, why] : preloaded->refused) {
      auto refuse = [environment, module = module, why = why](Ledger& ledger) {
        return ledger.refuse_import(environment, module, why);
      };
      (void)co_await ledger_.with(std::move(refuse));
    }
    if (!preloaded->tainted) {
      slots_[key].preloaded = modules->size() - preloaded->refused.size();
      co_return zygote;
    }
    retire(*zygote);
  }
}

void Zygotes::end_all() {
  const wire::Json message = {{"op", "end"}};
  for (const auto& [key, slot] : slots_) {
    if (slot.zygote) (void)slot.zygote->tell(message);
  }
  for (const auto& zygote : retired_) (void)zygote->tell(message);
}

void Zygotes::retire(std::shared_ptr<Zygote> zygote) {
  std::erase_if(retired_, [](const auto& other) { return !other->is_alive(); });
  zygote->retire();
  retired_.push_back(std::move(zygote));
}

std::vector<ZygoteReport> Zygotes::report() const {
  std::vector<ZygoteReport> rows;
  for (const auto& [key, slot] : slots_) {
    if (slot.zygote)
      rows.push_back({key.python, slot.zygote->pid(), slot.preloaded, slot.renewing});
  }
  return rows;
}

}  // namespace leanto::node

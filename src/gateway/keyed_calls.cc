#include "gateway/keyed_calls.h"

#include "base/digest.h"
#include "gateway/keyed_table.h"

namespace weir {
namespace {

// Parts that can't run into each other, as few bytes.
std::string digest_of(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(std::to_string(part.size())).append(":").append(part);
  const Digest digest = sha256(text);
  return {digest.begin(), digest.end()};
}

Error unsaid() {
  return {Error::Kind::outcome_unknown, Error::Side::gateway, Error::Sent::maybe,
          "the call with this idempotency key was given up before its answer came"};
}

Error not_kept(const char* why) {
  return {Error::Kind::too_large, Error::Side::gateway, Error::Sent::maybe,
          std::string("the call with this idempotency key was answered, but ") + why};
}

}  // namespace

KeyedCalls::Entry::Entry(const Name& of)
    : name(digest_of({of.client, of.server, of.tool, of.key})),
      client(digest_of({of.client})),
      arguments(digest_of({of.arguments})),
      round(of.state.empty() && of.inputs.empty() ? std::string() : digest_of({of.state, of.inputs})) {}

// With the lock. `outcome` null: there is none.
void KeyedCalls::Table::settle(Entry& entry, Outcome* outcome, TimePoint now) {
  const auto place = by_name.find(entry.name);
  const std::shared_ptr<Entry> before = std::move(entry.before);
  entry.over = true;
  if (outcome != nullptr) {
    entry.kept = true;
    entry.outcome = std::move(*outcome);
    keep(place->second, now);
  } else if (before) {
    place->second = before;
    keep(before, now);
  } else {
    drop(entry);
  }
  for (Entry::Waiting& one : entry.waiting)
    one.home->post([waiter = std::move(one.waiter)] { waiter->wake(); });
  entry.waiting.clear();
}

void KeyedCalls::Table::keep(const std::shared_ptr<Entry>& entry, TimePoint now) {
  entry->at = now;
  entry->in_settled = settled.insert(settled.end(), entry);
  Client& mine = clients.at(entry->client);
  entry->in_client = mine.settled.insert(mine.settled.end(), entry.get());
  if (entry->outcome.response) {
    bytes += entry->outcome.response->size();
    mine.bytes += entry->outcome.response->size();
    entry->in_results = results.insert(results.end(), entry);
    entry->in_client_results = mine.results.insert(mine.results.end(), entry.get());
  }
  make_room(now, &mine);
}

void KeyedCalls::Table::take_result(Entry& entry) {
  Client& whose = clients.at(entry.client);
  bytes -= entry.outcome.response->size();
  whose.bytes -= entry.outcome.response->size();
  results.erase(entry.in_results);
  whose.results.erase(entry.in_client_results);
}

// Out of what is kept, not out of its name's place.
void KeyedCalls::Table::take_out(Entry& entry) {
  if (entry.outcome.response) take_result(entry);
  clients.at(entry.client).settled.erase(entry.in_client);
  settled.erase(entry.in_settled);
}

void KeyedCalls::Table::make_room(TimePoint now, Client* client) {
  // What is settled as the last is not old.
  while (!settled.empty() && settled.front()->at + limits.kept <= now) drop_oldest();
  while (bytes > limits.bytes) {
    const bool too_much = client != nullptr && client->bytes > limits.bytes / 2;
    Entry& oldest = too_much ? *client->results.front() : *results.front();
    take_result(oldest);
    oldest.outcome.response.reset();
    oldest.outcome.failed = not_kept("its result is kept no more");
  }
}

void KeyedCalls::Table::drop_oldest() {
  const std::shared_ptr<Entry> oldest = settled.front();
  take_out(*oldest);
  drop(*oldest);
}

void KeyedCalls::Table::drop(const Entry& entry) {
  const auto mine = clients.find(entry.client);
  if (--mine->second.calls == 0) clients.erase(mine);
  by_name.erase(entry.name);
}

KeyedCalls::Run::Run(std::shared_ptr<Table> table, std::shared_ptr<Entry> entry, bool repeatable) noexcept
    : table_(std::move(table)), entry_(std::move(entry)), repeatable_(repeatable) {}

KeyedCalls::Run::~Run() { failed(unsaid()); }

void KeyedCalls::Run::answered(const Message& response, Outcome from) {
  if (!entry_) return;
  if (response.text().size() <= table_->limits.result)
    from.response = std::make_shared<const std::string>(response.text());
  else
    from.failed = not_kept("its result is too large to be kept");
  std::lock_guard lock(table_->lock);
  table_->settle(*std::exchange(entry_, nullptr), &from, Shard::current().now());
}

void KeyedCalls::Run::failed(const Error& error) {
  if (!entry_) return;
  // An answer to what waits no more has changed nothing: the call is as it was when it asked.
  const bool too_late = entry_->before && error.kind() == Error::Kind::input_expired;
  if (error.sent() == Error::Sent::no || repeatable_ || too_late) return forget();
  Outcome outcome;
  outcome.failed = error;
  std::lock_guard lock(table_->lock);
  table_->settle(*std::exchange(entry_, nullptr), &outcome, Shard::current().now());
}

void KeyedCalls::Run::forget() {
  if (!entry_) return;
  std::lock_guard lock(table_->lock);
  table_->settle(*std::exchange(entry_, nullptr), nullptr, Shard::current().now());
}

KeyedCalls::KeyedCalls(Limits limits) : table_(std::make_shared<Table>(limits)) {}

KeyedCalls::Begun KeyedCalls::begin(const Name& name, bool repeatable, TimePoint now) {
  const auto entry = std::make_shared<Entry>(name);
  Begun out;
  std::lock_guard lock(table_->lock);
  table_->make_room(now, nullptr);
  if (const auto known = table_->by_name.find(entry->name); known != table_->by_name.end()) {
    Entry& last = *known->second;
    out.entry = known->second;
    out.as = last.arguments == entry->arguments ? Begun::As::again : Begun::As::other;
    if (out.as == Begun::As::other || entry->round.empty() || !last.kept || !last.outcome.asks) return out;
    // The same answers once more are the round that ran last, unless they are asked for once more.
    if (last.round == entry->round && !last.outcome.alike) return out;
    out.as = Begun::As::first;
    table_->take_out(last);
    entry->before = std::exchange(known->second, entry);
    out.run = std::make_unique<Run>(table_, entry, repeatable);
    return out;
  }
  if (const auto mine = table_->clients.find(entry->client);
      mine != table_->clients.end() && mine->second.calls >= table_->limits.of_client) {
    const std::list<const Entry*>& settled = mine->second.settled;
    if (!settled.empty()) out.wait = settled.front()->at + table_->limits.kept - now;
    return out;
  }
  if (table_->by_name.size() >= table_->limits.calls) {
    if (table_->settled.empty()) return out;
    table_->drop_oldest();
  }
  out.as = Begun::As::first;
  ++table_->clients[entry->client].calls;
  table_->by_name.emplace(entry->name, entry);
  out.run = std::make_unique<Run>(table_, entry, repeatable);
  return out;
}

Task<Result<std::optional<KeyedCalls::Outcome>>> KeyedCalls::settled(std::shared_ptr<Entry> entry,
                                                                     TimePoint deadline,
                                                                     CancelScope& cancel) {
  using Kind = Error::Kind;
  while (true) {
    const auto waiter = std::make_shared<Waiter>();
    {
      std::lock_guard lock(table_->lock);
      if (entry->over && !entry->kept) co_return std::optional<Outcome>();
      if (entry->over) co_return std::optional<Outcome>(entry->outcome);
      entry->waiting.push_back({&Shard::current(), waiter});
    }
    const Wake wake = co_await waiter->wait(deadline, &cancel);
    if (wake == Wake::ready) continue;
    {
      std::lock_guard lock(table_->lock);
      std::erase_if(entry->waiting, [&](const Entry::Waiting& one) { return one.waiter == waiter; });
    }
    if (wake == Wake::cancelled)
      co_return fail(Kind::cancelled, Error::Side::client, Error::Sent::maybe, "its client gave it up");
    co_return fail(Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                   "the call with this idempotency key has not been answered in time");
  }
}

std::size_t KeyedCalls::size() const {
  std::lock_guard lock(table_->lock);
  return table_->by_name.size();
}

}  // namespace weir

#include "gateway/session.h"

#include "gateway/client_tasks.h"
#include "mcp/client_requests.h"
#include "mcp/fault_map.h"
#include "mcp/task_ids.h"
#include "obs/rejections.h"

namespace weir {
namespace {

constexpr Feed::Bounds kOwnFeed{256, 1024 * 1024};
constexpr Feed::Bounds kCallFeed{1000, 1024 * 1024};

}  // namespace

Session::Session() : feed_(std::make_shared<Feed>(kOwnFeed)) {}

std::string Session::log_level() const {
  std::lock_guard lock(lock_);
  return log_level_;
}

void Session::set_log_level(std::string level) {
  std::lock_guard lock(lock_);
  log_level_ = std::move(level);
}

std::shared_ptr<Feed> Session::open_stream(std::uint64_t& number) {
  auto feed = std::make_shared<Feed>(kCallFeed);
  std::lock_guard lock(lock_);
  if (streams_.size() >= kStreamsMax) {
    auto oldest = streams_.begin();
    while (oldest != streams_.end() && !oldest->second->ended()) ++oldest;
    streams_.erase(oldest == streams_.end() ? streams_.begin() : oldest);
  }
  number = next_stream_++;
  streams_.emplace(number, feed);
  return feed;
}

void Session::end_stream(Feed& feed) {
  feed.end();
  std::lock_guard lock(lock_);
  std::size_t bytes = 0;
  bool latest = true;
  for (auto it = streams_.end(); it != streams_.begin();) {
    --it;
    if (!it->second->ended()) continue;
    bytes += it->second->bytes();
    const bool crowded = Feed::kept_by_ended() > kEndedBytesInAll;
    if ((bytes > kEndedBytesMax && !latest) || crowded) it = streams_.erase(it);
    latest = false;
  }
}

std::shared_ptr<Feed> Session::stream(std::uint64_t number) const {
  if (number == 0) return feed_;
  std::lock_guard lock(lock_);
  const auto found = streams_.find(number);
  return found == streams_.end() ? nullptr : found->second;
}

std::string Session::ask(ClientAsk ask) {
  std::lock_guard lock(lock_);
  if (asks_.size() >= kAsksMax) return {};
  std::string key = std::to_string(next_ask_++);
  asks_.emplace(key, std::make_shared<ClientAsk>(std::move(ask)));
  return key;
}

std::shared_ptr<ClientAsk> Session::take_ask(std::string_view raw_id) {
  std::lock_guard lock(lock_);
  const auto found = asks_.find(raw_id);
  if (found == asks_.end()) return nullptr;
  std::shared_ptr<ClientAsk> ask = std::move(found->second);
  asks_.erase(found);
  return ask;
}

std::shared_ptr<ClientAsk> Session::take_ask_of(std::string_view server, std::string_view server_id,
                                                std::string& raw_id) {
  std::lock_guard lock(lock_);
  for (auto it = asks_.begin(); it != asks_.end(); ++it) {
    if (it->second->raw_id != server_id || it->second->server != server) continue;
    raw_id = it->first;
    std::shared_ptr<ClientAsk> ask = std::move(it->second);
    asks_.erase(it);
    return ask;
  }
  return nullptr;
}

std::shared_ptr<ClientAsk> Session::find_ask(std::string_view raw_id) const {
  std::lock_guard lock(lock_);
  const auto found = asks_.find(raw_id);
  return found == asks_.end() ? nullptr : found->second;
}

std::map<std::string, std::shared_ptr<ClientAsk>> Session::leave_ask(const std::string& left) {
  std::map<std::string, std::shared_ptr<ClientAsk>> out;
  std::lock_guard lock(lock_);
  std::erase_if(left_, [this](const std::string& one) { return !asks_.contains(one); });
  if (!asks_.contains(left)) return out;
  left_.push_back(left);
  if (left_.size() <= kLeftMax) return out;
  const auto oldest = asks_.find(left_.front());
  out.emplace(oldest->first, std::move(oldest->second));
  asks_.erase(oldest);
  left_.pop_front();
  return out;
}

std::map<std::string, std::shared_ptr<ClientAsk>> Session::take_expired(TimePoint now) {
  std::map<std::string, std::shared_ptr<ClientAsk>> out;
  std::lock_guard lock(lock_);
  for (auto it = asks_.begin(); it != asks_.end();) {
    if (it->second->expires > now) {
      ++it;
    } else {
      out.emplace(it->first, std::move(it->second));
      it = asks_.erase(it);
    }
  }
  return out;
}

void Session::note_task(const std::string& task, const std::string& server) {
  std::lock_guard lock(lock_);
  if (!tasks_.insert_or_assign(task, server).second) return;
  task_order_.push_back(task);
  if (task_order_.size() <= kTasksMax) return;
  tasks_.erase(task_order_.front());
  task_order_.pop_front();
}

std::string Session::task_server(const std::string& task) const {
  std::lock_guard lock(lock_);
  const auto found = tasks_.find(task);
  return found == tasks_.end() ? std::string() : found->second;
}

void Session::end() {
  feed_->end();
  std::map<std::string, std::shared_ptr<ClientAsk>, std::less<>> asks;
  std::map<std::uint64_t, std::shared_ptr<Feed>> streams;
  {
    std::lock_guard lock(lock_);
    asks.swap(asks_);
    streams.swap(streams_);
  }
  for (const auto& [number, feed] : streams) feed->end();
  for (auto& [key, ask] : asks) give_up_ask(std::move(ask));
}

std::string_view answer_ask(Session& session, const Message& response) {
  // No server waits for such.
  if (response.kind() == Message::Kind::result && response.result().front() != '{') {
    count_rejected(Rejected::bad_answer);
    return "result must be an object";
  }
  std::shared_ptr<ClientAsk> ask = session.take_ask(response.raw_id());
  if (!ask) {
    // Late, doubled or foreign: whoever sent it is told, and nobody else hears of it.
    count_rejected(Rejected::late_answer);
    return "nothing with this id is waiting for an answer";
  }
  Shard& home = *ask->home;
  std::string text = with_task_ids(with_id(response, ask->raw_id), ask->task.client, ask->task.server);
  if (ask->makes_task || ask->lists_tasks) text = admit_answer(session, *ask, std::move(text));
  // Moved, not shared: what it holds ends on its home shard.
  home.post([ask = std::move(ask), text = std::move(text)]() mutable {
    ask->asker->send(std::move(text));
    if (ask->ended) ask->ended();
  });
  return {};
}

void give_up_ask(std::shared_ptr<ClientAsk> ask) {
  Shard& home = *ask->home;
  home.post([ask = std::move(ask)] {
    std::string text;
    append_error(text, ask->raw_id, -32603, "the client did not answer");
    ask->asker->send(std::move(text));
    if (ask->ended) ask->ended();
  });
}

}  // namespace weir

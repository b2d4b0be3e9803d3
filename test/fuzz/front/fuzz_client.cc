#include "fuzz/front/fuzz_client.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "fuzz/plain_json.h"
#include "runtime/shard.h"

namespace weir::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A body 30 s, a call 2 s for each server that it may wait for, then a minute of rest: beyond, nobody
// answers.
constexpr auto kPatience = seconds(180);

}  // namespace

void FuzzClient::blame(const std::string& what, std::string_view text) {
  shared_.violations.push_back("client " + std::to_string(slot_) + ": " + what + " <<" +
                               std::string(text.substr(0, 1500)) + ">>");
}

Task<void> FuzzClient::run(std::vector<ClientStep> steps) {
  using Act = ClientStep::Act;
  for (const ClientStep& step : steps) {
    if (step.act == Act::pause) {
      // So many hundred milliseconds as the text is long: up to a minute and a half.
      co_await sleep(milliseconds(100) * static_cast<int>(1 + std::min<std::size_t>(step.text.size(), 900)));
    } else if (step.act == Act::raw || step.act == Act::post) {
      co_await write(step);
    } else if (!lines_.empty() && lines_.back()->http) {
      co_await leave(*lines_.back(), step.act == Act::reset);
    }
  }
  for (const auto& line : lines_) {
    co_await wait_end(*line);
    judge(*line);
  }
  lines_.clear();
}

// The present connection, or a new one. Null: the gateway takes none.
Task<FuzzClient::Line*> FuzzClient::line() {
  if (!lines_.empty() && !lines_.back()->ended && lines_.back()->http) co_return lines_.back().get();
  CancelScope never;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(shared_.gateway, kForever, never);
  if (!stream) {
    blame("it cannot connect", {});
    co_return nullptr;
  }
  lines_.push_back(std::make_unique<Line>());
  lines_.back()->http.emplace(std::move(*stream));
  lines_.back()->used = world_.now();
  lines_.back()->reader.start(listen(*lines_.back()));
  co_return lines_.back().get();
}

Task<void> FuzzClient::listen(Line& line) {
  co_await line.http->wait_end(&line.stop);
  line.ended = true;
}

Task<void> FuzzClient::leave(Line& line, bool reset) {
  line.left = true;
  line.stop.cancel();
  co_await line.reader.join();
  line.received = line.http->surplus();
  if (reset) line.http->reset();
  line.http.reset();
}

// What follows `mark` up to the end of its line, the newest one.
std::string FuzzClient::found_behind(std::string_view mark) const {
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    const std::string_view all = (*line)->all();
    const std::size_t at = all.rfind(mark);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = all.substr(at + mark.size());
    return std::string(rest.substr(0, rest.find_first_of("\r\n")));
  }
  return {};
}

// $M: a mark of its own each time; $K: the client's token; $S: its session; $E: its endpoint of an old
// stream.
Task<std::string> FuzzClient::filled(std::string text) {
  for (std::size_t at = text.find("$M"); at != std::string::npos; at = text.find("$M", at))
    text.replace(at, 2, shared_.marks.issue(slot_));
  text = replaced(std::move(text), "$K", Marks::token(slot_));
  for (const auto& [word, mark] :
       {std::pair("$S", "\r\nMcp-Session-Id: "), std::pair("$E", "data: /messages")}) {
    if (text.find(word) == std::string::npos) continue;
    for (int i = 0; i < 40 && found_behind(mark).empty(); ++i) co_await sleep(milliseconds(100));
    const std::string found = found_behind(mark);
    text = replaced(std::move(text), word, (*word == '$' && word[1] == 'E' ? "/messages" : "") + found);
  }
  co_return text;
}

// A path if it begins with one, lines of fields up to an empty one, a body: as one request.
std::string FuzzClient::framed(const std::string& text) const {
  std::string path = "/mcp";
  const std::size_t gap = std::min(text.find("\n\n"), text.size());
  const std::string body = gap == text.size() ? text : text.substr(gap + 2);
  std::string fields = gap == text.size() ? "" : text.substr(0, gap) + "\n";
  if (fields.starts_with('/')) {
    path = fields.substr(0, fields.find('\n'));
    fields.erase(0, path.size() + 1);
  }
  // An empty line would end the head before its length.
  fields.erase(0, std::min(fields.find_first_not_of('\n'), fields.size()));
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + Marks::token(slot_) +
         "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n" +
         replaced(fields, "\n", "\r\n") + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

Task<void> FuzzClient::write(const ClientStep& step) {
  std::string text = co_await filled(step.text);
  Line* const to = co_await line();
  if (to == nullptr) co_return;
  const bool raw = step.act == ClientStep::Act::raw;
  if (!raw) text = framed(text);
  to->asked += raw ? 0 : 1;
  to->raw = to->raw || raw;
  to->late = to->late || world_.now() - to->used > seconds(50);
  to->used = world_.now();
  while (!text.empty() && !to->ended) {
    const std::size_t size = step.in_parts ? 1 + world_.random()() % text.size() : text.size();
    const bool sent = co_await to->http->write(text.substr(0, size), &to->stop);
    if (!sent) co_return;
    text.erase(0, size);
    if (step.in_parts) co_await sleep(milliseconds(1 + world_.random()() % 400));
  }
}

bool FuzzClient::answered(const Line& line) {
  const std::string_view all = line.all();
  // Cheap first: so many status lines may be there.
  std::size_t lines = 0;
  for (std::size_t at = all.find("HTTP/1.1 "); at != std::string_view::npos;
       at = all.find("HTTP/1.1 ", at + 9))
    ++lines;
  if (lines < line.asked) return false;
  const Heard so_far = heard(all);
  return so_far.answers == line.asked && !so_far.closes;
}

Task<void> FuzzClient::wait_end(Line& line) {
  if (!line.http) co_return;
  const TimePoint until = world_.now() + kPatience;
  const auto streams = [&] { return line.all().find("text/event-stream") != std::string_view::npos; };
  while (!line.ended && world_.now() < until) {
    // A stream goes on for as long as its client listens.
    if (streams() && world_.now() > until - kPatience + seconds(20)) break;
    if (!shared_.rests && !line.raw && answered(line)) break;
    co_await sleep(milliseconds(world_.now() < until - kPatience + seconds(5) ? 100 : 2000));
  }
  if (!line.ended && world_.now() >= until) blame("its connection is neither answered nor ended", line.all());
  const bool left = !line.ended;
  co_await leave(line, false);
  line.left = left;
}

void FuzzClient::judge_body(const PlainResponse& response) {
  if (!response.whole) return;
  if (response.type.starts_with("application/json") && !response.body.empty() && !maybe_json(response.body))
    blame("was sent no JSON", response.body);
  if (!response.type.starts_with("text/event-stream")) return;
  for (std::string_view rest = response.body; !rest.empty();) {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    if (text.starts_with("data: {") && !maybe_json(text.substr(6)))
      blame("was sent an event without JSON", text);
  }
}

FuzzClient::Heard FuzzClient::heard(std::string_view received) {
  Heard out;
  while (!received.empty() && out.fault.empty()) {
    const std::optional<PlainResponse> response = take_response(received, out.fault);
    if (!response) break;
    if (out.closes) out.fault = "an answer behind the last";
    out.closes = response->closes || !response->whole;
    out.answers += response->status >= 200 ? 1U : 0U;
    judge_body(*response);
  }
  return out;
}

void FuzzClient::judge(const Line& line) {
  // For whoever looks into a finding.
  static const bool show = std::getenv("WEIR_FUZZ_SHOW") != nullptr;
  if (show) std::fprintf(stderr, "client %zu got <<%s>>\n", slot_, line.received.c_str());
  for (const std::string& mark : sim::nonces_in(line.received)) {
    const auto owner = shared_.marks.owner(mark);
    if (owner && *owner != slot_) blame("got an answer of client " + std::to_string(*owner), line.received);
  }
  if (line.raw) return;
  const Heard all = heard(line.received);
  if (!all.fault.empty()) blame(all.fault, line.received);
  if (all.answers > line.asked) blame("more answers than requests", line.received);
  if (!line.left && !line.late && !all.closes && all.answers != line.asked)
    blame(std::to_string(all.answers) + " answers to " + std::to_string(line.asked) + " requests",
          line.received);
}

}  // namespace weir::fuzz

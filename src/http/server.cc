#include "http/server.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "http/address_block.h"
#include "http/chunked.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::size_t kLingerMax = 64 * 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{5};
constexpr std::size_t kAheadMax = 32 * 1024;
constexpr std::size_t kStep = 16 * 1024;  // by which a body takes room
constexpr std::string_view kComeBack = "Retry-After: 1\r\n";
// What is no POST needs no body; a small one does no harm.
constexpr std::size_t kOtherBodyMax = 4096;
constexpr int kShedAtOnce = 8;  // for one request that finds memory short

// Closing over unread bytes would reset the connection and take the answer with it: they are read away for a
// while.
Task<void> linger(Channel& channel, Duration time, CancelScope* stop) {
  channel.stream().shutdown_write();
  const TimePoint deadline = Shard::current().now() + time;
  const std::size_t unread = channel.pending().size();
  channel.consume(unread);
  channel.release();  // half a large body, mostly
  for (std::size_t drained = unread; drained < kLingerMax;) {
    drained += channel.pending().size();
    channel.consume(channel.pending().size());
    const Result<std::size_t> got = co_await channel.fill(deadline, stop);
    if (!got || *got == 0) break;
  }
}

std::string reason_json(std::string_view reason) {
  std::string body = "{\"error\":";
  json_append_string(body, reason);
  return body + '}';
}

}  // namespace

/// The reading half: one object for the life of a connection.
class HttpServerConnection {
 public:
  HttpServerConnection(std::unique_ptr<Stream> stream, HttpHandler& handler, const HttpServerLimits& limits,
                       CancelScope& stop, IdleList& idle)
      : channel_(std::move(stream)),
        handler_(handler),
        limits_(limits),
        stop_(stop),
        idle_(idle),
        ends_(stop),
        shed_link_(shed_, ends_),
        peer_(channel_.peer()),
        address_(std::string_view(peer_).substr(0, peer_.rfind(':'))),
        counted_as_(address_block(address_)),
        place_(counted_as_, shed_) {}

  Task<void> run() {
    while (!stop_.cancelled()) {
      if (channel_.pending().empty()) {
        const TimePoint begin = Shard::current().now();
        place_.enter(idle_);
        const Result<std::size_t> got = co_await channel_.fill(begin + limits_.rest_after, &ends_);
        if (got && *got == 0) co_return;
        if (!got) {
          const bool late = got.error().kind() == Error::Kind::deadline_exceeded;
          if (!late) co_return;
          const bool begun = co_await rest(begin + limits_.idle_time);
          if (!begun) co_return;
        }
        place_.leave();
      }
      const bool goes_on = co_await serve_one();
      if (!goes_on) break;
    }
    if (lost_) co_return;  // who does not read, or made room, is not waited for
    co_await linger(channel_, kLingerTime, &stop_);
  }

 private:
  // Waits without a buffer; true when bytes are there.
  Task<bool> rest(TimePoint until) {
    const Wake wake = co_await channel_.rest(until, &ends_);
    if (wake != Wake::ready) co_return false;
    const Result<std::size_t> late =
        co_await channel_.fill(Shard::current().now() + limits_.head_time, &ends_);
    co_return late&&* late != 0;
  }

  // True if the connection goes on.
  Task<bool> serve_one() {
    HttpRequest request(peer_, address_, limits_.budget, counted_as_);
    HttpResponder responder(channel_, limits_);
    HeadRefusal refusal;
    head_limits_ = limits_.head;  // a reload changes them for the next request
    const TimePoint head_deadline = Shard::current().now() + limits_.head_time;
    for (bool again = false;; again = true) {
      if (again) request.head.reset();
      const HeadState state = parse_request(channel_.pending(), head_limits_, request.head, refusal);
      if (state == HeadState::done) break;
      responder.head_only_ = request.head.method == "HEAD";
      if (state == HeadState::refused) co_return co_await refuse(responder, refusal.status, refusal.reason);
      // Whoever begins and does not go on makes room like those who wait.
      place_.enter(idle_, IdleList::Wait::head);
      const Result<std::size_t> got = co_await channel_.fill(head_deadline, &shed_);
      place_.leave();
      lost_ = !got && shed_.cancelled();
      if (!got && got.error().kind() == Error::Kind::deadline_exceeded)
        co_return co_await refuse(responder, 408, "the header did not come in time");
      if (!got || *got == 0) co_return false;
    }
    const RequestHead& head = request.head;
    // Taken now: reading the body may move the bytes that the head's views point into.
    const bool keep_alive = head.keep_alive();
    responder.head_only_ = head.method == "HEAD";
    responder.chunked_ = head.minor_version() == 1;
    std::string reason;
    int status = handler_.admit(head, reason);
    if (status == 0 && limits_.budget != nullptr && buffers_are_short() && !make_room())
      status = no_room(reason);
    body_max_ = head.method == "POST" ? limits_.body_max : std::min(limits_.body_max, kOtherBodyMax);
    if (status == 0 && head.content_length().value_or(0) > body_max_) {
      status = 413;
      reason = "body too large";
    }
    // Of HTTP/1.0 it means nothing, and where no body follows there is nothing to wait for.
    const bool expects = head.has(Field::expect) && head.minor_version() == 1 &&
                         (head.chunked() || head.content_length().value_or(0) != 0);
    if (status == 0 && expects && !equals_ignoring_case(head.get(Field::expect), "100-continue")) {
      status = 417;
      reason = "unknown expectation";
    }
    if (status != 0) {
      std::string fields = handler_.refusal_fields(status, head);
      if (status == 503) fields += kComeBack;
      co_return co_await refuse(responder, status, reason, fields);
    }
    if (expects && channel_.pending().size() == head.size()) {
      static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
      const iovec piece{go_on, sizeof go_on - 1};
      const TimePoint deadline = Shard::current().now() + limits_.write_time;
      if (!co_await channel_.write(std::span<const iovec>(&piece, 1), deadline, nullptr)) co_return false;
    }
    int trouble = 0;
    if (!take_body(request)) trouble = co_await read_body(request, reason);
    if (trouble < 0) co_return false;
    if (trouble > 0)
      co_return co_await refuse(responder, trouble, reason, trouble == 503 ? kComeBack : std::string_view());

    responder.keep_alive_ = keep_alive && !ends_.cancelled();
    CancelScope gone;
    // Reading ahead tells that the client has gone; more requests than that need not be held meanwhile.
    if (channel_.pending().size() < kAheadMax) channel_.arm();
    channel_.on_end(&gone);
    co_await handler_.handle(request, responder, gone);
    channel_.on_end(nullptr);
    if (!responder.begun_) co_return co_await refuse(responder, 500, "no answer");
    lost_ = responder.lost_;
    place_.note_served();
    co_return responder.ended_&& responder.keep_alive_ && !channel_.ended();
  }

  // The usual small body has come with its head.
  bool take_body(HttpRequest& request) {
    const RequestHead& head = request.head;
    const std::uint64_t length = head.content_length().value_or(0);
    if (head.chunked() || channel_.pending().size() < head.size() + length) return false;
    const std::size_t total = head.size() + static_cast<std::size_t>(length);
    request.keeps_head_ = channel_.share(channel_.pending().substr(0, total));
    request.body = request.keeps_head_.view().substr(head.size());
    channel_.consume(total);
    return true;
  }

  // 0: whole; -1: the client has gone; else the status to refuse with.
  Task<int> read_body(HttpRequest& request, std::string& reason) {
    const TimePoint deadline = Shard::current().now() + limits_.body_time;
    if (request.head.chunked()) co_return co_await read_chunks(request, deadline, reason);
    const std::size_t head_size = request.head.size();
    const std::size_t total = head_size + static_cast<std::size_t>(request.head.content_length().value_or(0));
    if (channel_.pending().size() < total) {
      while (channel_.pending().size() < total) {
        // Room for what has come, and as much again: what is only announced takes none.
        const std::size_t have = channel_.pending().size();
        const std::size_t wanted = std::min(total, std::max(2 * have, have + kStep));
        if (!lease(request, wanted)) co_return no_room(reason);
        channel_.reserve(wanted);
        place_.enter(idle_, IdleList::Wait::body);
        const int trouble = await_more(co_await channel_.fill(deadline, &shed_), reason);
        place_.leave();
        if (trouble != 0) co_return trouble;
      }
      // The bytes may have moved: the head's views are taken anew.
      HeadRefusal ignored;
      request.head.reset();
      parse_request(channel_.pending(), head_limits_, request.head, ignored);
    }
    request.keeps_head_ = channel_.share(channel_.pending().substr(0, total));
    request.body = request.keeps_head_.view().substr(head_size);
    channel_.consume(total);
    co_return 0;
  }

  Task<int> read_chunks(HttpRequest& request, TimePoint deadline, std::string& reason) {
    const std::size_t head_size = request.head.size();
    request.keeps_head_ = Bytes::copy_of(channel_.pending().substr(0, head_size));
    HeadRefusal ignored;
    request.head.reset();
    parse_request(request.keeps_head_.view(), head_limits_, request.head, ignored);
    channel_.consume(head_size);
    ChunkedDecoder decoder;
    GrowingBytes body;
    while (true) {
      const ChunkedDecoder::State state = decoder.next(channel_.pending());
      if (state == ChunkedDecoder::State::refused) {
        reason = decoder.reason();
        co_return 400;
      }
      if (body.size() + decoder.data().size() > body_max_) {
        reason = "body too large";
        co_return 413;
      }
      // Leased ahead of what comes, in steps.
      const std::size_t wanted = (body.size() + decoder.data().size()) / kStep * kStep + kStep;
      if (!lease(request, wanted) || !body.append(decoder.data())) co_return no_room(reason);
      channel_.consume(decoder.consumed());
      if (state == ChunkedDecoder::State::done) break;
      if (state == ChunkedDecoder::State::data) continue;
      place_.enter(idle_, IdleList::Wait::body);
      const int trouble = await_more(co_await channel_.fill(deadline, &shed_), reason);
      place_.leave();
      if (trouble != 0) co_return trouble;
    }
    request.keeps_body_ = body.take();
    request.body = request.keeps_body_.view();
    co_return 0;
  }

  // Whether there is room for so much of the request.
  bool lease(HttpRequest& request, std::size_t size) {
    return limits_.budget == nullptr || (buffers_have_room(size) && request.lease_.grow_to(size));
  }
  // Half headers hold memory that is counted nowhere else. True: some was let go.
  bool make_room() noexcept {
    int shed = 0;
    while (shed < kShedAtOnce && idle_.shed_half_head()) ++shed;
    return shed != 0;
  }
  static int no_room(std::string& reason) {
    reason = "no memory is left for requests: come back later";
    return 503;
  }

  int await_more(const Result<std::size_t>& got, std::string& reason) {
    if (got && *got != 0) return 0;
    lost_ = shed_.cancelled();
    if (got || got.error().kind() != Error::Kind::deadline_exceeded) return -1;
    reason = "the body did not come in time";
    return 408;
  }

  // Well-formed, with its reason, and the last of this connection: what follows cannot be told apart from the
  // body.
  Task<bool> refuse(HttpResponder& responder, int status, std::string_view reason,
                    std::string_view fields = {}) {
    responder.keep_alive_ = false;
    const std::string body = reason_json(reason);
    const std::string_view piece = body;
    const Result<void> sent = co_await responder.respond(status, "application/json", fields,
                                                         std::span<const std::string_view>(&piece, 1));
    (void)sent.has_value();
    co_return false;
  }

  Channel channel_;
  HttpHandler& handler_;
  const HttpServerLimits& limits_;
  HeadLimits head_limits_;    // of the present request
  std::size_t body_max_ = 0;  // likewise
  CancelScope& stop_;
  IdleList& idle_;
  bool lost_ = false;  // an answer could not be sent whole
  CancelScope shed_;   // to make room
  CancelScope ends_;   // with stop_, or to make room while it waits
  ScopeLink shed_link_;
  const std::string peer_;
  const std::string_view address_;  // within peer_
  const std::string counted_as_;
  IdleList::Place place_;
};

Task<void> serve_http(std::unique_ptr<Stream> stream, HttpHandler& handler, const HttpServerLimits& limits,
                      CancelScope& stop, IdleList& idle) {
  HttpServerConnection connection(std::move(stream), handler, limits, stop, idle);
  co_await connection.run();
}

Task<void> refuse_http(std::unique_ptr<Stream> stream, std::string_view reason) {
  Channel channel(std::move(stream));
  const std::string body = reason_json(reason);
  std::string text = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: ";
  text += std::to_string(body.size()) + "\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" + body;
  const iovec piece{text.data(), text.size()};
  const TimePoint deadline = Shard::current().now() + std::chrono::seconds(1);
  const Result<void> sent = co_await channel.write(std::span<const iovec>(&piece, 1), deadline, nullptr);
  if (sent) co_await linger(channel, std::chrono::seconds(1), nullptr);
}

}  // namespace weir

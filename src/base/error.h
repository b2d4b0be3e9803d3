// The error value of the data path: what happened, whose doing it was, and whether the upstream saw anything.
// Errors become bytes (JSON-RPC codes, HTTP statuses) in mcp/fault_map only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace weir {

/// A failure of one operation. Copyable; the detail is one sentence for a person, without secrets.
class [[nodiscard]] Error {
 public:
  /// Gateway reasons follow the error table of the user's contract; the first four are the client's faults.
  enum class Kind : std::uint8_t {
    invalid_request,      // the bytes are no valid request: syntax, framing, envelope
    not_found,            // unknown method, tool, resource, path
    denied,               // 1010: policy, pinning, origin, host
    too_large,            // 1011
    unreachable,          // 1001: nothing was sent
    upstream_protocol,    // 1002: it answered nonsense
    deadline_exceeded,    // 1003
    overloaded,           // 1004
    no_healthy_endpoint,  // 1005
    cancelled,            // 1006
    outcome_unknown,      // 1007: sent, then cut; it may have run
    needs_authorization,  // 1008: the upstream wants credentials
    input_expired,        // 1009
    shutting_down,        // 1012
    internal,             // our own fault
  };
  /// Whose doing it was: drives logs, objectives and breakers.
  enum class Side : std::uint8_t { client, gateway, upstream };
  /// `no`: the upstream saw no byte of the request, so any method may be tried again.
  enum class Sent : std::uint8_t { no, maybe };

  Error() = default;
  Error(Kind kind, Side side, Sent sent, std::string detail = {})
      : kind_(kind), side_(side), sent_(sent), detail_(std::move(detail)) {}

  /// What happened, whose doing it was, what the upstream saw, and a sentence for a person.
  Kind kind() const noexcept { return kind_; }
  Side side() const noexcept { return side_; }
  Sent sent() const noexcept { return sent_; }
  const std::string& detail() const noexcept { return detail_; }

  /// When the caller may try again; set with overload and open circuits.
  std::optional<std::chrono::milliseconds> retry_after() const noexcept { return retry_after_; }
  Error& set_retry_after(std::chrono::milliseconds wait) noexcept {
    retry_after_ = wait;
    return *this;
  }
  Error& set_sent(Sent sent) noexcept {
    sent_ = sent;
    return *this;
  }
  /// What the upstream's health is judged by besides the kind: the HTTP status that it answered (0: none),
  /// and whether it has only forgotten a session, or answered what was not asked.
  int status() const noexcept { return status_; }
  Error& set_status(int status) noexcept {
    status_ = static_cast<std::uint16_t>(status);
    return *this;
  }
  bool forgotten() const noexcept { return mark_ == Mark::forgotten; }
  Error& set_forgotten() noexcept {
    mark_ = Mark::forgotten;
    return *this;
  }
  /// It was waited for no longer than another endpoint could be had: nothing speaks against this one.
  bool impatient() const noexcept { return mark_ == Mark::impatient; }
  Error& set_impatient() noexcept {
    mark_ = Mark::impatient;
    return *this;
  }
  bool wrong_id() const noexcept { return mark_ == Mark::wrong_id; }
  Error& set_wrong_id() noexcept {
    mark_ = Mark::wrong_id;
    return *this;
  }

 private:
  Kind kind_ = Kind::internal;
  Side side_ = Side::gateway;
  Sent sent_ = Sent::no;
  enum class Mark : std::uint8_t { none, forgotten, wrong_id, impatient };
  Mark mark_ = Mark::none;
  std::uint16_t status_ = 0;
  std::optional<std::chrono::milliseconds> retry_after_;
  std::string detail_;
};

/// A value or an Error.
template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(kind, side, sent, "...")` in a function that returns a Result.
inline tl::unexpected<Error> fail(Error::Kind kind, Error::Side side, Error::Sent sent,
                                  std::string detail = {}) {
  return tl::unexpected<Error>(Error(kind, side, sent, std::move(detail)));
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// The word of the error table: "unreachable", "deadline_exceeded", ...; "internal" and "invalid_request"
/// besides.
std::string_view to_string(Error::Kind kind) noexcept;

}  // namespace weir

// A large answer of a Streamable HTTP server on its way through: its frame is read, for the id and for what
// has no place there; its result is followed to its end, and passes as it comes.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "call/call.h"
#include "http/client.h"
#include "mcp/result_scan.h"
#include "transport/large_body.h"

namespace weir {

/// One shard, one answer.
class StreamableLarge final : public LargeResult {
 public:
  /// Answers below it come whole, in bytes.
  static constexpr std::uint64_t kLargeMin = 64 * 1024;
  /// What must have come before place_of() can say something.
  static constexpr std::size_t kHeadMin = 256;

  /// Where the id stands in an answer that begins so; nothing if it has to come whole.
  enum class Place : std::uint8_t { whole, head, tail };
  /// `may_ask`: it may be `input_required`, which has to come whole; its first member tells.
  static Place place_of(std::string_view begin, std::string_view id, bool may_ask);
  /// Whether a large answer to `call` may pass as it comes: not between eras.
  static bool may_pass(const Call& call) noexcept;

  /// The first part of `body` has kHeadMin bytes or more.
  StreamableLarge(std::unique_ptr<LargeBody> body, Place place, std::string id, std::string_view client_id);

  std::optional<std::uint64_t> length() const noexcept override;
  Task<Result<std::span<const std::string_view>>> next() override;
  bool tool_error() const noexcept override { return tool_error_; }

 private:
  std::span<const std::string_view> replace_id(std::string_view text, std::string_view id);
  Result<std::span<const std::string_view>> pass(std::string_view part, bool first);
  Result<std::span<const std::string_view>> finish();
  void look_for_error(std::string_view part);

  std::unique_ptr<LargeBody> body_;
  const Place place_;
  const std::string id_;
  const std::string client_id_;
  bool begun_ = false;
  bool ended_ = false;
  bool tool_error_ = false;
  ResultScan scan_;
  char last_ = 0;  // the last byte so far of a result that goes on, held back: a cut one never looks whole
  bool holds_ = false;
  char given_ = 0;      // the same, in pieces_
  std::string behind_;  // what follows the result, held back until it is known to be right
  std::string end_;     // the last bytes so far, to be looked at at the end
  std::array<std::string_view, 4> pieces_;
};

/// A JSON body; one without an announced length is bounded as it comes.
class LargeJson final : public LargeBody {
 public:
  /// `begun`: what was read of it before; `size_max`: of all of it, in bytes.
  LargeJson(HttpExchange exchange, Bytes begun, std::size_t size_max, TimePoint deadline, CancelScope& cancel)
      : exchange_(std::move(exchange)),
        begun_(std::move(begun)),
        left_(size_max),
        clock_(deadline, deadline),
        cancel_(cancel) {}
  std::optional<std::uint64_t> length() const noexcept override { return exchange_.length(); }
  Task<Result<std::string_view>> next() override;
  void finish() noexcept override { exchange_.finish(); }

 private:
  HttpExchange exchange_;
  Bytes begun_;
  bool first_ = true;
  std::size_t left_;  // bytes that may still come
  ReplyClock clock_;
  CancelScope& cancel_;
};

}  // namespace weir

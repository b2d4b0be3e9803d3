// One JSON-RPC 2.0 message of MCP, validated whole in one pass, with the raw spans that routing and splicing
// need. It borrows from its bytes, which it keeps alive; it is const once indexed, since a call may have
// several attempts. Source: JSON-RPC 2.0; MCP 2026-07-28 basic/index.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "runtime/frame_pool.h"

namespace weir {

/// Why bytes are no valid message: the JSON-RPC code to answer, a sentence, and the raw id if it could be
/// told.
struct MessageFault {
  MessageFault(int json_rpc_code, std::string sentence, std::string raw) noexcept
      : code(json_rpc_code), reason(std::move(sentence)), raw_id(std::move(raw)) {}
  int code;  // -32700, -32600 or -32602
  std::string reason;
  std::string raw_id;  // empty: answer with null
};

/// Name and raw value of one member; both views into the message.
struct RawMember {
  RawMember() = default;
  RawMember(std::string_view raw_name, std::string_view raw_value) : name(raw_name), value(raw_value) {}
  std::string_view name;   // between its quotes, escapes untouched
  std::string_view value;  // raw JSON
};

/// The members of one object in order. The usual few lie inside, more go to the heap.
class RawMembers {
 public:
  RawMembers() noexcept {}
  RawMembers(RawMembers&& other) noexcept { take(other); }
  RawMembers& operator=(RawMembers&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  ~RawMembers() = default;

  /// The raw value of `name`, or an empty view.
  std::string_view find(std::string_view name) const noexcept {
    return (marks_ & mark_of(name)) == 0 && !escaped_ ? std::string_view() : search(name);
  }
  /// False if the name is there already, escapes resolved. `plain`: the name is known to have none.
  bool add(const RawMember& member, bool plain = false) {
    const std::uint64_t mark = mark_of(member.name);
    if (!plain || escaped_ || (marks_ & mark) != 0 || count_ >= kInside) return add_odd(member, plain);
    marks_ |= mark;
    new (&inside_[count_++]) RawMember(member);
    return true;
  }
  /// Number of members.
  std::size_t size() const noexcept { return count_; }
  /// By place, below size().
  const RawMember& operator[](std::size_t i) const noexcept {
    return i < kInside ? inside_[i] : more_[i - kInside];
  }

 private:
  static constexpr std::size_t kInside = 6;

  // One bit of 64 for a name: whose bit is not set is surely not there.
  static constexpr std::uint64_t mark_of(std::string_view name) noexcept {
    const std::size_t first = name.empty() ? 0 : static_cast<unsigned char>(name.front());
    return std::uint64_t{1} << ((name.size() * 4 + first) & 63);
  }
  std::string_view search(std::string_view name) const noexcept;
  bool add_odd(RawMember member, bool plain);
  void take(RawMembers& other) noexcept;

  std::uint64_t marks_ = 0;
  std::size_t count_ = 0;
  bool escaped_ = false;  // some name has escapes
  union {
    RawMember inside_[kInside];  // the first count_ are set
  };
  std::vector<RawMember> more_;
};

class Message {
 public:
  /// What JSON-RPC knows.
  enum class Kind : std::uint8_t { request, notification, result, error };

  /// Who wrote it: a client's message is refused for repeated member names, an upstream's is taken as it is.
  enum class From : std::uint8_t { client, upstream };

  /// Nothing yet: a place for index_at().
  Message() = default;
  // One comes with each answer, and goes soon: from where coroutines have their frames.
  static void* operator new(std::size_t size) { return detail::acquire_frame(size); }
  static void operator delete(void* place, std::size_t size) noexcept { detail::release_frame(place, size); }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  /// Indexes one message (an object) where it is to stay. Views into `bytes`, which the message shares. After
  /// a fault the place is of no use.
  static std::optional<MessageFault> index_at(Message& place, Bytes bytes, const JsonLimits& limits,
                                              From from);
  /// The same, to be moved about.
  static tl::expected<Message, MessageFault> index(Bytes bytes, const JsonLimits& limits, From from);
  /// The same into storage of its own.
  static tl::expected<std::unique_ptr<Message>, MessageFault> index_owned(Bytes bytes,
                                                                          const JsonLimits& limits,
                                                                          From from);

  /// Told by its members: a method, an id, a result or an error.
  Kind kind() const noexcept { return kind_; }
  bool is_request() const noexcept { return kind_ == Kind::request; }
  bool is_response() const noexcept { return kind_ == Kind::result || kind_ == Kind::error; }

  /// Requests and notifications: the method, escapes resolved.
  std::string_view method() const noexcept {
    return plain_method_.empty() ? method_ : std::string_view(plain_method_);
  }
  /// The id's raw lexeme, quotes included: value and type survive. Empty in notifications.
  std::string_view raw_id() const noexcept { return id_; }
  /// Raw params object; empty if absent.
  std::string_view params() const noexcept { return params_; }
  /// The top-level members of params and of params._meta.
  const RawMembers& param() const noexcept { return param_; }
  const RawMembers& meta() const noexcept { return meta_; }
  /// Text of a params member that is a string (`name`, `uri`); escapes resolved. False if absent or no
  /// string.
  bool param_text(std::string_view name, std::string& out) const;
  /// Text of a _meta member likewise.
  bool meta_text(std::string_view name, std::string& out) const;

  /// Responses: raw result, or raw error object.
  std::string_view result() const noexcept { return result_; }
  std::string_view error() const noexcept { return error_; }
  /// The top-level members of result.
  const RawMembers& result_member() const noexcept { return result_member_; }

  /// The whole message as it came.
  std::string_view text() const noexcept { return bytes_.view(); }
  const Bytes& bytes() const noexcept { return bytes_; }
  /// Where a view of this message begins in text().
  std::size_t offset_of(std::string_view part) const noexcept {
    return static_cast<std::size_t>(part.data() - bytes_.view().data());
  }

 private:
  std::optional<MessageFault> read(const JsonLimits& limits, From from);

  Bytes bytes_;
  Kind kind_ = Kind::request;
  std::string_view id_;
  std::string_view method_;
  std::string plain_method_;  // set when the raw one has escapes
  std::string_view params_;
  std::string_view result_;
  std::string_view error_;
  RawMembers param_;
  RawMembers meta_;
  RawMembers result_member_;
};

/// Splits a JSON-RPC batch (2025-03-26 only) into its messages' bytes. Errors: no array, empty, more than
/// `count_max`.
tl::expected<std::vector<Bytes>, MessageFault> split_batch(const Bytes& bytes, const JsonLimits& limits,
                                                           std::size_t count_max);

}  // namespace weir

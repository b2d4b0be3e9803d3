// HTTP/1.1 heads by RFC 9112, strict and without a lenient switch: views into the receive buffer, no map, no
// copy. What could be read in two ways is refused, since whoever stands behind or before us may read it the
// other way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// Bounds of one head.
struct HeadLimits {
  std::size_t head_max = 32 * 1024;  // bytes, request line and all fields
  std::size_t target_max = 8 * 1024;
  std::size_t fields_max = 100;
};

/// Why a head is refused: the status to answer and a sentence. The connection cannot go on.
struct HeadRefusal {
  /// 100 to 599.
  int status = 0;
  std::string_view reason;  // static text
};

/// The fields that the gateway reads; all others are only checked.
enum class Field : std::uint8_t {
  content_length,
  transfer_encoding,
  connection,
  host,
  origin,
  content_type,
  accept,
  accept_encoding,
  content_encoding,
  expect,
  authorization,
  retry_after,
  www_authenticate,
  last_event_id,
  traceparent,
  tracestate,
  mcp_session_id,
  mcp_protocol_version,
  mcp_method,
  mcp_name,
  access_control_request_method,
  access_control_request_headers,
  location,
  user_agent,
  count_
};

/// One field as it came.
struct HeaderField {
  std::string_view name;
  std::string_view value;  // without white space around it
};

/// What requests and responses have in common. Views live as long as the receive buffer.
class Head {
 public:
  /// Value of a field; empty if absent. A field that must be single was refused when repeated.
  std::string_view get(Field field) const noexcept { return known_[static_cast<std::size_t>(field)]; }
  bool has(Field field) const noexcept { return get(field).data() != nullptr; }
  /// The same of a field that is a list: the values of all its lines, joined in `storage` where it has
  /// several. `name` is the field's.
  std::string_view all(Field field, std::string_view name, std::string& storage) const;
  /// The first value of a field of any other name, compared without case; empty if absent. Reads the head
  /// anew.
  std::string_view find(std::string_view name) const noexcept;
  /// All fields that begin with `mcp-param-`, in order.
  const std::vector<HeaderField>& params() const noexcept { return params_; }

  /// Bytes of the whole head, its empty line included.
  std::size_t size() const noexcept { return size_; }
  std::optional<std::uint64_t> content_length() const noexcept { return length_; }
  bool chunked() const noexcept { return chunked_; }
  /// True if the connection may be used again after this message.
  bool keep_alive() const noexcept { return keep_alive_; }
  int minor_version() const noexcept { return minor_version_; }
  /// True once a parse has begun to fill it.
  bool touched() const noexcept { return touched_; }
  /// Empty again, for the next parse.
  void reset() noexcept {
    known_.fill({});
    params_.clear();
    size_ = 0;
    text_ = nullptr;
    length_.reset();
    chunked_ = false;
    keep_alive_ = true;
    minor_version_ = 1;
    repeated_ = 0;
    touched_ = false;
  }

 protected:
  friend class HeadParser;
  static constexpr std::size_t kParamsMax = 32;
  std::array<std::string_view, static_cast<std::size_t>(Field::count_)> known_{};
  std::vector<HeaderField> params_;
  std::size_t size_ = 0;
  const char* text_ = nullptr;  // of the whole head, once it is known
  std::optional<std::uint64_t> length_;
  bool chunked_ = false;
  bool keep_alive_ = true;
  int minor_version_ = 1;
  std::uint32_t repeated_ = 0;  // a bit for each known field that came in several lines
  bool touched_ = false;
};

/// A request's head: its fields and its first line.
class RequestHead : public Head {
 public:
  /// As sent; views into the receive buffer.
  std::string_view method;
  std::string_view target;  // origin form, as sent
};

/// A response's head: its fields and its status.
class ResponseHead : public Head {
 public:
  int status = 0;  // 100 to 599
};

/// How a parse ended.
enum class HeadState : std::uint8_t { more, done, refused };

/// Parses `received`, the bytes of the connection so far. `more`: call again with more bytes.
/// A response to our own request has no body for 1xx, 204 and 304; content_length() is then 0.
HeadState parse_request(std::string_view received, const HeadLimits& limits, RequestHead& head,
                        HeadRefusal& refusal);
HeadState parse_response(std::string_view received, const HeadLimits& limits, ResponseHead& head,
                         HeadRefusal& refusal);

/// Compares ASCII without case.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
/// True if a comma-separated list holds `token`, without case.
bool list_has_token(std::string_view list, std::string_view token) noexcept;

}  // namespace weir

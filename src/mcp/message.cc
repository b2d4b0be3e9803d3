#include "mcp/message.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <new>
#include <utility>

namespace weir {
namespace {

constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kInvalidParams = -32602;

// What a failed pass means to the client: broken bytes are a parse error, broken bounds an invalid request.
MessageFault fault_of(const JsonCursor& cursor, std::string_view id, int duplicate_code = kInvalidRequest) {
  const JsonFault fault = cursor.fault();
  const bool broken = fault == JsonFault::syntax || fault == JsonFault::utf8;
  const int code = broken ? kParseError : fault == JsonFault::duplicate ? duplicate_code : kInvalidRequest;
  return MessageFault(code, std::string(to_string(fault)) + " near byte " + std::to_string(cursor.offset()),
                      std::string(broken ? std::string_view() : id));
}

// Strings and integers only; integers of any size, since they are echoed as they came.
bool id_valid(std::string_view raw) {
  if (raw.empty()) return false;
  if (raw.front() == '"') return true;
  if (raw.front() != '-' && (raw.front() < '0' || raw.front() > '9')) return false;
  // It is a valid number: besides its digits and a sign only what makes it no integer can be there.
  for (const char c : raw)
    if (c > '9' || c == '.') return false;
  return true;
}

// Source: JSON-RPC 2.0, section 5.1.
bool is_error(std::string_view raw) {
  if (raw.front() != '{') return false;
  std::string_view code;
  std::string_view message;
  JsonCursor cursor(raw, JsonLimits(), false);
  std::string_view name;
  if (!cursor.enter_object()) return false;
  while (cursor.next_member(name)) {
    const std::string_view value = cursor.take_value();
    if (json_name_is(name, "code")) code = value;
    if (json_name_is(name, "message")) message = value;
  }
  return !code.empty() && code.front() != '"' && id_valid(code) && !message.empty() && message.front() == '"';
}

bool text_of(std::string_view raw, std::string& out) {
  if (raw.size() < 2 || raw.front() != '"') return false;
  const std::string_view inner = raw.substr(1, raw.size() - 2);
  if (inner.find('\\') == std::string_view::npos)
    out.assign(inner);
  else
    out = json_unescape(inner);
  return true;
}

// Names are short: a loop beats a call.
bool has_escape(std::string_view name) noexcept {
  for (const char c : name)
    if (c == '\\') return true;
  return false;
}

// Names are short: a few words compared here beat a call. The second word may begin in the first.
bool same_text(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  const auto differ = [&]<class Word>(Word, std::size_t at) {
    return std::memcmp(a.data() + at, b.data() + at, sizeof(Word)) != 0;
  };
  if (size < sizeof(std::uint32_t)) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size < sizeof(std::uint64_t))
    return !differ(std::uint32_t{}, 0) && !differ(std::uint32_t{}, size - sizeof(std::uint32_t));
  if (differ(std::uint64_t{}, 0) || differ(std::uint64_t{}, size - sizeof(std::uint64_t))) return false;
  return size <= 2 * sizeof(std::uint64_t) || std::memcmp(a.data(), b.data(), size) == 0;
}

// The members that JSON-RPC defines, and the others for the sake of repeated names.
struct Envelope {
  std::string_view jsonrpc, id, method, params, result, error;
  bool id_twice = false;
  RawMembers others;

  std::string_view* slot_of(std::string_view name) noexcept {
    switch (name.size()) {
      case 2:
        return name == "id" ? &id : nullptr;
      case 5:
        return name == "error" ? &error : nullptr;
      case 6:
        return name == "method" ? &method : name == "params" ? &params : name == "result" ? &result : nullptr;
      case 7:
        return name == "jsonrpc" ? &jsonrpc : nullptr;
      default:
        return nullptr;
    }
  }
  // False if the name is there already; the first value stays.
  bool add(const RawMember& member, bool plain) {
    std::string_view* slot = plain ? slot_of(member.name) : slot_of(json_unescape(member.name));
    if (slot == nullptr) return others.add(member, plain);
    if (!slot->empty()) {
      // Which of the two is meant nobody knows.
      id_twice = id_twice || slot == &id;
      return false;
    }
    *slot = member.value;
    return true;
  }
};

// So many members are compared with each other as they come; of more, all names are sorted at the end.
constexpr std::size_t kFew = 64;

[[gnu::noinline, gnu::cold]] bool has_repeated(const RawMembers& members) {
  std::deque<std::string> plain;  // of names with escapes
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string_view name = members[i].name;
    names.push_back(has_escape(name) ? plain.emplace_back(json_unescape(name)) : name);
  }
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}
const RawMembers& sorted_part(const RawMembers& members) { return members; }
const RawMembers& sorted_part(const Envelope& envelope) { return envelope.others; }

// Walks an object and keeps its members; `inner` is called for a member to walk instead of taking it whole.
template <class Members, class Inner>
bool walk_object(JsonCursor& cursor, Members& members, bool unique, Inner&& inner) {
  std::string_view name;
  if (!cursor.enter_object()) return false;
  while (cursor.next_member(name)) {
    const std::size_t from = cursor.offset();
    const bool plain = cursor.name_plain();
    const std::string_view value = inner(name, from);
    if (value.empty()) {
      cursor.set_fault(JsonFault::syntax);  // keeps an earlier, more telling fault
      return false;
    }
    if (!members.add(RawMember{name, value}, plain) && unique) {
      cursor.set_fault(JsonFault::duplicate);
      return false;
    }
  }
  if (unique && sorted_part(members).size() > kFew) [[unlikely]]
    if (has_repeated(sorted_part(members))) cursor.set_fault(JsonFault::duplicate);
  return cursor.fault() == JsonFault::none;
}

}  // namespace

std::string_view RawMembers::search(std::string_view name) const noexcept {
  const std::size_t inside = std::min(count_, kInside);
  for (const RawMember* member = inside_; member != inside_ + inside; ++member)
    if (same_text(member->name, name)) return member->value;
  for (const RawMember& member : more_)
    if (member.name == name) return member.value;
  if (escaped_)
    for (std::size_t i = 0; i < count_; ++i)
      if (json_name_is((*this)[i].name, name)) return (*this)[i].value;
  return {};
}

bool RawMembers::add_odd(RawMember member, bool plain) {
  // Of very many each new one is not compared with all before: that would take the square of their number. Of
  // two with one name the first is found.
  const bool few = count_ < kFew;
  if (!plain && has_escape(member.name)) {
    if (few && !find(json_unescape(member.name)).empty()) return false;
    escaped_ = true;
  } else if (few && !find(member.name).empty()) {
    return false;
  }
  marks_ |= mark_of(member.name);
  if (count_ < kInside)
    new (&inside_[count_]) RawMember(member);
  else
    more_.push_back(member);
  ++count_;
  return true;
}

void RawMembers::take(RawMembers& other) noexcept {
  marks_ = std::exchange(other.marks_, 0);
  count_ = std::exchange(other.count_, 0);
  escaped_ = std::exchange(other.escaped_, false);
  for (std::size_t i = 0; i < std::min(count_, kInside); ++i) new (&inside_[i]) RawMember(other.inside_[i]);
  more_ = std::move(other.more_);
  other.more_.clear();
}

bool Message::param_text(std::string_view name, std::string& out) const {
  return text_of(param_.find(name), out);
}
bool Message::meta_text(std::string_view name, std::string& out) const {
  return text_of(meta_.find(name), out);
}

std::optional<MessageFault> Message::index_at(Message& place, Bytes bytes, const JsonLimits& limits,
                                              From from) {
  place.bytes_ = std::move(bytes);
  return place.read(limits, from);
}

tl::expected<Message, MessageFault> Message::index(Bytes bytes, const JsonLimits& limits, From from) {
  tl::expected<Message, MessageFault> out{Message()};
  if (std::optional<MessageFault> fault = index_at(*out, std::move(bytes), limits, from))
    out = tl::unexpected(std::move(*fault));
  return out;
}

tl::expected<std::unique_ptr<Message>, MessageFault> Message::index_owned(Bytes bytes,
                                                                          const JsonLimits& limits,
                                                                          From from) {
  std::unique_ptr<Message> out(new Message);  // not of zeros first, as make_unique() has it
  if (std::optional<MessageFault> fault = index_at(*out, std::move(bytes), limits, from))
    return tl::unexpected(std::move(*fault));
  return out;
}

std::optional<MessageFault> Message::read(const JsonLimits& limits, From from) {
  Message& message = *this;
  const std::string_view text = message.bytes_.view();
  const bool unique = from == From::client;
  JsonCursor cursor(text, limits, unique);
  // What decides whose an answer is, and what it says, no two readers may read in two ways: there names are
  // unique in an upstream's messages, too. What lies deeper goes on as it was sent.
  constexpr bool kUnique = true;
  // A repeated name inside the arguments is the call's fault, anywhere else the envelope's.
  bool in_arguments = false;
  bool meta_odd = false;
  const auto span_from = [&](std::size_t begin) { return text.substr(begin, cursor.offset() - begin); };

  const auto named = [&](std::string_view name, std::string_view wanted) {
    return name == wanted || (!cursor.name_plain() && json_name_is(name, wanted));
  };
  const auto take_meta = [&](std::size_t begin) -> std::string_view {
    if (cursor.peek() != '{') {
      meta_odd = true;
      return cursor.take_value();
    }
    const auto take = [&](std::string_view, std::size_t) { return cursor.take_value(); };
    return walk_object(cursor, message.meta_, kUnique, take) ? span_from(begin) : std::string_view();
  };
  const auto take_params = [&](std::size_t begin) -> std::string_view {
    if (cursor.peek() != '{') return cursor.take_value();
    const auto take = [&](std::string_view name, std::size_t at) -> std::string_view {
      if (named(name, "_meta") && message.param_.find("_meta").empty()) return take_meta(at);
      in_arguments = named(name, "arguments");
      const std::string_view value = cursor.take_value();
      if (!value.empty()) in_arguments = false;
      return value;
    };
    return walk_object(cursor, message.param_, kUnique, take) ? span_from(begin) : std::string_view();
  };

  if (cursor.peek() != '{') {
    cursor.take_value();
    if (!cursor.finish()) return fault_of(cursor, {});
    return MessageFault(kInvalidRequest, "a message is a JSON object", {});
  }
  Envelope envelope;
  const auto take = [&](std::string_view name, std::size_t at) -> std::string_view {
    if (named(name, "params") && envelope.params.empty()) return take_params(at);
    if (!unique && cursor.peek() == '{' && envelope.result.empty() && named(name, "result")) {
      const auto whole = [&](std::string_view, std::size_t) { return cursor.take_value(); };
      return walk_object(cursor, message.result_member_, kUnique, whole) ? span_from(at) : std::string_view();
    }
    return cursor.take_value();
  };
  const bool walked = walk_object(cursor, envelope, kUnique, take);
  message.id_ = envelope.id;
  // Of two ids of an upstream the first tells at least whose call it has spoilt.
  const bool told = id_valid(message.id_) && !(envelope.id_twice && unique);
  const std::string_view told_id = told ? message.id_ : std::string_view();
  if (!walked || !cursor.finish())
    return fault_of(cursor, told_id, in_arguments ? kInvalidParams : kInvalidRequest);

  const auto invalid = [&](int code, const char* reason) {
    return MessageFault(code, reason, std::string(told_id));
  };
  if (envelope.jsonrpc != "\"2.0\"" &&
      (!envelope.jsonrpc.starts_with('"') || json_unescape(envelope.jsonrpc) != "2.0"))
    return invalid(kInvalidRequest, "jsonrpc must be \"2.0\"");
  const std::string_view method = envelope.method;
  message.params_ = envelope.params;
  message.result_ = envelope.result;
  message.error_ = envelope.error;
  if (!method.empty()) {
    if (method.front() != '"') return invalid(kInvalidRequest, "method must be a string");
    if (!message.result_.empty() || !message.error_.empty())
      return invalid(kInvalidRequest, "a message is either a request or a response");
    message.method_ = method.substr(1, method.size() - 2);
    if (message.method_.find('\\') != std::string_view::npos) message.plain_method_ = json_unescape(method);
    if (!message.params_.empty() && message.params_.front() != '{')
      return invalid(kInvalidParams, "params must be an object");
    if (meta_odd && unique) return invalid(kInvalidParams, "params._meta must be an object");
    message.kind_ = message.id_.empty() ? Kind::notification : Kind::request;
    if (!message.id_.empty() && told_id.empty())
      return invalid(kInvalidRequest, "id must be a string or an integer");
    return std::nullopt;
  }
  if (message.result_.empty() == message.error_.empty())
    return invalid(kInvalidRequest, "a message has a method, a result or an error");
  message.kind_ = message.error_.empty() ? Kind::result : Kind::error;
  // What a client answers is judged by whoever asked it.
  if (!unique) {
    if (message.kind_ == Kind::result && message.result_.front() != '{')
      return invalid(kInvalidRequest, "result must be an object");
    if (message.kind_ == Kind::error && !is_error(message.error_))
      return invalid(kInvalidRequest,
                     "error must be an object with a whole number as code and a text as message");
  }
  // An error may answer a request whose id could not be read.
  const bool null_id = message.id_ == "null" && message.kind_ == Kind::error;
  if (told_id.empty() && !null_id) return invalid(kInvalidRequest, "id must be a string or an integer");
  return std::nullopt;
}

tl::expected<std::vector<Bytes>, MessageFault> split_batch(const Bytes& bytes, const JsonLimits& limits,
                                                           std::size_t count_max) {
  std::vector<Bytes> messages;
  // Each message is read by itself afterwards: names that one repeats are its own fault.
  JsonCursor cursor(bytes.view(), limits, false);
  if (!cursor.enter_array()) return tl::unexpected(fault_of(cursor, {}));
  while (cursor.next_element()) {
    const std::string_view value = cursor.take_value();
    if (value.empty()) break;
    if (messages.size() == count_max)
      return tl::unexpected(
          MessageFault(kInvalidRequest, "more than " + std::to_string(count_max) + " messages", {}));
    messages.push_back(bytes.narrowed(value));
  }
  if (!cursor.finish()) return tl::unexpected(fault_of(cursor, {}));
  if (messages.empty()) return tl::unexpected(MessageFault(kInvalidRequest, "an empty batch", {}));
  return messages;
}

}  // namespace weir

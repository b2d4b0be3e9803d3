#include "config/describe.h"

#include <algorithm>

#include "base/units.h"

namespace weir {
namespace {

std::string range(const std::string& from, const std::string& to) { return "from " + from + " to " + to; }

std::string time_text(std::uint64_t milliseconds) {
  return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds)));
}

std::string percent(std::uint64_t count) { return std::to_string(count) + '%'; }

}  // namespace

const Field* Block::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::string choice_of(const Block& block, std::string_view key, const void* owner) {
  const Field& field = *block.find(key);
  std::string json;
  field.show(json, field, owner);
  return json.substr(1, json.size() - 2);
}

bool applies(const Block& block, const Field& field, const void* owner) {
  return field.when.key.empty() || choice_of(block, field.when.key, owner) == field.when.value;
}

std::string either(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

std::string expected(const Shape& shape) {
  const std::string numbers = range(std::to_string(shape.min), std::to_string(shape.max));
  switch (shape.kind) {
    case Shape::Kind::ignored:
      return "anything";
    case Shape::Kind::flag:
      return "true or false";
    case Shape::Kind::count:
      return "a whole number " + numbers;
    case Shape::Kind::auto_count:
      return "auto or a whole number " + numbers;
    case Shape::Kind::duration:
      return "a duration " + range(time_text(shape.min), time_text(shape.max)) + ", such as 100ms, 30s or 5m";
    case Shape::Kind::auto_duration:
      return "auto or a duration " + range(time_text(shape.min), time_text(shape.max)) +
             ", such as 100ms, 30s or 5m";
    case Shape::Kind::size:
      return "a size " + range(format_size(shape.min), format_size(shape.max)) + ", such as 32KB or 4MB";
    case Shape::Kind::share:
      return "a share " + range(percent(shape.min), percent(shape.max)) + ", such as 20% or 0.2";
    case Shape::Kind::factor:
      return "0 or a number " + numbers + ", such as 1.25";
    case Shape::Kind::text:
      return "a text";
    case Shape::Kind::choice:
      return either(shape.choices);
    case Shape::Kind::address:
      return "HOST:PORT";
    case Shape::Kind::percentile:
      return "a duration " + range(time_text(shape.min), time_text(shape.max)) + " or p50 to p99";
    case Shape::Kind::hash_key: {
      std::vector<std::string_view> words(shape.choices.begin(), shape.choices.end());
      words.emplace_back("header:NAME");
      return either(words);
    }
    case Shape::Kind::resolver: {
      std::vector<std::string_view> words(shape.choices.begin(), shape.choices.end());
      words.emplace_back("dns://ADDRESS:PORT");
      return either(words);
    }
    case Shape::Kind::texts:
      return "a list of texts";
    case Shape::Kind::statuses:
      return "a status " + numbers + ", or a list of these";
    case Shape::Kind::text_map:
      return "a block of names with texts";
    case Shape::Kind::count_map:
      return "a block of names, each with a whole number " + numbers;
    case Shape::Kind::choice_map:
      return "a block of names, each with " + either(shape.choices);
    case Shape::Kind::block:
      return shape.switchable ? "false or a block of keys" : "a block of keys";
    case Shape::Kind::block_list:
      return "a list of blocks";
    case Shape::Kind::block_map:
      return "a block of names, each with a block of keys";
    case Shape::Kind::listen:
      return "HOST:PORT, a block with an address, or a list of these";
    case Shape::Kind::admin:
      return "HOST:PORT, a block with an address, or false";
    case Shape::Kind::off_address:
      return "HOST:PORT, or false";
    case Shape::Kind::endpoints:
      return "a list of urls, or of blocks with a url";
  }
  return {};
}

}  // namespace weir

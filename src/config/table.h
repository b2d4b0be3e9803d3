// The words that the table of keys is written in: a Field made from a member of config.h, and the Shapes of
// values. Only for keys*.cc.
#pragma once

#include "config/describe.h"
#include "config/reader.h"
#include "config/writer.h"

namespace weir::table {

/// Milliseconds, for bounds.
inline constexpr std::uint64_t kSecond = 1000, kHour = 3600 * kSecond, kDay = 24 * kHour;

/// The class of a pointer to member.
template <class>
struct MemberOf;
template <class O, class V>
struct MemberOf<V O::*> {
  using Owner = O;
};

/// A key bound to its member.
template <auto Member>
Field bound(std::string_view name, Shape shape, std::string_view fallback, std::string_view doc) {
  using Owner = typename MemberOf<decltype(Member)>::Owner;
  Field field;
  field.name = name;
  field.shape = shape;
  field.fallback = fallback;
  field.doc = doc;
  field.read = [](Reader& reader, const YamlNode& node, const Field& self, void* owner) {
    reader.value(node, self, static_cast<Owner*>(owner)->*Member);
  };
  field.show = [](std::string& json, const Field& self, const void* owner) {
    return config_json::put(json, self, static_cast<const Owner*>(owner)->*Member);
  };
  return field;
}

/// A key that is accepted and not used.
inline Field ignored(std::string_view name, std::string_view doc) {
  Field field;
  field.name = name;
  field.doc = doc;
  field.read = [](Reader&, const YamlNode&, const Field&, void*) {};
  field.show = [](std::string&, const Field&, const void*) { return false; };
  return field;
}

/// A key of some servers only.
inline Field going(Field::Goes goes, Field field) {
  field.goes = goes;
  return field;
}
/// A key that is read after all others.
inline Field late(Field field) {
  field.late = true;
  return field;
}
/// Read under this name too, but shown under another.
inline Field hidden(Field field) {
  field.show = [](std::string&, const Field&, const void*) { return false; };
  return field;
}

/// A key that means something only while the key `key` of the same block has this value.
inline Field when(std::string_view key, std::string_view value, Field field) {
  field.when = {key, value};
  return field;
}

/// Shapes, each with its bounds, words, rules or inner block.
inline Shape count(std::uint64_t min, std::uint64_t max) {
  return {.kind = Shape::Kind::count, .min = min, .max = max};
}
inline Shape size(std::uint64_t min, std::uint64_t max) {
  return {.kind = Shape::Kind::size, .min = min, .max = max};
}
inline Shape duration(std::uint64_t min, std::uint64_t max) {
  return {.kind = Shape::Kind::duration, .min = min, .max = max};
}
inline Shape auto_duration(std::uint64_t min, std::uint64_t max) {
  return {.kind = Shape::Kind::auto_duration, .min = min, .max = max};
}
inline Shape share(std::uint64_t min, std::uint64_t max) {
  return {.kind = Shape::Kind::share, .min = min, .max = max};
}
inline Shape choice(std::span<const std::string_view> words) {
  return {.kind = Shape::Kind::choice, .choices = words};
}
inline Shape block(const Block& inner) { return {.kind = Shape::Kind::block, .block = &inner}; }
inline Shape switchable(const Block& inner) {
  return {.kind = Shape::Kind::block, .block = &inner, .switchable = true};
}
inline Shape text(Shape::Rule rule) { return {.kind = Shape::Kind::text, .rule = rule}; }
inline Shape texts(Shape::Rule rule) { return {.kind = Shape::Kind::texts, .rule = rule}; }
inline Shape block_map(const Block& inner, Shape::Rule name_rule) {
  return {.kind = Shape::Kind::block_map, .block = &inner, .name_rule = name_rule};
}
inline Shape secret_map(Shape::Rule rule, Shape::Rule name_rule) {
  return {
      .kind = Shape::Kind::text_map, .rule = rule, .name_rule = name_rule, .secret = Shape::Secret::values};
}
inline Shape hiding(Shape::Secret secret, Shape shape) {
  shape.secret = secret;
  return shape;
}

}  // namespace weir::table

// The table of keys: parsing, validation, the JSON Schema, the reference and the printed effective
// configuration are all made from it. A new key is one Field in keys*.cc bound to its
// member of config.h; a new sort of value is one Shape::Kind, one overload in Reader and one in writer.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/yaml.h"

namespace weir {

class Reader;
struct Block;

/// What a value looks like.
struct Shape {
  enum class Kind : std::uint8_t {
    ignored,        // accepted and not used
    flag,           // true, false
    count,          // min..max
    auto_count,     // the same, or auto
    duration,       // min..max in milliseconds
    auto_duration,  // the same, or auto
    size,           // min..max in bytes
    share,          // min..max in percent
    factor,         // 0, or a number from min to max
    text,
    choice,       // one of choices
    address,      // HOST:PORT
    percentile,   // min..max in milliseconds, or p50 to p99
    hash_key,     // one of choices, or header:NAME
    resolver,     // one of choices, or dns://ADDRESS:PORT
    texts,        // a list
    statuses,     // one of min..max, or a list
    text_map,     // names to texts
    count_map,    // names to min..max
    choice_map,   // names to choices
    block,        // keys of `block`
    block_list,   // a list of blocks
    block_map,    // names to blocks
    listen,       // an address, a block, or a list of both
    admin,        // an address, a block, or false
    off_address,  // an address, or false
    endpoints,    // a list of URLs and blocks
  };
  /// What the printed configuration hides.
  enum class Secret : std::uint8_t { no, whole, values, url, arguments };
  using Rule = std::string (*)(std::string_view text);  // what is wrong, or nothing

  /// What may stand there: its type, and its bounds, choices or inner block as the type needs them.
  Kind kind = Kind::ignored;
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  std::span<const std::string_view> choices = {};
  const Block* block = nullptr;
  Rule rule = nullptr;       // of a text, of each text
  Rule name_rule = nullptr;  // of each name of a map
  Secret secret = Secret::no;
  bool switchable = false;  // a block that may also be `false`
};

/// A choice of the same block that must have been made for a key to mean anything.
struct Condition {
  std::string_view key;  // empty: none
  std::string_view value;
};

/// One key of a block.
struct Field {
  enum class Goes : std::uint8_t { anywhere, with_url, with_command };
  std::string_view name;
  Shape shape;
  std::string_view fallback;  // the default as it would be written; empty: none
  std::string_view doc;       // one sentence
  void (*read)(Reader& reader, const YamlNode& node, const Field& field, void* owner) = nullptr;
  bool (*show)(std::string& json, const Field& field, const void* owner) = nullptr;  // false: nothing to show
  Goes goes = Goes::anywhere;
  bool late = false;  // read after all others: it depends on them
  Condition when;
};

/// The keys of one block of the file.
struct Block {
  std::string_view title;  // for the reference
  std::vector<Field> fields;
  std::span<const std::string_view> planned = {};  // refused as not supported yet
  std::span<const std::string_view> foreign =
      {};  // clients write them; ignored with a warning in clients' files
  std::span<const std::string_view> foreign_anywhere =
      {};  // VS Code writes them under the names that are ours, too; ignored with a warning in every file

  /// The key of this name; null if the block has none.
  const Field* find(std::string_view name) const noexcept;
};

/// The blocks of the configuration, each with its keys.
const Block& root_block();
const Block& listen_block();
const Block& admin_block();
const Block& listen_tls_block();
const Block& auth_block();
const Block& limits_block();
const Block& log_block();
const Block& names_block();
const Block& timeout_block();
const Block& tls_block();
const Block& tool_block();
const Block& server_block();
const Block& endpoint_block();
const Block& load_balancing_block();
const Block& health_check_block();
const Block& outlier_detection_block();
const Block& circuit_breaker_block();
const Block& retry_block();
const Block& hedge_block();
const Block& bulkhead_block();
const Block& fallback_block();
const Block& degradation_block();

/// What the choice `key` of the block is, as it would be written.
std::string choice_of(const Block& block, std::string_view key, const void* owner);
/// True unless the field's condition says that the key means nothing as things are.
bool applies(const Block& block, const Field& field, const void* owner);
/// "a duration from 1ms to 24h, such as 30s": the end of "must be".
std::string expected(const Shape& shape);
/// "json, text or xml".
std::string either(std::span<const std::string_view> words);

}  // namespace weir

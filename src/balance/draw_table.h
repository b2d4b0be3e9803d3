// Draws by weight in constant time, from one random word. Immutable; any shard. Source: Walker's alias
// method, as Vose builds it ("A linear algorithm for generating random numbers with a given distribution").
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "balance/field.h"

namespace weir {

class DrawTable {
 public:
  explicit DrawTable(const std::vector<Member>& members);

  /// The index of a member, likely as its weight says. `bits` are all random.
  std::size_t draw(std::uint64_t bits) const noexcept {
    const std::size_t column = static_cast<std::size_t>((bits >> 32) * columns_.size() >> 32);
    const Column& found = columns_[column];
    return static_cast<std::uint32_t>(bits) < found.bound ? column : found.other;
  }

 private:
  struct Column {
    std::uint32_t bound;  // below it the column's own member, else the other one
    std::uint32_t other;
  };
  std::vector<Column> columns_;
};

}  // namespace weir

// Edits of a message as byte splices: what is not edited goes out as it came in. Gathered at write, so that a
// large message is never copied for a small change.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/message.h"

namespace weir {

/// Edits of one text, in any order of adding, none overlapping. Views given to it outlive it, strings move
/// in.
class Splices {
 public:
  explicit Splices(std::string_view text) noexcept : text_(text) {}

  /// Replaces `part`, a view into the text, by `with`.
  void replace(std::string_view part, std::string with);
  /// Puts `what` before position `at`.
  void insert(std::size_t at, std::string what);
  /// Takes out the bytes [from, to).
  void erase(std::size_t from, std::size_t to);
  /// Takes out those of an object's members for which `dropped[i]` is set, commas with them.
  void erase_members(const RawMembers& members, const std::vector<bool>& dropped);

  bool empty() const noexcept { return edits_.empty(); }
  /// The edited text appended to `out`.
  void append_to(std::string& out);
  /// The edited text as views, in order; they live as long as this and the text.
  void pieces(std::vector<std::string_view>& out);
  std::size_t edits() const noexcept { return edits_.size(); }
  /// Length of the edited text.
  std::size_t size() const noexcept;
  std::size_t offset_of(std::string_view part) const noexcept {
    return static_cast<std::size_t>(part.data() - text_.data());
  }

 private:
  void sort();
  struct Edit {
    std::size_t from;
    std::size_t to;
    std::string with;
  };
  std::string_view text_;
  std::vector<Edit> edits_;
};

/// The members of a raw JSON object that was validated.
RawMembers members_of(std::string_view raw_object);

}  // namespace weir

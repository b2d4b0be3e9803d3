// Edits of a message as byte splices: what is not edited goes out as it came in. Gathered at write, so that a
// large message is never copied for a small change.
#pragma once

#include <cstddef>
#include <forward_list>
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
  Splices(Splices&& other) noexcept;
  Splices& operator=(Splices&&) = delete;
  ~Splices() = default;

  /// Replaces `part`, a view into the text, by `with`.
  void replace(std::string_view part, std::string with);
  /// The same with a view that outlives the splices.
  void replace_view(std::string_view part, std::string_view with);
  /// Puts `what` before position `at`.
  void insert(std::size_t at, std::string what);
  /// Takes out the bytes [from, to).
  void erase(std::size_t from, std::size_t to);
  /// Takes out those of an object's members for which `dropped[i]` is set, commas with them.
  void erase_members(const RawMembers& members, const std::vector<bool>& dropped);
  /// The same of an array, whose elements are views into the text.
  void erase_elements(const std::vector<std::string_view>& elements, const std::vector<bool>& dropped);

  /// True without an edit.
  bool empty() const noexcept { return count_ == 0; }
  /// The edited text appended to `out`.
  void append_to(std::string& out);
  /// The edited text into `out`, which has room for size() bytes; gives its end.
  char* write_to(char* out);
  /// The edited text as views, in order; they live as long as this and the text.
  void pieces(std::vector<std::string_view>& out);
  /// The same into `out`, which has room for 2 * edits() + 1; gives their number.
  std::size_t pieces(std::string_view* out);
  std::size_t edits() const noexcept { return count_; }
  /// Length of the edited text.
  std::size_t size() const noexcept;
  std::size_t offset_of(std::string_view part) const noexcept {
    return static_cast<std::size_t>(part.data() - text_.data());
  }

 private:
  struct Edit {
    std::size_t from;
    std::size_t to;
    std::string_view with;
  };
  void add(const Edit& edit);
  static bool before(const Edit& a, const Edit& b) noexcept;
  template <class Begin, class End>
  void erase_parts(const std::vector<bool>& dropped, Begin begin_of, End end_of);
  std::string_view own(std::string text);
  void sort();
  Edit* edits_begin() noexcept { return more_.empty() ? few_ : more_.data(); }

  static constexpr std::size_t kFew = 6;
  std::string_view text_;
  std::size_t count_ = 0;
  union {
    Edit few_[kFew];  // until there are more: then all are in more_
  };
  std::vector<Edit> more_;
  std::forward_list<std::string> owned_;
};

/// The members of a raw JSON object that was validated.
RawMembers members_of(std::string_view raw_object);

}  // namespace weir

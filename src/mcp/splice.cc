#include "mcp/splice.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"

namespace weir {

Splices::Splices(Splices&& other) noexcept
    : text_(other.text_),
      count_(other.count_),
      more_(std::move(other.more_)),
      owned_(std::move(other.owned_)) {
  for (std::size_t i = 0; i < std::min(count_, kFew); ++i) new (&few_[i]) Edit(other.few_[i]);
}

void Splices::add(const Edit& edit) {
  if (count_ < kFew) {
    new (&few_[count_]) Edit(edit);
  } else {
    if (more_.empty()) more_.assign(few_, few_ + count_);
    more_.push_back(edit);
  }
  ++count_;
}

std::string_view Splices::own(std::string text) { return owned_.emplace_front(std::move(text)); }

void Splices::replace(std::string_view part, std::string with) { replace_view(part, own(std::move(with))); }

void Splices::replace_view(std::string_view part, std::string_view with) {
  const std::size_t from = offset_of(part);
  add({from, from + part.size(), with});
}

void Splices::insert(std::size_t at, std::string what) { add({at, at, own(std::move(what))}); }

void Splices::erase(std::size_t from, std::size_t to) { add({from, to, {}}); }

// Takes parts out of a comma-separated run, with as many commas.
template <class Begin, class End>
void Splices::erase_parts(const std::vector<bool>& dropped, Begin begin_of, End end_of) {
  const std::size_t size = dropped.size();
  std::size_t kept_after = size;  // the last part that stays
  while (kept_after > 0 && dropped[kept_after - 1]) --kept_after;
  for (std::size_t i = 0; i < kept_after; ++i)
    if (dropped[i]) erase(begin_of(i), begin_of(i + 1));
  if (kept_after == size) return;
  // What follows the last one that stays goes with the comma before it.
  erase(kept_after == 0 ? begin_of(0) : end_of(kept_after - 1), end_of(size - 1));
}

void Splices::erase_members(const RawMembers& members, const std::vector<bool>& dropped) {
  erase_parts(
      dropped, [&](std::size_t i) { return offset_of(members[i].name) - 1; },
      [&](std::size_t i) { return offset_of(members[i].value) + members[i].value.size(); });
}

void Splices::erase_elements(const std::vector<std::string_view>& elements,
                             const std::vector<bool>& dropped) {
  erase_parts(
      dropped, [&](std::size_t i) { return offset_of(elements[i]); },
      [&](std::size_t i) { return offset_of(elements[i]) + elements[i].size(); });
}

// What is put before a place goes in front of what is taken out there.
bool Splices::before(const Edit& a, const Edit& b) noexcept {
  return a.from < b.from || (a.from == b.from && a.to < b.to);
}

void Splices::sort() {
  // Few, and mostly in order already.
  Edit* const edits = edits_begin();
  for (std::size_t i = 1; i < count_; ++i)
    for (std::size_t j = i; j > 0 && before(edits[j], edits[j - 1]); --j) std::swap(edits[j], edits[j - 1]);
  // What overlapped would be written beyond its room.
  for (std::size_t i = 1; i < count_; ++i) WEIR_CHECK(edits[i].from >= edits[i - 1].to);
}

std::size_t Splices::pieces(std::string_view* out) {
  sort();
  const Edit* const edits = edits_begin();
  std::string_view* next = out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    *next++ = text_.substr(at, edits[i].from - at);
    *next++ = edits[i].with;
    at = edits[i].to;
  }
  *next++ = text_.substr(at);
  return static_cast<std::size_t>(next - out);
}

void Splices::pieces(std::vector<std::string_view>& out) {
  const std::size_t before = out.size();
  out.resize(before + 2 * count_ + 1);
  pieces(out.data() + before);
}

void Splices::append_to(std::string& out) {
  std::vector<std::string_view> all;
  pieces(all);
  out.reserve(out.size() + size());
  for (const std::string_view piece : all) out.append(piece);
}

char* Splices::write_to(char* out) {
  sort();
  const Edit* const edits = edits_begin();
  std::size_t at = 0;
  const auto put = [&](std::string_view piece) {
    std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  };
  for (std::size_t i = 0; i < count_; ++i) {
    put(text_.substr(at, edits[i].from - at));
    if (!edits[i].with.empty()) put(edits[i].with);
    at = edits[i].to;
  }
  put(text_.substr(at));
  return out;
}

std::size_t Splices::size() const noexcept {
  std::size_t size = text_.size();
  const Edit* const edits = more_.empty() ? few_ : more_.data();
  for (std::size_t i = 0; i < count_; ++i) size += edits[i].with.size() - (edits[i].to - edits[i].from);
  return size;
}

RawMembers members_of(std::string_view raw_object) {
  RawMembers members;
  JsonCursor cursor(raw_object, JsonLimits(), false);
  if (!cursor.enter_object()) return members;
  std::string_view name;
  while (cursor.next_member(name)) {
    members.add(RawMember(name, cursor.take_value()));
  }
  return members;
}

}  // namespace weir

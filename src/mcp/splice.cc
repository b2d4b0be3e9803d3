#include "mcp/splice.h"

#include <utility>

namespace weir {

void Splices::replace(std::string_view part, std::string with) {
  const std::size_t from = offset_of(part);
  edits_.push_back({from, from + part.size(), std::move(with)});
}

void Splices::insert(std::size_t at, std::string what) { edits_.push_back({at, at, std::move(what)}); }

void Splices::erase(std::size_t from, std::size_t to) { edits_.push_back({from, to, {}}); }

void Splices::erase_members(const RawMembers& members, const std::vector<bool>& dropped) {
  const auto begin_of = [&](std::size_t i) { return offset_of(members[i].name) - 1; };
  const auto end_of = [&](std::size_t i) { return offset_of(members[i].value) + members[i].value.size(); };
  std::size_t kept_after = members.size();  // the last member that stays
  while (kept_after > 0 && dropped[kept_after - 1]) --kept_after;
  for (std::size_t i = 0; i < kept_after; ++i)
    if (dropped[i]) erase(begin_of(i), begin_of(i + 1));
  if (kept_after == members.size()) return;
  // What follows the last one that stays goes with the comma before it.
  erase(kept_after == 0 ? begin_of(0) : end_of(kept_after - 1), end_of(members.size() - 1));
}

void Splices::sort() {
  // Few, and mostly in order already.
  for (std::size_t i = 1; i < edits_.size(); ++i)
    for (std::size_t j = i; j > 0 && edits_[j].from < edits_[j - 1].from; --j)
      std::swap(edits_[j], edits_[j - 1]);
}

void Splices::append_to(std::string& out) {
  sort();
  out.reserve(out.size() + size());
  std::size_t at = 0;
  for (const Edit& edit : edits_) {
    out.append(text_.substr(at, edit.from - at));
    out.append(edit.with);
    at = edit.to;
  }
  out.append(text_.substr(at));
}

void Splices::pieces(std::vector<std::string_view>& out) {
  sort();
  std::size_t at = 0;
  for (const Edit& edit : edits_) {
    out.push_back(text_.substr(at, edit.from - at));
    out.push_back(edit.with);
    at = edit.to;
  }
  out.push_back(text_.substr(at));
}

std::size_t Splices::size() const noexcept {
  std::size_t size = text_.size();
  for (const Edit& edit : edits_) size += edit.with.size() - (edit.to - edit.from);
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

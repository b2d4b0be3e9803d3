// The files that hold what servers were last known to offer: what is read is written and read again as the
// same, and a byte that is not as it was written costs the whole file. The first two bytes choose a change.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/digest.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "gateway/last_good_text.h"

namespace {

using weir::LastGoodText;

bool same(const LastGoodText& a, const LastGoodText& b) {
  if (a.server != b.server || a.marks != b.marks) return false;
  const weir::KeptFacts& one = a.kept.facts;
  const weir::KeptFacts& other = b.kept.facts;
  if (bool(one) != bool(other)) return false;
  if (one && (!(*one.facts == *other.facts) || one.seen != other.seen)) return false;
  for (std::size_t k = 0; k < weir::kListKinds; ++k) {
    const weir::KeptList& list = a.kept.lists[k];
    const weir::KeptList& again = b.kept.lists[k];
    if (bool(list) != bool(again)) return false;
    if (!list) continue;
    if (list.seen != again.seen || list.page->entries.size() != again.page->entries.size()) return false;
    for (std::size_t i = 0; i < list.page->entries.size(); ++i)
      if (list.page->entries[i].raw != again.page->entries[i].raw) return false;
  }
  return true;
}

void check(std::string_view text, std::size_t at, std::size_t change) {
  LastGoodText content;
  std::string fault;
  const bool good = weir::read_last_good(text, content, fault);
  WEIR_CHECK(good == fault.empty());
  if (!good) return;
  const std::string written = weir::write_last_good(content);
  LastGoodText again;
  WEIR_CHECK(weir::read_last_good(written, again, fault) && same(content, again));
  WEIR_CHECK(weir::write_last_good(again) == written);
  const std::string_view body = std::string_view(written).substr(written.find('\n') + 1);
  weir::fuzz::PlainReader reader;
  reader.depth_max = 200;
  WEIR_CHECK(reader.read(body).has_value());

  std::string other(written);
  char& c = other[at % other.size()];
  c = static_cast<char>(static_cast<unsigned char>(c) ^ (change % 255 + 1));
  LastGoodText none;
  WEIR_CHECK(!weir::read_last_good(other, none, fault) && !fault.empty());
  WEIR_CHECK(!weir::read_last_good(std::string_view(written).substr(0, at % written.size()), none, fault));
  WEIR_CHECK(!weir::read_last_good(written + ' ', none, fault));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  weir::fuzz::Input input(data, size);
  const std::size_t at = input.byte() * 37U;
  const std::size_t change = input.byte();
  const std::string_view body = input.rest();
  check(body, at, change);
  // The line that it needs, taken from what is written of nothing.
  static const std::string title = [] {
    const std::string nothing = weir::write_last_good(LastGoodText());
    const std::string line = nothing.substr(0, nothing.find('\n'));
    return line.substr(0, line.rfind(' ') + 1);
  }();
  const weir::Digest digest = weir::sha256(body);
  check(title + weir::hex(digest, digest.size()) + "\n" + std::string(body), at, change);
  return 0;
}

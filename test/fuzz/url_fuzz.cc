// What a server names as its endpoint, resolved against where it was read: a URL that reads back as itself,
// or a reason. Nothing in it can end the request line or the Host field that it is written into.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/url.h"

namespace {

void check(const weir::Url& url) {
  WEIR_CHECK(!url.host.empty() && url.port != 0 && url.path.starts_with('/'));
  for (const std::string& part : {url.path, url.authority()})
    for (const char c : part) WEIR_CHECK(c > ' ' && c != 0x7F);
  WEIR_CHECK(url.path.find('#') == std::string::npos);
  std::string reason;
  const auto again = weir::parse_url((url.tls ? "https://" : "http://") + url.authority() + url.path, reason);
  WEIR_CHECK(again && weir::same_origin(*again, url) && again->path == url.path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string reason;
  if (const auto url = weir::parse_url(text, reason))
    check(*url);
  else
    WEIR_CHECK(!reason.empty());
  for (const std::string_view at : {"http://host:81/a/b?c", "https://[::1]/sse"}) {
    const auto base = weir::parse_url(at, reason);
    WEIR_CHECK(base.has_value());
    reason.clear();
    if (const auto url = weir::resolve_url(*base, text, reason))
      check(*url);
    else
      WEIR_CHECK(!reason.empty());
  }
  return 0;
}

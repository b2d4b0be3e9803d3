#include "http/inflate.h"

#include <zlib.h>

#include <new>

#include "base/bytes.h"
#include "http/head.h"

namespace weir {
namespace {

constexpr int kWindow = 15;  // the largest
constexpr int kGzip = 16;    // added: with gzip's head and tail, not zlib's

class ZlibInflater final : public Inflater {
 public:
  explicit ZlibInflater(bool gzip) {
    if (inflateInit2(&stream_, kWindow + (gzip ? kGzip : 0)) != Z_OK) throw std::bad_alloc();
  }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;
  ~ZlibInflater() override { inflateEnd(&stream_); }

  void feed(std::string_view packed) noexcept override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
  }
  State next() override {
    if (ended_) return stream_.avail_in == 0 ? State::done : State::broken;
    if (!out_) out_ = Buffer(Buffer::kReceive);
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
    stream_.avail_out = static_cast<uInt>(out_.capacity());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return State::broken;
    ended_ = result == Z_STREAM_END;
    size_ = out_.capacity() - stream_.avail_out;
    if (stream_.total_out > kFreeMax && stream_.total_out / kRatioMax > stream_.total_in)
      return State::too_much;
    if (size_ != 0) return State::data;
    return ended_ ? next() : State::more;
  }
  std::string_view data() const noexcept override { return {out_.data(), size_}; }

 private:
  z_stream stream_{};
  Buffer out_;
  std::size_t size_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Inflater> Inflater::of(std::string_view coding) {
  // Both names of one: RFC 9110, section 8.4.1.3.
  if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip"))
    return std::make_unique<ZlibInflater>(true);
  if (equals_ignoring_case(coding, "deflate")) return std::make_unique<ZlibInflater>(false);
  return nullptr;
}

}  // namespace weir

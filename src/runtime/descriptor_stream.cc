#include "runtime/descriptor_stream.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <utility>

#include "runtime/shard.h"

namespace weir {
namespace {

using boost::system::error_code;
using Descriptor = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

// Shared with the operations under way, so that a closed stream's late completions find no one.
struct Core {
  Core(boost::asio::io_context& io, Shard& home) : reader(io), writer(io), shard(home) {}
  Descriptor reader;
  Descriptor writer;
  Shard& shard;
  StreamEvents* events = nullptr;
  std::uint32_t read_serial = 0;
};

class DescriptorStream final : public Stream {
 public:
  DescriptorStream(std::shared_ptr<Core> core, std::string name)
      : core_(std::move(core)), name_(std::move(name)) {}
  ~DescriptorStream() override { close(); }

  void bind(StreamEvents& events) noexcept override { core_->events = &events; }

  void start_read(std::span<char> into) noexcept override {
    core_->reader.async_read_some(
        boost::asio::buffer(into.data(), into.size()),
        [core = core_, serial = core_->read_serial](const error_code& error, std::size_t size) {
          if (core->events == nullptr || core->read_serial != serial) return;
          const IoStatus status = !error                             ? IoStatus::ok
                                  : error == boost::asio::error::eof ? IoStatus::end
                                                                     : IoStatus::failed;
          core->shard.turn([&] { core->events->on_read(status, size); });
        });
  }

  void start_wait() noexcept override {
    core_->reader.async_wait(Descriptor::wait_read,
                             [core = core_, serial = core_->read_serial](const error_code&) {
                               if (core->events == nullptr || core->read_serial != serial) return;
                               core->shard.turn([&] { core->events->on_readable(); });
                             });
  }

  void cancel_read() noexcept override {
    ++core_->read_serial;
    error_code ignored;
    core_->reader.cancel(ignored);
  }

  std::ptrdiff_t try_write(std::span<const iovec> pieces) noexcept override {
    if (!core_->writer.is_open()) return -1;
    while (true) {
      const ssize_t sent =
          ::writev(core_->writer.native_handle(), pieces.data(), static_cast<int>(pieces.size()));
      if (sent >= 0) return sent;
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
  }

  void start_writable() noexcept override {
    core_->writer.async_wait(Descriptor::wait_write, [core = core_](const error_code&) {
      if (core->events == nullptr) return;
      core->shard.turn([&] { core->events->on_writable(); });
    });
  }

  void shutdown_write() noexcept override {
    error_code ignored;
    core_->writer.close(ignored);
  }

  void close() noexcept override {
    core_->events = nullptr;
    ++core_->read_serial;
    error_code ignored;
    core_->reader.close(ignored);
    core_->writer.close(ignored);
  }

  std::string peer() const override { return name_; }

 private:
  std::shared_ptr<Core> core_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<Stream>> make_descriptor_stream(boost::asio::io_context& io, Shard& shard, int read_fd,
                                                       int write_fd, std::string name) {
  auto core = std::make_shared<Core>(io, shard);
  error_code error;
  const auto take = [&](Descriptor& descriptor, int fd) {
    if (fd < 0) return;
    if (!error) descriptor.assign(fd, error);
    if (!error) descriptor.non_blocking(true, error);
    if (error && !descriptor.is_open()) ::close(fd);
  };
  take(core->reader, read_fd);
  take(core->writer, write_fd);
  if (error)
    return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no, name + ": " + error.message());
  return std::unique_ptr<Stream>(std::make_unique<DescriptorStream>(std::move(core), std::move(name)));
}

}  // namespace weir

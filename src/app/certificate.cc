#include "app/certificate.h"

namespace weir {

Result<void> Certificate::load() {
  Result<std::unique_ptr<TlsContext>> read = TlsContext::server(files_.cert, files_.key);
  if (!read) return fail(read.error());
  std::lock_guard lock(lock_);
  context_ = std::move(*read);
  return {};
}

std::shared_ptr<TlsContext> Certificate::context() const {
  std::lock_guard lock(lock_);
  return context_;
}

}  // namespace weir

// The certificate of one address, read from files that change under way: a renewed one is served from the
// next connection on, a broken one never.
#pragma once

#include <memory>
#include <mutex>

#include "config/config.h"
#include "http/tls.h"

namespace weir {

class Certificate {
 public:
  explicit Certificate(ListenTlsConfig files) : files_(std::move(files)) {}

  /// Reads the files. Errors: why they are no good (what was served before stays). Any thread.
  Result<void> load();
  /// What connections are served with; null before the first good load(). Any thread.
  std::shared_ptr<TlsContext> context() const;
  const ListenTlsConfig& files() const noexcept { return files_; }

 private:
  const ListenTlsConfig files_;
  mutable std::mutex lock_;
  std::shared_ptr<TlsContext> context_;  // its lock
};

}  // namespace weir

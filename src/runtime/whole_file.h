// Small files read and replaced whole: a reader sees the old content or the new one, also after a crash. For
// the control shard: they block.
#pragma once

#include <string>
#include <string_view>

#include "runtime/time.h"

namespace weir {

/// Reads a regular file of at most `bytes_max`. 0, or errno's number: ENOENT without a file, EFBIG, EINVAL
/// for what is no file.
int read_file(const std::string& path, std::size_t bytes_max, std::string& text);
/// Replaces the file, or makes it with mode 0600: a temporary one beside it, fsync, rename. Empty, or why
/// not.
std::string replace_file(const std::string& path, std::string_view text);
/// A name beside `path` that nobody else uses at this moment.
std::string temporary_beside(const std::string& path);
/// Takes out the temporary files of names that end with `ending`, which a process that died has left in
/// `folder`.
void clear_leftovers(const std::string& folder, std::string_view ending, WallTime now);
/// What an errno's number means.
std::string reason_of(int error);

}  // namespace weir

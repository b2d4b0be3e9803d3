// A connected socket as a Stream. Reads go through Asio's edge-triggered registration (one recv per message),
// writes straight to the kernel (one send per message); Asio is asked only when the socket is full.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "runtime/stream.h"

namespace weir {

class Shard;
using TcpSocket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// Wraps a connected, non-blocking socket of `shard`.
std::unique_ptr<Stream> make_tcp_stream(TcpSocket socket, Shard& shard);

}  // namespace weir

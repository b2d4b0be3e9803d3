// Asio's own functions, compiled once (separate compilation).
#include <boost/asio/impl/src.hpp>

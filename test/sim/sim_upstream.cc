#include "sim/sim_upstream.h"

#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir::sim {

Task<void> SimUpstream::serve(CancelScope& stop) {
  Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(address_, false);
  Nursery nursery;
  while (true) {
    Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(stop);
    if (!stream) break;
    nursery.start(connection(std::move(*stream), stop));
  }
  co_await nursery.join();
}

Task<void> SimUpstream::connection(std::unique_ptr<Stream> stream, CancelScope& stop) {
  PlainHttp http(std::move(stream));
  while (true) {
    PlainMessage request;
    const PlainHttp::Got got = co_await http.read(request, Duration::max(), &stop);
    if (got == PlainHttp::Got::nonsense) blame("was sent nonsense");
    if (got != PlainHttp::Got::whole) co_return;
    const bool goes_on = co_await take(http, request, stop);
    if (!goes_on) co_return;
  }
}

std::string SimUpstream::answer(int status, std::string_view body, std::string_view fields) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace weir::sim

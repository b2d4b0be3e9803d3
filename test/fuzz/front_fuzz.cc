// The whole front end in the simulator: the input is what clients write on several connections, however cut,
// and what servers answer, over simulated time. Whatever that is: every connection is answered or ended, in
// whole HTTP; no client sees what was another's; servers are sent well-formed requests, each once; and at the
// end nothing is left. How steps are written is in front/script.h.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz/front/fuzz_client.h"
#include "fuzz/front/fuzz_upstream.h"
#include "fuzz/front/script.h"
#include "sim/stage.h"

namespace {

using namespace weir;
using fuzz::FuzzClient;
using fuzz::FuzzUpstream;

class FuzzStage final : public sim::Stage {
 public:
  FuzzStage(fuzz::Script script, std::vector<std::string>& violations)
      : Stage(script.seed, fuzz::kServers, violations),
        script_(std::move(script)),
        all_(violations),
        marks_(script_.seed) {
    for (std::size_t i = 0; i < fuzz::kServers; ++i)
      servers_.push_back(std::make_unique<FuzzUpstream>(
          world_, FuzzUpstream::Options{places_[i].name, places_[i].address, i == 1}, script_.servers[i]));
  }

  void run() {
    for (const auto& server : servers_)
      world_.start(kServers, [this, &server] { return server->serve(servers_stop_); });
    begin([this] { return direct(); });
    clients_left_ = fuzz::kSlots;
    for (std::size_t i = 0; i < fuzz::kSlots; ++i)
      world_.start(kClients, [this, i] { return one_client(i); });
    if (!run_world(3'000'000)) return;
    for (const auto& server : servers_)
      for (const std::string& violation : server->violations()) blame(violation);
    take_down();
  }

 private:
  Config config() override {
    Config config = Stage::config();
    for (std::size_t i = 0; i < fuzz::kSlots; ++i) config.auth.bearer_tokens.push_back(fuzz::Marks::token(i));
    return config;
  }

  Task<void> one_client(std::size_t slot) {
    FuzzClient client(world_, slot, {gateway_address(), marks_, all_, script_.seed % 4 == 3});
    co_await client.run(script_.clients[slot]);
    --clients_left_;
  }

  Task<void> direct() {
    apply();
    for (const std::size_t server : script_.away) {
      co_await sleep(std::chrono::milliseconds(200));
      world_.set_down(places_[server].address, true);
      co_await sleep(std::chrono::milliseconds(300));
      world_.set_down(places_[server].address, false);
    }
    while (clients_left_ != 0) co_await sleep(std::chrono::milliseconds(200));
    co_await close(false);
    if (in_flight() != 0) blame("calls are in flight after the end");
    world_.shard(kServers).post([this] { servers_stop_.cancel(); });
  }

  const fuzz::Script script_;
  std::vector<std::string>& all_;
  fuzz::Marks marks_;
  std::vector<std::unique_ptr<FuzzUpstream>> servers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  std::vector<std::string> violations;
  {
    FuzzStage stage(fuzz::read_script(fuzz::Input(data, size)), violations);
    stage.run();
  }
  for (const std::string& violation : violations) std::fprintf(stderr, "%s\n", violation.c_str());
  WEIR_CHECK(violations.empty());
  return 0;
}

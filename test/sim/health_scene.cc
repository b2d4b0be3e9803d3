#include "sim/health_scene.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMostSteps = 4'000'000;  // tens of times what it takes

}  // namespace

HealthScene::HealthScene(std::size_t endpoints, std::function<void(ServerConfig&)> tune,
                         std::unique_ptr<std::vector<std::string>> violations)
    : Stage(1, 1, *violations), tune_(std::move(tune)), violations_(std::move(violations)) {
  world_.weather() = Weather();
  places_.clear();
  for (std::size_t i = 0; i < endpoints; ++i) {
    places_.push_back({"alpha", SocketAddress("10.0.1." + std::to_string(i + 1), 8080)});
    told_.push_back(std::make_unique<ToldEndpoint>(world_, places_.back().address));
  }
}

HealthScene::~HealthScene() = default;

Config HealthScene::config() {
  Config config;
  config.timeout.request = kTimeout;
  config.timeout.connect = milliseconds(500);
  ServerConfig one;
  one.name = "alpha";
  for (const Place& place : places_) {
    EndpointConfig endpoint;
    endpoint.url = "http://" + place.address.host + ":8080/mcp";
    one.endpoints.push_back(std::move(endpoint));
  }
  one.load_balancing.strategy = LoadBalancingConfig::Strategy::round_robin;
  one.load_balancing.slow_start = milliseconds(0);
  if (tune_) tune_(one);
  config.servers.push_back(std::move(one));
  return config;
}

std::shared_ptr<Endpoint> HealthScene::endpoint(std::size_t i) const {
  return upstream()->endpoints()->members[i].endpoint;
}

Task<Duration> HealthScene::until(std::function<bool()> what, Duration most) {
  const TimePoint begun = world_.now();
  while (!what() && world_.now() - begun < most) co_await sleep(milliseconds(5));
  co_return world_.now() - begun;
}

Task<std::string> HealthScene::call(Duration patience) {
  CancelScope never;
  Result<std::unique_ptr<Stream>> stream =
      co_await Shard::current().network().connect(gateway_address(), kForever, never);
  if (!stream) co_return "(no gateway)";
  PlainHttp http(std::move(*stream));
  const std::string body =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},)"
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  const std::string text =
      "POST /mcp/alpha HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
      "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  (void)co_await http.write(text, nullptr);
  PlainMessage reply;
  const PlainHttp::Got got = co_await http.read(reply, patience, nullptr);
  if (got != PlainHttp::Got::whole) co_return "(" + to_string(got) + ")";
  for (const std::string_view mark : {"\"by ", "\"reason\":\""}) {
    const std::size_t at = reply.body.find(mark);
    if (at == std::string::npos) continue;
    const std::size_t from = at + mark.size();
    co_return reply.body.substr(from, reply.body.find_first_of(" \"", from) - from);
  }
  co_return reply.start + reply.body;
}

Task<void> HealthScene::play() {
  const auto all_healthy = [this] {
    for (std::size_t i = 0; i < told_.size(); ++i)
      if (health(i) != Health::healthy) return false;
    return true;
  };
  (void)co_await until(all_healthy, seconds(5));
  if (!all_healthy()) blame("not all are healthy at first");
  co_await play_(*this);
  played_ = true;
}

Task<void> HealthScene::direct() {
  apply();
  world_.start(kClients, [this] { return play(); });
  while (!played_) co_await sleep(milliseconds(20));
  co_await close(false);
  world_.shard(kServers).post([this] { servers_stop_.cancel(); });
}

std::vector<std::string> HealthScene::run(Task<void> (*what)(HealthScene&)) {
  play_ = what;
  for (const auto& told : told_) world_.start(kServers, [this, &told] { return told->serve(servers_stop_); });
  begin([this] { return direct(); });
  if (run_world(kMostSteps)) take_down();
  return *violations_;
}

}  // namespace weir::sim

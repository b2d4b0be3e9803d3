// The part of the reader that knows a server's endpoints: where they are written, that each is there once,
// and how much of the calls it gets. What is said names an endpoint by its address, which holds no secret.
#include <algorithm>

#include "base/url.h"
#include "config/reader.h"
#include "config/suggest.h"
#include "config/text_rules.h"

namespace weir {
namespace {

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

std::string on_line(const YamlNode& node) { return "on line " + std::to_string(node.at.line); }

// What metrics, health and rings know an endpoint by. Two of the same address could not be told apart.
std::string address_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t path = std::min(url.find_first_of("/?", scheme + 3), url.size());
  return display_url(lower_case(url.substr(0, path)).append(url.substr(path)));
}

// Where the URL of each endpoint is written.
std::vector<const YamlNode*> urls_of(const YamlNode& server) {
  if (const YamlNode* url = server.find("url")) return {url};
  std::vector<const YamlNode*> out;
  for (const YamlNode& item : server.find("endpoints")->items) {
    const YamlNode* url = item.find("url");
    out.push_back(url == nullptr ? &item : url);
  }
  return out;
}

// The block of the endpoint that has this URL, where it has one.
const YamlNode* weight_of(const YamlNode& server, std::size_t place) {
  const YamlNode* endpoints = server.find("endpoints");
  return endpoints == nullptr ? nullptr : endpoints->items[place].find("weight");
}

const YamlNode* weights_of(const YamlNode& server) {
  const YamlNode* balancing = server.find("load_balancing");
  return balancing == nullptr ? nullptr : balancing->find("weights");
}

bool is_plain_http(const EndpointConfig& endpoint) {
  return lower_case(endpoint.url.substr(0, 5)) == "http:";
}

bool has_ip_address(const EndpointConfig& endpoint) {
  std::string reason;
  const std::optional<Url> url = parse_url(address_of(endpoint.url), reason);
  return url && is_ip_address(url->host);
}

}  // namespace

void Reader::value(const YamlNode& node, const Field& field, std::vector<EndpointConfig>& out) {
  if (!node.is_list()) return wrong(node, field);
  if (node.items.empty()) return error(node, field, "needs at least one url");
  for (const YamlNode& item : node.items) {
    EndpointConfig one;
    if (item.is_map()) {
      keys(item, endpoint_block(), &one);
      if (item.find("url") == nullptr) error(item, field, "needs a url");
    } else if (item.is_scalar()) {
      Field inner = *endpoint_block().find("url");
      inner.name = field.name;
      value(item, inner, one.url);
    } else {
      wrong(item, field);
    }
    out.push_back(std::move(one));
  }
}

// Code that comes after reads the endpoints and their weights alone.
void Reader::settle_endpoints(const YamlNode& node, ServerConfig& out) {
  const bool by_url = node.find("url") != nullptr;
  if (by_url || node.find("endpoints") != nullptr) {
    if (by_url) out.endpoints.assign(1, EndpointConfig{out.url});
    const bool complete =
        !out.endpoints.empty() && std::none_of(out.endpoints.begin(), out.endpoints.end(),
                                               [](const EndpointConfig& each) { return each.url.empty(); });
    if (complete) {
      merge_weights(node, out);
      check_endpoints(node, out);
      if (out.endpoints.size() == 1) out.url = out.endpoints.front().url;
    }
  } else if (const YamlNode* weights = weights_of(node)) {
    diagnostics_.error(weights->key_at,
                       "\"weights\" goes with endpoints, and the server " + quoted(node.key) + " has none");
  }
  out.load_balancing.weights.clear();
}

void Reader::merge_weights(const YamlNode& node, ServerConfig& out) {
  const YamlNode* weights = weights_of(node);
  if (weights == nullptr || !weights->is_map()) return;
  const std::vector<const YamlNode*> urls = urls_of(node);
  std::vector<std::string> addresses;
  for (const EndpointConfig& each : out.endpoints) addresses.push_back(address_of(each.url));
  std::vector<const YamlNode*> given(urls.size());
  for (const YamlNode& item : weights->items) {
    const std::string address = address_of(item.key);
    std::size_t place = 0;
    while (place < urls.size() && item.key != urls[place]->text && address != addresses[place]) ++place;
    if (place == urls.size()) {
      const std::vector<std::string_view> known(addresses.begin(), addresses.end());
      diagnostics_.error(item.key_at, quoted(address) + " is no endpoint of the server " + quoted(node.key) +
                                          did_you_mean(address, known));
      continue;
    }
    const YamlNode* before = given[place] == nullptr ? weight_of(node, place) : given[place];
    if (before != nullptr)
      diagnostics_.error(item.key_at, quoted(addresses[place]) + " has a weight already " + on_line(*before));
    given[place] = &item;
    out.endpoints[place].weight = out.load_balancing.weights[item.key];
  }
}

void Reader::check_endpoints(const YamlNode& node, const ServerConfig& server) {
  const std::vector<const YamlNode*> urls = urls_of(node);
  const auto& endpoints = server.endpoints;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const std::string address = address_of(endpoints[i].url);
    const auto end = endpoints.begin() + static_cast<std::ptrdiff_t>(i);
    const auto same = std::find_if(endpoints.begin(), end, [&](const EndpointConfig& other) {
      return address_of(other.url) == address;
    });
    if (same == end) continue;
    const YamlNode& first = *urls[static_cast<std::size_t>(same - endpoints.begin())];
    diagnostics_.error(urls[i]->at, "duplicate endpoint " + quoted(address) + " (first " + on_line(first) +
                                        "; user info and query do not count)");
  }
  const bool weightless = std::all_of(endpoints.begin(), endpoints.end(),
                                      [](const EndpointConfig& each) { return each.weight == 0; });
  if (weightless) {
    const YamlNode* weights = weights_of(node);
    const YamlNode* reach = node.find(node.find("url") == nullptr ? "endpoints" : "url");
    diagnostics_.error(
        (weights == nullptr ? reach : weights)->key_at,
        "no endpoint of the server " + quoted(node.key) + " has a weight: nothing would get calls");
  }
  using Strategy = LoadBalancingConfig::Strategy;
  if (server.load_balancing.strategy == Strategy::round_robin) {
    const auto odd = std::find_if(endpoints.begin(), endpoints.end(),
                                  [](const EndpointConfig& each) { return each.weight > 1; });
    if (odd != endpoints.end()) {
      const YamlNode* weights = weights_of(node);
      const YamlNode& place = *urls[static_cast<std::size_t>(odd - endpoints.begin())];
      diagnostics_.warning(weights == nullptr ? place.at : weights->key_at,
                           "weights above 1 do nothing with round_robin: weighted_round_robin goes by them");
    }
  }
  const auto plain = std::find_if(endpoints.begin(), endpoints.end(), is_plain_http);
  if (!server.tls_ca.empty() && plain != endpoints.end()) {
    const bool one = node.find("url") != nullptr;
    const YamlNode& place = *urls[static_cast<std::size_t>(plain - endpoints.begin())];
    diagnostics_.error(
        node.find("tls")->key_at,
        one ? "\"tls\" needs a url that starts with https://"
            : "\"tls\" needs urls that start with https://, but the one " + on_line(place) + " does not");
  }
  if (server.resolve_dns && std::all_of(endpoints.begin(), endpoints.end(), has_ip_address))
    diagnostics_.warning(node.find("resolve")->key_at,
                         "\"resolve\" does nothing here: no endpoint has a host name");
}

}  // namespace weir

// The upstream of the benchmarks: one thread, one epoll set, keep-alive HTTP/1.1, just enough MCP to be taken
// for a server of 2026-07-28. Answers come from memory with the request's id put in, so that it costs little.
// Usage: bench_stub_server [PORT [TOOLS]]. Prints its port. tools/call answers 600 B, "k16" 16 KB, "k256" 256
// KB; TOOLS is how many tools it lists, 3 if not said.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

std::string text_result(std::size_t size) {
  std::string out = R"({"resultType":"complete","content":[{"type":"text","text":")";
  const std::string end = R"("}],"isError":false})";
  while (out.size() + end.size() + 40 < size) out += "The quick brown fox jumps over the lazy dog. ";
  return out + end;
}

const std::string kSmall = text_result(600);
const std::string kMiddle = text_result(16 * 1024);
const std::string kLarge = text_result(256 * 1024);
std::string tools_result(int count) {
  std::string out = R"({"resultType":"complete","tools":[)";
  for (int i = 0; i < count; ++i) {
    const std::string name = i == 0 ? "echo" : i == 1 ? "k16" : i == 2 ? "k256" : "tool_" + std::to_string(i);
    out +=
        (i == 0 ? "{\"name\":\"" : ",{\"name\":\"") + name +
        R"(","description":"Answers with a text whose size its name tells; takes any arguments.","inputSchema":)"
        R"({"type":"object","properties":{"text":{"type":"string","description":"What to say."}}}})";
  }
  return out + R"(],"ttlMs":0,"cacheScope":"private"})";
}
std::string g_tools;
const std::string kDiscover =
    R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"})";
const std::string kEmpty =
    R"({"resultType":"complete","resources":[],"resourceTemplates":[],"prompts":[],"ttlMs":0,"cacheScope":"private"})";

std::string_view value_of(std::string_view body, std::string_view name) {
  const std::size_t at = body.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view rest = body.substr(at + name.size());
  return rest.substr(0, rest.find_first_of(",}"));
}

const std::string& result_for(std::string_view body) {
  if (body.find("\"tools/call\"") != std::string_view::npos) {
    if (body.find("\"k256\"") != std::string_view::npos) return kLarge;
    return body.find("\"k16\"") != std::string_view::npos ? kMiddle : kSmall;
  }
  if (body.find("\"tools/list\"") != std::string_view::npos) return g_tools;
  if (body.find("\"server/discover\"") != std::string_view::npos) return kDiscover;
  return kEmpty;
}

struct Peer {
  std::string in;
  std::string out;
  bool blocked = false;  // waits for room to write
};

// All whole requests in `in`; their answers into `out`.
void answer(Peer& peer) {
  while (true) {
    const std::size_t end = peer.in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    std::size_t length = 0;
    for (const char* name : {"Content-Length: ", "content-length: "})
      if (const std::size_t at = peer.in.find(name); at < end)
        length = std::strtoul(peer.in.c_str() + at + 16, nullptr, 10);
    if (peer.in.size() < end + 4 + length) return;
    const std::string_view body = std::string_view(peer.in).substr(end + 4, length);
    const std::string_view id = value_of(body, "\"id\":");
    const std::string& result = result_for(body);
    const std::size_t size = 35 + id.size() + result.size();
    peer.out +=
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(size) +
        "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":";
    peer.out.append(id).append(",\"result\":").append(result).append("  }");
    peer.in.erase(0, end + 4 + length);
  }
}

}  // namespace

int main(int argc, char** argv) {
  g_tools = tools_result(argc > 2 ? std::atoi(argv[2]) : 3);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4096) != 0)
    return 1;
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  const int loop = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
  std::unordered_map<int, Peer> peers;
  static char buffer[1 << 20];
  while (true) {
    epoll_event events[256];
    const int count = epoll_wait(loop, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        event.events = EPOLLIN;
        event.data.fd = peer;
        epoll_ctl(loop, EPOLL_CTL_ADD, peer, &event);
        peers[peer];
        continue;
      }
      Peer& peer = peers[fd];
      if ((events[i].events & EPOLLIN) != 0) {
        const ssize_t got = read(fd, buffer, sizeof buffer);
        if (got <= 0) {
          close(fd);
          peers.erase(fd);
          continue;
        }
        peer.in.append(buffer, static_cast<std::size_t>(got));
        answer(peer);
      }
      if (!peer.out.empty()) {
        const ssize_t sent = send(fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
        if (sent > 0) peer.out.erase(0, static_cast<std::size_t>(sent));
        if (peer.blocked == !peer.out.empty()) continue;
        peer.blocked = !peer.out.empty();
        event.events = peer.blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(loop, EPOLL_CTL_MOD, fd, &event);
      }
    }
  }
}

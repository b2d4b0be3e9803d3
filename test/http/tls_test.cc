// TLS in the simulator: data both ways in bad weather, verification that refuses, sessions resumed.
#include "http/tls.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "runtime/channel.h"
#include "sim/sim_world.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

// A self-signed certificate for `dns` (and 127.0.0.1 when asked), as two PEM files that go with the object.
class Certificate {
 public:
  explicit Certificate(const char* dns, bool expired = false) {
    static int serial = 0;
    const std::string base =
        ::testing::TempDir() + "weir_tls_" + std::to_string(::getpid()) + "_" + std::to_string(++serial);
    cert_file = base + ".crt";
    key_file = base + ".key";
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert), expired ? -3600 : 3600);
    X509_set_pubkey(cert, key);
    X509_NAME* name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("weir test"),
                               -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509V3_CTX context;
    X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
    const std::string names = std::string("DNS:") + dns + ",IP:127.0.0.1";
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, names.c_str());
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert, key, EVP_sha256());
    FILE* file = std::fopen(cert_file.c_str(), "w");
    PEM_write_X509(file, cert);
    std::fclose(file);
    file = std::fopen(key_file.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
  }
  ~Certificate() {
    std::filesystem::remove(cert_file);
    std::filesystem::remove(key_file);
  }
  std::string cert_file;
  std::string key_file;
};

Task<void> serve_one(Listener& listener, TlsContext& tls) {
  CancelScope scope;
  Result<std::unique_ptr<Stream>> plain = co_await listener.accept(scope);
  Result<std::unique_ptr<Stream>> stream =
      co_await tls.wrap(std::move(*plain), std::string(), kForever, scope);
  if (!stream) co_return;
  Channel channel(std::move(*stream));
  while (true) {
    const Result<std::size_t> got = co_await channel.fill(kForever, nullptr);
    if (!got || *got == 0) co_return;
    const std::string text(channel.pending());
    channel.consume(text.size());
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    if (!co_await channel.write(std::span<const iovec>(&piece, 1), kForever, nullptr)) co_return;
  }
}

struct Outcome {
  std::string echoed;
  std::string error;
  bool resumed = false;
};

Task<void> call_one(TlsContext& tls, std::string host, std::string text, Outcome& outcome) {
  CancelScope scope;
  const SocketAddress address("10.0.0.1", 443);
  Result<std::unique_ptr<Stream>> plain =
      co_await Shard::current().network().connect(address, kForever, scope);
  Result<std::unique_ptr<Stream>> stream =
      co_await tls.wrap(std::move(*plain), std::move(host), kForever, scope);
  if (!stream) {
    outcome.error = stream.error().detail();
    co_return;
  }
  Stream* const raw = stream->get();
  Channel channel(std::move(*stream));
  Nursery nursery;
  nursery.start([](Channel& c, const std::string& t) -> Task<void> {
    const iovec piece{const_cast<char*>(t.data()), t.size()};
    (void)co_await c.write(std::span<const iovec>(&piece, 1), kForever, nullptr);
  }(channel, text));
  while (outcome.echoed.size() < text.size()) {
    const Result<std::size_t> got = co_await channel.fill(kForever, nullptr);
    if (!got || *got == 0) break;
    outcome.echoed += channel.pending();
    channel.consume(channel.pending().size());
  }
  co_await nursery.join();
  outcome.resumed = tls_resumed(*raw);
}

Outcome exchange(TlsContext& server, TlsContext& client, const std::string& host, const std::string& text,
                 std::uint64_t seed) {
  sim::World world(2, seed);
  world.weather().slice_max = seed % 2 == 0 ? 11 : 100000;
  world.weather().window = seed % 3 == 0 ? 999 : 300000;
  world.weather().delay_max = milliseconds(seed % 4);
  Result<std::unique_ptr<Listener>> listener =
      world.shard(1).network().listen(SocketAddress("10.0.0.1", 443), false);
  Outcome outcome;
  world.start(1, [&] { return serve_one(**listener, server); });
  world.start(0, [&] { return call_one(client, host, text, outcome); });
  EXPECT_TRUE(world.run()) << "seed " << seed;
  return outcome;
}

TEST(Tls, CarriesDataBothWaysAndResumes) {
  const Certificate certificate("search.example.com");
  auto server = TlsContext::server(certificate.cert_file, certificate.key_file);
  auto client = TlsContext::client(certificate.cert_file);
  ASSERT_TRUE(server && client);
  std::string text(70000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('0' + i % 77);
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Outcome outcome = exchange(**server, **client, "search.example.com", text, seed);
    ASSERT_EQ(outcome.error, "");
    ASSERT_EQ(outcome.echoed, text) << "seed " << seed;
    EXPECT_EQ(outcome.resumed, seed != 1) << "seed " << seed;
  }
  EXPECT_EQ(exchange(**server, **client, "127.0.0.1", "hello", 3).echoed, "hello");
}

TEST(Tls, RefusesWhatItCannotVerify) {
  const Certificate certificate("search.example.com");
  const Certificate other("search.example.com");
  const Certificate old("search.example.com", true);
  auto server = TlsContext::server(certificate.cert_file, certificate.key_file);
  auto trusting = TlsContext::client(certificate.cert_file);
  auto stranger = TlsContext::client(other.cert_file);
  ASSERT_TRUE(server && trusting && stranger);
  EXPECT_NE(exchange(**server, **stranger, "search.example.com", "x", 1).error.find("certificate"),
            std::string::npos);
  EXPECT_NE(exchange(**server, **trusting, "evil.example.com", "x", 1).error.find("hostname mismatch"),
            std::string::npos);
  EXPECT_NE(exchange(**server, **trusting, "127.0.0.2", "x", 1).error.find("IP address mismatch"),
            std::string::npos);
  auto expired = TlsContext::server(old.cert_file, old.key_file);
  auto client = TlsContext::client(old.cert_file);
  ASSERT_TRUE(expired && client);
  EXPECT_NE(exchange(**expired, **client, "search.example.com", "x", 1).error.find("expired"),
            std::string::npos);
}

TEST(Tls, SaysWhatIsWrongWithFiles) {
  const Certificate a("a.example.com"), b("b.example.com");
  EXPECT_FALSE(TlsContext::client("/nowhere.pem").has_value());
  EXPECT_FALSE(TlsContext::server("/nowhere.pem", a.key_file).has_value());
  const auto mixed = TlsContext::server(a.cert_file, b.key_file);
  ASSERT_FALSE(mixed.has_value());
  EXPECT_NE(mixed.error().detail().find(b.key_file), std::string::npos);
}

}  // namespace
}  // namespace weir

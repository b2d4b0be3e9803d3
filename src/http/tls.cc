#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "http/tls_stream.h"
#include "runtime/waiter.h"

namespace weir {
namespace {

struct FreeSession {
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};

constexpr std::size_t kSessionsMax = 256;  // hosts remembered for resumption
// Of TLS 1.2; those of 1.3 are all good.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string last_reason(const char* what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return std::string(what) + (reason == nullptr ? "" : std::string(": ") + reason);
}

auto bad(const char* what) {
  return fail(Error::Kind::invalid_request, Error::Side::gateway, Error::Sent::no, last_reason(what));
}

// Why a file of a certificate or key can't be used.
auto bad_file(const std::string& file, const char* what) {
  const int there = ::access(file.c_str(), R_OK);
  const std::string reason = there != 0 ? std::string("cannot be read: ") + std::strerror(errno)
                                        : std::string("holds no ") + what + " in PEM form";
  ERR_clear_error();
  return fail(Error::Kind::invalid_request, Error::Side::gateway, Error::Sent::no, file + ' ' + reason);
}

bool is_numeric(const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  const bool numeric = address != nullptr;
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  return numeric;
}

// A client that speaks other protocols only is told so in the handshake, not by bytes it can't read.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  static constexpr std::string_view kHttp = "http/1.1";
  const std::string_view all(reinterpret_cast<const char*>(offered), offered_size);
  for (std::size_t at = 0; at < all.size(); at += static_cast<unsigned char>(all[at]) + std::size_t{1}) {
    const std::string_view one = all.substr(at + 1, static_cast<unsigned char>(all[at]));
    if (one != kHttp) continue;
    *out = reinterpret_cast<const unsigned char*>(one.data());
    *out_size = static_cast<unsigned char>(one.size());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct TlsContext::Inner {
  SSL_CTX* context = nullptr;
  bool server = false;
  bool any_name = false;  // the one certificate that is trusted is the server's own
  std::map<std::string, std::unique_ptr<SSL_SESSION, FreeSession>> sessions;
  ~Inner() { SSL_CTX_free(context); }

  // OpenSSL hands over each new ticket here; the host was left on the connection by wrap().
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* self = static_cast<Inner*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const char* host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (self == nullptr || host == nullptr) return 0;
    if (self->sessions.size() >= kSessionsMax && !self->sessions.contains(host)) return 0;
    self->sessions[host].reset(session);
    return 1;
  }
};

TlsContext::TlsContext(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::client(const std::string& ca_file) {
  auto inner = std::make_unique<Inner>();
  inner->context = SSL_CTX_new(TLS_client_method());
  if (inner->context == nullptr) return bad("TLS");
  SSL_CTX_set_min_proto_version(inner->context, TLS1_2_VERSION);
  SSL_CTX_set_verify(inner->context, SSL_VERIFY_PEER, nullptr);
  const int trusted = ca_file.empty() ? SSL_CTX_set_default_verify_paths(inner->context)
                                      : SSL_CTX_load_verify_file(inner->context, ca_file.c_str());
  if (trusted != 1) return bad(ca_file.empty() ? "the system's trust store" : ca_file.c_str());
  SSL_CTX_set_session_cache_mode(inner->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(inner->context, &Inner::keep_session);
  SSL_CTX_set_app_data(inner->context, inner.get());
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(inner)));
}

Result<std::unique_ptr<TlsContext>> TlsContext::client_of(const std::string& cert_file) {
  auto inner = std::make_unique<Inner>();
  inner->any_name = true;
  inner->context = SSL_CTX_new(TLS_client_method());
  if (inner->context == nullptr) return bad("TLS");
  SSL_CTX_set_min_proto_version(inner->context, TLS1_2_VERSION);
  SSL_CTX_set_verify(inner->context, SSL_VERIFY_PEER, nullptr);
  BIO* const file = BIO_new_file(cert_file.c_str(), "r");
  X509* const own = file == nullptr ? nullptr : PEM_read_bio_X509(file, nullptr, nullptr, nullptr);
  BIO_free(file);
  if (own == nullptr) return bad(cert_file.c_str());
  // It alone, though others stand behind it in the file: these may have signed for anybody.
  X509_STORE_add_cert(SSL_CTX_get_cert_store(inner->context), own);
  X509_free(own);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(inner->context), X509_V_FLAG_PARTIAL_CHAIN);
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(inner)));
}

Result<std::unique_ptr<TlsContext>> TlsContext::server(const std::string& cert_file,
                                                       const std::string& key_file) {
  auto inner = std::make_unique<Inner>();
  inner->server = true;
  inner->context = SSL_CTX_new(TLS_server_method());
  if (inner->context == nullptr) return bad("TLS");
  SSL_CTX_set_min_proto_version(inner->context, TLS1_2_VERSION);
  if (SSL_CTX_use_certificate_chain_file(inner->context, cert_file.c_str()) != 1)
    return bad_file(cert_file, "certificate");
  const std::string unfit = key_file + " holds a key that does not fit the certificate";
  if (SSL_CTX_use_PrivateKey_file(inner->context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long code = ERR_peek_last_error();
    const bool mixed =
        ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH;
    return mixed ? bad(unfit.c_str()) : bad_file(key_file, "private key");
  }
  if (SSL_CTX_check_private_key(inner->context) != 1) return bad(unfit.c_str());
  SSL_CTX_set_cipher_list(inner->context, kCiphers);
  SSL_CTX_set_options(inner->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_alpn_select_cb(inner->context, choose_protocol, nullptr);
  const unsigned char id[] = "weir";
  SSL_CTX_set_session_id_context(inner->context, id, sizeof id - 1);
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(inner)));
}

Task<Result<std::unique_ptr<Stream>>> TlsContext::wrap(std::unique_ptr<Stream> stream, std::string host,
                                                       TimePoint deadline, CancelScope& cancel) {
  SSL* const ssl = SSL_new(inner_->context);
  WEIR_CHECK(ssl != nullptr);
  if (inner_->server) {
    SSL_set_accept_state(ssl);
  } else {
    SSL_set_connect_state(ssl);
    // A name goes out as SNI and is matched against the certificate; an address is matched as one.
    if (inner_->any_name) {
      // Its certificate says who it is.
    } else if (is_numeric(host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    } else {
      SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
      SSL_set1_host(ssl, host.c_str());
      const auto found = inner_->sessions.find(host);
      if (found != inner_->sessions.end()) SSL_set_session(ssl, found->second.get());
    }
  }
  auto tls = std::make_unique<TlsStream>(std::move(stream), ssl);
  const Result<void> shaken = co_await tls->handshake(deadline, cancel);
  if (!shaken) co_return fail(shaken.error());
  std::unique_ptr<Stream> result = std::move(tls);
  co_return result;
}

bool tls_resumed(const Stream& stream) {
  const auto* tls = dynamic_cast<const TlsStream*>(&stream);
  return tls != nullptr && tls->resumed();
}

}  // namespace weir

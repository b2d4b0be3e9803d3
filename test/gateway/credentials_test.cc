#include "gateway/credentials.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Credentials, TakeTheTokenAndNothingLikeIt) {
  const Credentials tokens({"alpha-1", "beta=="}, Credentials::Basic::no);
  EXPECT_FALSE(tokens.empty());
  for (const char* good : {"Bearer alpha-1", "bearer alpha-1", "BEARER   beta=="})
    EXPECT_TRUE(tokens.admit(good)) << good;
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer alpha-", "Bearer alpha-11", "Bearer ALPHA-1",
                          "Bearer beta=", "Bearer alpha-1 ", "Bearer alpha-1,beta==", "Basic OmFscGhhLTE=",
                          "alpha-1", "Bearerx alpha-1", "Bearer\talpha-1"})
    EXPECT_FALSE(tokens.admit(bad)) << bad;
  EXPECT_TRUE(Credentials().admit(""));
  EXPECT_TRUE(Credentials().empty());
}

TEST(Credentials, TakeThePasswordOfBasicWhereBrowsersAsk) {
  const Credentials tokens({"alpha-1"}, Credentials::Basic::yes);
  EXPECT_TRUE(tokens.admit("Bearer alpha-1"));
  EXPECT_TRUE(tokens.admit("Basic OmFscGhhLTE="));              // :alpha-1
  EXPECT_TRUE(tokens.admit("basic b3BlcmF0b3I6YWxwaGEtMQ=="));  // operator:alpha-1
  EXPECT_FALSE(tokens.admit("Basic YWxwaGEtMQ=="));             // alpha-1 without a colon
  EXPECT_FALSE(tokens.admit("Basic YWxwaGEtMTo="));             // alpha-1 as the name
  EXPECT_FALSE(tokens.admit("Basic %%%"));
  EXPECT_FALSE(tokens.admit("Basic"));
}

TEST(Credentials, SayWhatToBring) {
  const Credentials clients({"alpha-1"}, Credentials::Basic::no);
  EXPECT_EQ(clients.challenge(""), "WWW-Authenticate: Bearer\r\n");
  EXPECT_EQ(clients.challenge("Bearer x"), "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n");
  const Credentials operators({"alpha-1"}, Credentials::Basic::yes);
  EXPECT_EQ(operators.challenge(""), "WWW-Authenticate: Bearer, Basic realm=\"weir\", charset=\"UTF-8\"\r\n");
}

}  // namespace
}  // namespace weir

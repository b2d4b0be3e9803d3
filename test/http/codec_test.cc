// Chunked bodies and event streams, whole and sliced at every place.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "http/chunked.h"
#include "http/sse.h"
#include "http/sse_data.h"

namespace weir {
namespace {

struct Decoded {
  ChunkedDecoder::State state = ChunkedDecoder::State::more;
  std::string body;
  std::size_t used = 0;
};

// Feeds the first `cut` bytes, then all; consumed bytes are dropped between.
Decoded decode(std::string_view text, std::size_t cut) {
  ChunkedDecoder decoder;
  Decoded result;
  for (const std::size_t end : {cut, text.size()}) {
    while (true) {
      result.state = decoder.next(text.substr(result.used, end - result.used));
      result.used += decoder.consumed();
      result.body += decoder.data();
      if (result.state != ChunkedDecoder::State::data) break;
    }
    if (result.state != ChunkedDecoder::State::more) break;
  }
  return result;
}

TEST(Chunked, DecodesHoweverItIsCut) {
  const std::string text = "5\r\nhello\r\n6;a=\"b\"\r\n world\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const Decoded decoded = decode(text + "GET", cut);
    ASSERT_EQ(decoded.state, ChunkedDecoder::State::done) << cut;
    ASSERT_EQ(decoded.body, "hello world0123456789");
    ASSERT_EQ(decoded.used, text.size()) << "what follows belongs to the next request";
  }
}

TEST(Chunked, RefusesEveryOtherSyntax) {
  const std::string long_line = "1;" + std::string(300, 'x');
  const std::string_view bad[] = {"x\r\n",
                                  "0x5\r\nhello",
                                  "+5\r\n",
                                  "-1\r\n",
                                  " 5\r\n",
                                  "5 \r\nhello\r\n",
                                  "5\nhello",
                                  "\r\n",
                                  "5\r\nhelloX\r\n",
                                  "5\r\nhello\n",
                                  "5\r\nhello\rX",
                                  "fffffffffffffffff\r\n",
                                  "5;a\x01\r\nhello",
                                  "0\r\nno colon\r\n\r\n",
                                  "0\r\nX: y\n\r\n",
                                  "0\r\n\x01: y\r\n\r\n",
                                  "5,5\r\n",
                                  long_line};
  for (const auto text : bad)
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
      ASSERT_EQ(decode(text, cut).state, ChunkedDecoder::State::refused) << text << " cut " << cut;
  std::string extensions;
  for (int i = 0; i < 90; ++i) extensions += "1;" + std::string(200, 'x') + "\r\na\r\n";
  EXPECT_EQ(decode(extensions, 0).state, ChunkedDecoder::State::refused);
  EXPECT_EQ(decode("0\r\nX: " + std::string(9000, 'y'), 0).state, ChunkedDecoder::State::refused);
}

std::vector<std::string> events(std::string_view text, std::size_t cut, SseDecoder& decoder) {
  std::vector<std::string> found;
  for (std::string_view part : {text.substr(0, cut), text.substr(cut)}) {
    while (true) {
      const SseDecoder::State state = decoder.next(part);
      if (state == SseDecoder::State::refused) found.push_back("REFUSED");
      if (state == SseDecoder::State::overlong) {
        found.push_back("OVERLONG " + std::string(decoder.overlong_begin()));
        continue;
      }
      if (state != SseDecoder::State::event) break;
      found.push_back(decoder.event().type + "|" + decoder.event().data);
    }
  }
  return found;
}

TEST(Sse, DecodesHoweverItIsCut) {
  const std::string text =
      "\xEF\xBB\xBF: comment\n\nid: 1\ndata:\n\nid: 7\nevent: message\ndata: {\"a\":\ndata:  1}\n\nretry: "
      "250\r\ndata:x\r\n\r\n"
      "data: y\r\rdata\n\nunknown: z\ndata: last\nid: 8\n\nid: 9\ndata: never ended";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    SseDecoder decoder(1000);
    ASSERT_EQ(events(text, cut, decoder),
              (std::vector<std::string>{"message|{\"a\":\n 1}", "|x", "|y", "|last"}))
        << cut;
    ASSERT_EQ(decoder.last_id(), "8");
    ASSERT_EQ(decoder.retry_ms(), 250u);
  }
}

TEST(Sse, TakesLongLinesOfEveryKind) {
  const std::string pad(70'000, 'x');
  const std::string text = "data:" + pad + "\n\ndata: " + pad + "\ndata: y" + pad + "\n\n:" + pad +
                           "\nevent:" + pad + "\ndata: z\n\n";
  const std::vector<std::string> wanted = {"|" + pad, "|" + pad + "\ny" + pad, pad + "|z"};
  for (const std::size_t cut :
       {std::size_t{0}, std::size_t{3}, std::size_t{5}, std::size_t{70'004}, std::size_t{70'006},
        std::size_t{70'013}, std::size_t{140'030}, text.size() - 5, text.size()}) {
    SseDecoder decoder(1'000'000);
    ASSERT_EQ(events(text, cut, decoder), wanted) << cut;
  }
}

TEST(Sse, BoundsAnEvent) {
  SseDecoder endless(100);
  EXPECT_EQ(events(std::string(101, 'x'), 50, endless), std::vector<std::string>{"REFUSED"});
  SseDecoder many(100);
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "data: 0123456789\n";
  EXPECT_EQ(events(lines, 0, many).back(), "REFUSED");
}

TEST(Sse, LeavesOutWhatIsTooLarge) {
  const std::string pad(300, 'x');
  const std::string text = "data: a\n\nevent: t\ndata: {\"id\":7," + pad + "\r\ndata: " + pad +
                           "\r\nid: 3\r\n\r\ndata: b\n\ndata: first\ndata: " + pad + "\n\n: " + pad +
                           "\n\ndata: c\n\n";
  const std::string begin = ("{\"id\":7," + pad).substr(0, 256);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    SseDecoder decoder(280, SseDecoder::Overlong::skip);
    std::vector<std::string> found = events(text, cut, decoder);
    ASSERT_EQ(found.size(), 6u) << cut;
    EXPECT_EQ(found[0], "|a");
    EXPECT_TRUE(found[1].starts_with("OVERLONG {\"id\":7,xxx")) << cut << found[1];
    EXPECT_LE(found[1].size(), begin.size() + 9);
    EXPECT_EQ(found[2], "|b") << cut;
    EXPECT_EQ(found[3], "OVERLONG first") << cut;
    EXPECT_TRUE(found[4].starts_with("OVERLONG")) << cut;
    EXPECT_EQ(found[5], "|c") << cut;
    EXPECT_EQ(decoder.last_id(), "3") << cut;
  }
}

TEST(Sse, NamesWhatCanStandInAHeader) {
  const auto last = [](const std::string& id) {
    SseDecoder decoder(1'000'000);
    (void)events("id: 1\ndata: a\n\nid: " + id + "\ndata: b\n\ndata: c\n\n", 5, decoder);
    return decoder.last_id();
  };
  const std::string longest(SseDecoder::kIdMax, 'i');
  EXPECT_EQ(last("2"), "2");
  EXPECT_EQ(last(longest), longest);
  EXPECT_EQ(last(longest + "i"), "");
  EXPECT_EQ(last(std::string(900'000, 'i')), "");
  EXPECT_EQ(last("a\x01"), "");
  EXPECT_EQ(last(std::string("a\0b", 3)), "1") << "the standard says to ignore it";
  EXPECT_EQ(last(""), "") << "the standard says that this resets it";
  SseDecoder next(100);
  next.go_on_behind("7");
  (void)events("data: a\n\n", 3, next);
  EXPECT_EQ(next.last_id(), "7");
}

TEST(Sse, KnowsTheIdOfWhatIsTooLarge) {
  const std::string pad(275, 'x');
  const auto last = [&](const std::string& id) {
    const std::string text = "id: 1\n\ndata: " + pad + "\nid: " + id + "\n\n";
    std::set<std::string> found;
    for (std::size_t cut = 0; cut <= text.size(); cut += text.size() > 5000 ? 97 : 1) {
      SseDecoder decoder(280, SseDecoder::Overlong::skip);
      EXPECT_EQ(events(text, cut, decoder).size(), 1u) << cut;
      found.insert(decoder.last_id());
    }
    return found;
  };
  // The line that makes it too large, however it is cut.
  EXPECT_EQ(last("12345678"), std::set<std::string>{"12345678"});
  EXPECT_EQ(last(std::string(SseDecoder::kIdMax, 'i')), std::set{std::string(SseDecoder::kIdMax, 'i')});
  EXPECT_EQ(last(std::string(SseDecoder::kIdMax + 1, 'i')), std::set<std::string>{""});
  EXPECT_EQ(last(""), std::set<std::string>{""});
}

// A long event whose reader wants it as it comes: what was told of it, and how it ended.
std::string in_pieces(std::string_view text, std::size_t cut, std::string_view& left) {
  SseDecoder decoder(1'000'000);
  decoder.tell_begun(true);
  std::string_view first = text.substr(0, cut);
  if (decoder.next(first) != SseDecoder::State::begun) return "WHOLE";
  std::string data = decoder.take_begun();
  SseDataReader reader;
  left = text.substr(cut);
  while (true) {
    switch (reader.next(left)) {
      case SseDataReader::State::data:
        data += reader.data();
        break;
      case SseDataReader::State::ended:
        return data;
      case SseDataReader::State::refused:
        return "REFUSED";
      case SseDataReader::State::more:
        return "CUT OFF";
    }
  }
}

TEST(Sse, GivesLongDataPieceByPiece) {
  const std::string pad(70'000, 'x');
  const std::size_t cut = 69'000;
  std::string_view left;
  const auto pieces = [&](const std::string& text) { return in_pieces(text, cut, left); };
  const std::string first = "data: " + pad + "y\n\nid: 2\n\n";
  EXPECT_EQ(pieces(first), pad + "y");
  EXPECT_EQ(left, "id: 2\n\n") << "what follows is the next event's";
  EXPECT_EQ(pieces("event: message\r\ndata:" + pad + "\r\nid: 1\r\n: said\r\n\r\n"), pad);
  EXPECT_EQ(pieces("data:" + pad + "\rdata:y\rdata\r\r"), pad + " y ");
  EXPECT_EQ(pieces("data:" + pad + "\nevent: other\n\n"), "REFUSED");
  EXPECT_EQ(pieces("data:" + pad + "\nevent: message\nevent\nevents: other\n\n"), pad);
  EXPECT_EQ(pieces("data:" + pad + "\n"), "CUT OFF");
  EXPECT_EQ(pieces("event: other\ndata:" + pad + "\n\n"), "WHOLE");
  EXPECT_EQ(pieces("data: [\ndata:" + pad + "\n\n"), "WHOLE");
  EXPECT_EQ(pieces(":" + pad + "\n\n"), "WHOLE");
}

TEST(Sse, CollectsALongEventThatNobodyTakes) {
  const std::string text =
      "data: " + std::string(200'000, 'x') + "\n\ndata: " + std::string(90'000, 'y') + "\n\n";
  SseDecoder decoder(1'000'000);
  decoder.tell_begun(true);
  std::vector<SseDecoder::State> states;
  for (std::size_t at = 0; at < text.size(); at += 70'000) {
    std::string_view part = std::string_view(text).substr(at, 70'000);
    do states.push_back(decoder.next(part));
    while (states.back() == SseDecoder::State::event);
  }
  using State = SseDecoder::State;
  EXPECT_EQ(states, (std::vector<State>{State::begun, State::more, State::event, State::more, State::begun,
                                        State::event, State::more}));
  EXPECT_EQ(decoder.event().data, std::string(90'000, 'y'));
}

TEST(Sse, WritesWhatItReads) {
  std::string out;
  sse_append_event(out, "{\"a\":\r\n1}", "e1");
  sse_append_comment(out);
  sse_append_event(out, "{}", "");
  EXPECT_EQ(out, "id: e1\ndata: {\"a\":  1}\n\n:\n\ndata: {}\n\n");
  SseDecoder decoder(100);
  EXPECT_EQ(events(out, 3, decoder), (std::vector<std::string>{"|{\"a\":  1}", "|{}"}));
}

}  // namespace
}  // namespace weir

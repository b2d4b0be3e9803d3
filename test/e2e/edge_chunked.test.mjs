// The chunked coding byte by byte: sizes, extensions, the ends of chunks, trailers, what is too much of each. A body that is
// not taken ends the connection, and what stands behind it is never served.
import assert from 'node:assert/strict';
import { callBody, each, post, table } from './raw.mjs';

const limit = 64 * 1024;
// Its length in hexadecimal has letters: 1ab.
const padded = (text) => callBody('1', `{"n":1,"t":"${text}"}`);
const body = padded('.'.repeat(0x1ab - padded('').length));
const second = post(callBody('2', '{"n":2}'));
assert.equal(body.length, 0x1ab);

const coded = (bytes, lines = {}) => post('', { length: null, lines: { 'Transfer-Encoding': 'chunked', ...lines } }) + bytes;
const chunk = (text, more = '') => `${text.length.toString(16)}${more}\r\n${text}\r\n`;
const data = chunk(body);
const last = '0\r\n\r\n';
// A chunk whose size line is this; what ends it; a call behind it.
const line = (text, end = '\r\n') => coded(`${text}${end}${body}\r\n${last}${second}`);
// The whole body, and this instead of the last chunk.
const ended = (text) => coded(data + text + second);
const trailed = (lines) => ended(`0\r\n${lines}\r\n`);
// Chunks of one byte whose extensions are this long, then the rest of the body.
const extended = (...lengths) =>
  lengths.map((length, i) => chunk(body[i], upTo(';', length))).join('') + chunk(body.slice(lengths.length));
const most = Array(65).fill(252); // four bytes less than 16 KiB
const upTo = (text, length) => text + 'a'.repeat(length - text.length);

// Both calls came: each whole, framed by one Content-Length of our own, nothing of extensions and trailers with it.
const saw = (seen) => {
  assert.deepEqual(seen.map(({ parsed }) => parsed.params.arguments.n), [1, 2]);
  assert.deepEqual(seen[0].parsed.params.arguments, JSON.parse(body).params.arguments);
  for (const { headers, text } of seen) {
    assert.equal(headers['content-length'], String(Buffer.byteLength(text)));
    for (const name of ['transfer-encoding', 'trailer', 'x-a', 'authorization', 'origin', 'cookie'])
      assert.equal(headers[name], undefined, name);
    assert.equal(headers['mcp-name'], 'echo');
    assert.ok(headers.host.startsWith('127.0.0.1:'), headers.host);
  }
};
const both = { status: [200, 200], reached: 2, saw };
const refused = { status: 400 };
const large = { status: 413 };
const over = 'y'.repeat(limit + 1);
const exact = body.padEnd(limit);

const sizes = [
  ...each(both, {
    'a size in small letters': line('1ab'),
    'a size in capitals': line('1AB'),
    'a size in both': line('1aB'),
    'a size with zeros in front': line('00000000001ab'),
  }),
  ...each(refused, {
    'a size with 0x': line('0x1ab'),
    'a size with 0X': line('0X1AB'),
    'a size with x': line('x1ab'),
    'a size with a plus': line('+1ab'),
    'a size with a minus': line('-1ab'),
    'a space before a size': line(' 1ab'),
    'a tab before a size': line('\t1ab'),
    'a space behind a size': line('1ab '),
    'a tab behind a size': line('1ab\t'),
    'a space within a size': line('1 ab'),
    'an underscore within a size': line('1_ab'),
    'a comma behind a size': line('1ab,'),
    'a letter that is no digit behind a size': line('1abg'),
    'an h behind a size': line('1abh'),
    'a size in quotes': line('"1ab"'),
    'a size with a point': line('1ab.0'),
    'a size in decimal': line(String(body.length)) + second,
    'no size': line(''),
    'no size, an extension': line(';a=b'),
    'a word for a size': line('chunk'),
    'a NUL before a size': line('\x001ab'),
    'a NUL behind a size': line('1ab\0'),
    'a vertical tab before a size': line('\x0b1ab'),
    'a no-break space before a size': line('\xa01ab'),
    'a byte order mark before a size': line('\xef\xbb\xbf1ab'),
    'a wide digit in a size': line('\xef\xbc\x911ab'),
    'a size of sixteen F': line('F'.repeat(16)),
    'a size that wraps in 64 bits': line('100000000000001ab'),
    'a size that wraps in 128 bits': line('1' + '1ab'.padStart(32, '0')),
    'a size that is negative with a sign': line('80000000000001ab'),
  }),
  { name: 'a size that wraps in 32 bits', send: coded(`1000001ab\r\n${body}\r\n${last}${second}${over}`), ...large },
  { name: 'a size that is negative with a sign in 32 bits', send: coded(`800001ab\r\n${over}`), ...large },
];

const lines = [
  ...each(refused, {
    'a size line that ends in LF': line('1ab', '\n'),
    'a size line that ends in CR': line('1ab', '\r'),
    'a size line that ends in LF CR': line('1ab', '\n\r'),
    'a size line that ends in CR CR LF': line('1ab', '\r\r\n'),
    'a size line that ends in nothing': line('1ab', ''),
    'an empty line before the first size': line('\r\n1ab'),
    'a bare LF before the first size': line('\n1ab'),
    'a size line of 259 bytes': line(upTo('1ab;', 257)),
    'a size line that never ends': coded(upTo('1ab;', 400)),
    'a size of zeros that never ends': coded('0'.repeat(400)),
  }),
  { name: 'a size line of 256 bytes', send: line(upTo('1ab;', 254)), ...both },
];

const extensions = [
  ...each(both, {
    'an extension': line('1ab;a'),
    'an extension with a value': line('1ab;a=b'),
    'three extensions': line('1ab;a;b=c;d="e"'),
    'a quoted value': line('1ab;a="b c"'),
    'an empty quoted value': line('1ab;a=""'),
    'a semicolon within quotes': line('1ab;a="b;c=d"'),
    'a quote and a backslash within quotes': line('1ab;a="\\"\\\\"'),
    'a tab within quotes': line('1ab;a="\t"'),
    'bytes of no ASCII within quotes': line('1ab;a="\xe9\xff"'),
    'white space behind the semicolon and around the equals sign': line('1ab; \ta = b'),
    'white space before the semicolon': line('1ab ;a=b'),
    'white space before the second semicolon': line('1ab;a=b\t;c'),
    'a name of every odd letter': line("1ab;!#$%&'*+-.^_`|~=1"),
    'an extension that looks like a field': line('1ab;Content-Length=5'),
    'an extension of the last chunk': ended('0;a=b\r\n\r\n'),
    'extensions of 16 KiB in all': coded(extended(...most, 4) + last + second),
  }),
  ...each(refused, {
    'extensions of 16 KiB and one byte': coded(extended(...most, 5) + last + second),
    'extensions of 16 KiB and one byte, the last chunk': coded(`${extended(...most)}0;abcd\r\n\r\n${second}`),
    'a bare LF in an extension': line('1ab;a\nb'),
    'a bare LF at the end of an extension': line('1ab;a', '\n'),
    'a bare CR in an extension': line('1ab;a\rb'),
    'a NUL in an extension': line('1ab;a\0b'),
    'a DEL in an extension': line('1ab;a\x7f'),
    'an escape character in a quoted value': line('1ab;a="\x1b"'),
    'a NUL in a quoted value': line('1ab;a="\0"'),
    'a bare LF in a quoted value': line('1ab;a="\n"'),
    'a line end in a quoted value': line('1ab;a="\r\n"'),
    'an escaped line end in a quoted value': line('1ab;a="\\\r\n"'),
    'a quoted value without its end': line('1ab;a="b'),
    'a quoted value that ends in a backslash': line('1ab;a="b\\'),
    'a quoted value and more': line('1ab;a="b"c'),
    'a quote within a value': line('1ab;a=b"c"'),
    'a semicolon and nothing': line('1ab;'),
    'two semicolons': line('1ab;;a'),
    'a value without a name': line('1ab;=b'),
    'a name without its value': line('1ab;a='),
    'a quoted name': line('1ab;"a"=b'),
    'two words in a name': line('1ab;a b'),
    'two words in a value': line('1ab;a=b c'),
    'an extension behind a blank': line('1ab a=b'),
    'an extension behind a comma': line('1ab;a=b,c'),
    'a byte of no ASCII in a name': line('1ab;\xe9'),
    'a byte of no ASCII in a value': line('1ab;a=\xe9'),
    'an extension of the last chunk with a NUL': ended('0;\0\r\n\r\n'),
  }),
];

const bodies = [
  ...each(both, {
    'chunks of one byte': coded([...body].map((byte) => chunk(byte)).join('') + last + second),
    'chunks cut within names and numbers':
      coded(chunk(body.slice(0, 13)) + chunk(body.slice(13, 70)) + chunk(body.slice(70)) + last + second),
    'a body of just the limit': coded(chunk(exact) + last + second),
    'a body of just the limit in many chunks':
      coded(exact.match(/[^]{1,4096}/g).map((part) => chunk(part)).join('') + last + second),
  }),
  {
    name: 'no chunk but the last', send: coded(last + second), status: [400, 200], reached: 1,
    look: ([answer]) => assert.equal(JSON.parse(answer.body).error.code, -32700),
  },
  { name: 'a request as the data of a chunk', send: coded(chunk(second) + last), status: 400, code: -32700 },
  { name: 'a last chunk as the data of a chunk', send: coded(chunk(last) + last), status: 400, code: -32600 },
  ...each(refused, {
    'a chunk shorter than its size': coded(`1ac\r\n${body}\r\n${last}${second}`),
    'a chunk longer than its size': coded(`1aa\r\n${body}\r\n${last}${second}`),
    'data that end in LF': coded(`1ab\r\n${body}\n${last}${second}`),
    'data that end in CR': coded(`1ab\r\n${body}\r${last}${second}`),
    'data that end in CR CR LF': coded(`1ab\r\n${body}\r\r\n${last}${second}`),
    'data that end in LF CR': coded(`1ab\r\n${body}\n\r${last}${second}`),
    'data that end in nothing': coded(`1ab\r\n${body}${last}${second}`),
    'data that end in a blank and CRLF': coded(`1ab\r\n${body} \r\n${last}${second}`),
    'an empty line between chunks': coded(`${chunk(body.slice(0, 9))}\r\n${chunk(body.slice(9))}${last}${second}`),
    'an empty line before the last chunk': coded(`${data}\r\n${last}${second}`),
    'a body without any chunk': coded(body + second),
  }),
  ...each(large, {
    'one chunk of one byte over the limit': coded(chunk(over) + last + second),
    'many chunks of one byte over the limit':
      coded(over.match(/[^]{1,4096}/g).map((part) => chunk(part)).join('') + last + second),
    'one chunk far over the limit, all of it': coded(chunk('y'.repeat(4 * 1024 * 1024)) + last + second),
    'a chunk over the limit behind a small one': coded(chunk(body) + chunk(over) + last + second),
  }),
  ...each({ status: null, finish: true }, {
    'the end behind the head': coded(''),
    'the end within a size line': coded('1a'),
    'the end within an extension': coded('1ab;a'),
    'the end within the data': coded(data.slice(0, 99)),
    'the end behind the data': coded(data.slice(0, -2)),
    'the end before the last chunk': coded(data),
    'the end within the last chunk': coded(data + '0\r\n'),
    'the end within a trailer': coded(data + '0\r\nX-A: b'),
    'the end before the last line': coded(data + '0\r\nX-A: b\r\n'),
  }),
];

const ends = [
  ...each(both, {
    'a last chunk of several zeros': ended('0000\r\n\r\n'),
    'a trailer': trailed('X-A: b\r\n'),
    'trailers, one empty, one with bytes of no ASCII': trailed('X-A: b\r\nX-B:\r\nX-C: \xe9\xff\t\r\n'),
    'a trailer that was announced': coded(`${data}0\r\nX-A: b\r\n\r\n${second}`, { Trailer: 'X-A' }),
    'a length as a trailer': trailed('Content-Length: 5\r\n'),
    'a coding as a trailer': trailed('Transfer-Encoding: chunked\r\n'),
    'a Host as a trailer': trailed('Host: evil.example\r\n'),
    'an Origin as a trailer': trailed('Origin: http://evil.example\r\n'),
    'a mirrored name as a trailer': trailed('Mcp-Name: other\r\nMcp-Method: tools/list\r\n'),
    'credentials as trailers': trailed('Authorization: Bearer x\r\nCookie: a=b\r\n'),
    'an end of the connection as a trailer': trailed('Connection: close\r\n'),
    'a coding of the content as a trailer': trailed('Content-Encoding: gzip\r\n'),
    'trailers of 8 KiB': trailed(`${upTo('X-A: ', 8192 - 4)}\r\n`),
  }),
  ...each(refused, {
    'a last chunk with 0x': ended('0x0\r\n\r\n'),
    'a last chunk with a minus': ended('-0\r\n\r\n'),
    'a last chunk that ends in LF': ended('0\n\r\n'),
    'a last line that ends in LF': ended('0\r\n\n'),
    'a last line that ends in CR': ended('0\r\n\r'),
    'a last line that is a blank': ended('0\r\n \r\n\r\n'),
    'a trailer that ends in LF': ended('0\r\nX-A: b\n\r\n'),
    'a trailer with a bare CR': trailed('X-A: b\rX-C: d\r\n'),
    'a trailer with a NUL': trailed('X-A: \0\r\n'),
    'a trailer with a DEL': trailed('X-A: \x7f\r\n'),
    'a trailer without a colon': trailed('X-A\r\n'),
    'a trailer without a name': trailed(': b\r\n'),
    'a trailer with a space before its colon': trailed('X-A : b\r\n'),
    'a trailer with a blank in its name': trailed('X A: b\r\n'),
    'a trailer with a name of no token': trailed('X(A): b\r\n'),
    'a trailer with a name of no ASCII': trailed('X\xe9: b\r\n'),
    'a trailer that begins with a blank': trailed(' X-A: b\r\n'),
    'a trailer that goes on in a folded line': trailed('X-A: b\r\n c: d\r\n'),
    'a trailer that goes on in a line of a tab': trailed('X-A: b\r\n\tc: d\r\n'),
    'trailers of more than 8 KiB': trailed(`${upTo('X-A: ', 8192)}\r\n`),
    'many trailers of more than 8 KiB': trailed('X-A: b\r\n'.repeat(1025)),
    'a trailer that never ends': coded(data + '0\r\n' + upTo('X-A: ', 9000)),
    'a request where a trailer is': ended('0\r\n'),
    'a request for an absolute target where a trailer is': ended('0\r\nPOST http://127.0.0.1/mcp HTTP/1.1\r\nX-A: b\r\n\r\n'),
  }),
  ...each({ status: [200, 400], reached: 1, saw: ([{ parsed }]) => assert.equal(parsed.params.arguments.n, 1) }, {
    'a further last chunk behind the end': ended(last + last),
    'a further chunk behind the end': ended(last + data + last),
  }),
];

const pieces = coded(chunk(body.slice(0, 9), ';a="b"') + chunk(body.slice(9)) + '0;c\r\nX-A: b\r\n\r\n');
const letters = Buffer.from(callBody('1', '{"t":"é世"}')).toString('latin1');
const cutAt = letters.indexOf('\xc3') + 1;
const segments = [
  { name: 'extensions and trailers byte by byte, a call behind them', send: [...pieces, second], ...both },
  { name: 'a wrong end of a chunk byte by byte', send: [...coded(`3\r\n{} \r\r\n${last}`)], ...refused },
  { name: 'a bare LF in an extension byte by byte', send: [...coded('3;a\n{} \r\n')], ...refused },
  { name: 'a cut between CR and LF of each line', send: (coded(data + last) + second).split(/(?<=\r)/), ...both },
  {
    name: 'a chunk that ends within a character', send: coded(chunk(letters.slice(0, cutAt)) + chunk(letters.slice(cutAt)) + last),
    status: 200, saw: ([{ parsed }]) => assert.equal(parsed.params.arguments.t, 'é世'),
  },
  { name: 'the last line together with the next call', send: [coded(data + '0\r\n'), '\r\n' + second], ...both },
  { name: 'the size line alone, then the data', send: [coded('1ab\r\n'), body, '\r\n', last, second], ...both },
];

export const cases = [...sizes, ...lines, ...extensions, ...bodies, ...ends, ...segments];

export const tests = { 'chunks are read in one way only': table(cases, { config: { limits: { body: '64KB' } } }) };

// Where a request ends: Content-Length, Transfer-Encoding, HTTP/1.0, pipelining, expectations, bodies that nobody asked for.
// Whatever is read in two ways somewhere is refused, and what stands behind it is never served.
import assert from 'node:assert/strict';
import { Wire, callBody, each, post, table } from './raw.mjs';

const body = callBody('1', '{"n":1}');
const size = body.length;
const second = post(callBody('2', '{"n":2}'));
const third = post(callBody('3', '{"n":3}'));
const chunks = (text) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const inChunks = (text) => post('', { length: null, lines: { 'Transfer-Encoding': 'chunked' } }) + chunks(text);
const old = { version: 'HTTP/1.0' };
const without = { ...old, length: null };

// The body framed by these lines alone, and a call right behind it.
const framed = (lines, bytes = body) => post('', { length: null, lines }) + bytes + second;
const sized = (length) => framed({ 'Content-Length': length });
const coded = (coding, more = {}) => framed({ 'Transfer-Encoding': coding, ...more }, chunks(body));
// A request with this head line, raw, as its last one.
const lined = (line, rest = { length: null }, bytes = body) =>
  post('', rest).replace('\r\n\r\n', () => `\r\n${line}\r\n\r\n`) + bytes + second;

// The calls that the upstream saw: these numbers, each framed by one Content-Length of our own.
const saw = (...numbers) => (seen) => {
  assert.deepEqual(seen.map(({ parsed }) => parsed.params.arguments), numbers.map((n) => ({ n })));
  for (const { headers, text } of seen) {
    assert.equal(headers['content-length'], String(Buffer.byteLength(text)));
    for (const name of ['transfer-encoding', 'trailer', 'expect', 'content_length', 'te'])
      assert.equal(headers[name], undefined, name);
  }
};
const one = { status: 200, saw: saw(1) };
const both = { status: [200, 200], reached: 2, saw: saw(1, 2) };
const refused = { status: 400 };
const unknown = { status: 501 };
// Answered, then the connection ends over what follows.
const cut = { status: [200, 400], reached: 1, saw: saw(1) };
// What came before the last answer is a JSON-RPC error of this code.
const first = (code) => (answers) => assert.equal(JSON.parse(answers[0].body).error.code, code);
// The head alone; the body once the gateway has told to go on.
const expecting = (head, rest) => async (wire) => {
  wire.send(head);
  const { status, headers } = await wire.answer();
  assert.deepEqual([status, headers], [100, {}]);
  wire.send(rest);
};
// The head alone; the body once the gateway has had the time to answer others.
const silently = (head, rest) => async (wire, { weir }) => {
  wire.send(head);
  for (let i = 0; i < 4; ++i) {
    const other = await Wire.open(weir.url);
    assert.equal((await other.send(get()).answer()).status, 200);
    other.destroy();
  }
  wire.send(rest);
};
const expect = (what, more = {}) => post('', { length: null, lines: { Expect: what, 'Content-Length': size, ...more } });
const get = (lines = '', bytes = '', method = 'GET', path = '/health') =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}\r\n${bytes}`;
const carried = `Content-Length: ${second.length}\r\n`;

const lengths = [
  ...each(both, {
    'one Content-Length': sized(size),
    'a length with zeros in front is decimal': sized(`0000000${size}`),
    'white space around a length': sized(` \t${size}\t `),
    'no space before a length': lined(`Content-Length:${size}`),
    'a name of odd case': lined(`cOnTeNt-LeNgTh: ${size}`),
    'a length with an underscore in its name is another field': framed({ 'Content-Length': size, Content_Length: '0' }),
  }),
  ...each(refused, {
    'the same length twice': sized([size, size]),
    'two lengths': sized([size, size + second.length]),
    'two lengths, the longer first': sized([size + second.length, size]),
    'two lengths whose names differ in case': framed({ 'Content-Length': size, 'content-length': size }),
    'two lengths, the second with an unusual name': lined(`CONTENT-LENGTH:${size}`, { length: size }),
    'two lengths far from each other': framed({ 'Content-Length': size, 'X-A': 'b', 'X-B': 'c', 'CONTENT-length': 0 }),
    'a list of equal lengths': sized(`${size}, ${size}`),
    'a list of lengths': sized(`${size}, 0`),
    'a list with an empty member': sized(`${size},`),
    'a length behind a comma': sized(`,${size}`),
    'a length with a plus': sized(`+${size}`),
    'a length with a minus': sized(`-${size}`),
    'a length of minus zero': sized('-0'),
    'a hexadecimal length': sized(`0x${size.toString(16)}`),
    'a length in hexadecimal digits': sized('a'),
    'an octal length': sized(`0o${size.toString(8)}`),
    'a length with a fraction': sized(`${size}.0`),
    'a length with an exponent': sized(`${size}e0`),
    'a length with an underscore': sized('1_0'),
    'a length with a blank inside': sized(`${size} 0`),
    'a length with a tab inside': sized(`${size}\t0`),
    'a quoted length': sized(`"${size}"`),
    'a length with a parameter': sized(`${size};a=b`),
    'a length and a letter': sized(`${size}x`),
    'no length behind the colon': sized(''),
    'a length in digits of another script': sized('\xef\xbc\x95'),
    'a no-break space before a length': sized(`\xa0${size}`),
    'a vertical tab before a length': sized(`\x0b${size}`),
    'a form feed behind a length': sized(`${size}\x0c`),
    'a NUL behind a length': sized(`${size}\0`),
    'a length beyond 64 bits that would wrap to the right one': sized(String(2n ** 64n + BigInt(size))),
    'a length of forty digits': sized('9'.repeat(40)),
    'a folded length': lined(`Content-Length:\r\n ${size}`),
    'a length that goes on in a folded line': lined(`Content-Length: ${size}\r\n\t0`),
    'a space before the colon of a length': lined(`Content-Length : ${size}`),
    'a tab before the colon of a length': lined(`Content-Length\t: ${size}`),
    'a length behind a bare CR': lined(`X-A: b\rContent-Length: ${size}`, { length: null }),
    'a second length behind a bare LF': lined('X-A: b\nContent-Length: 0', { length: size }),
  }),
  ...each({ status: 413 }, {
    'a length that wraps in 32 bits': sized(2 ** 32 + size),
    'a length of eighteen digits': sized('9'.repeat(18)),
    'a length of one byte over the limit, and nothing behind it': post('', { length: 4 * 1024 * 1024 + 1 }),
    'a length of twice the limit, and all of it': post('y'.repeat(8 * 1024 * 1024)),
  }),
  { name: 'a body of just the limit', send: post(body.padEnd(4 * 1024 * 1024)), ...one },
  { name: 'a length of nothing, a call behind it', send: sized(0), status: [400, 400], look: first(-32700), reached: 0 },
  {
    name: 'a length of nothing, a whole request behind it', send: post('', { length: 0 }) + second, status: [400, 200], reached: 1,
    look: first(-32700), saw: saw(2),
  },
  {
    name: 'no length at all, a whole request behind it', send: post('', { length: null }) + second, status: [400, 200], reached: 1,
    look: first(-32700), saw: saw(2),
  },
  {
    name: 'no length at all, a body behind it', send: post('', { length: null }) + body + '\r\n', status: [400, 400],
    look: first(-32700),
  },
  { name: 'a body longer than stated by its last byte', send: sized(size - 1), status: [400, 400], look: first(-32700) },
  { name: 'a length that swallows the next request', send: sized(size + second.length), status: 400, code: -32700 },
  ...each({ status: null, finish: true }, {
    'nothing but the end': '',
    'the end within the request line': 'POST /mc',
    'the end behind the request line': 'POST /mcp HTTP/1.1\r\n',
    'the end within a field': post('', { length: null }).slice(0, 60),
    'the end before the last line of a head': post(body).replace(/\r\n\r\n.*$/s, '\r\n'),
    'the end behind the head': post('', { length: size }),
    'the end within the body': post(body).slice(0, -1),
    'the end within a body that holds a whole request': post('', { length: second.length + 1 }) + second,
  }),
];

const codings = [
  ...each(both, {
    'chunked': coded('chunked'),
    'chunked in capitals': coded('CHUNKED'),
    'chunked in odd case, white space around': coded(' \tcHuNkEd \t'),
    'a coding with an underscore in its name is another field': framed({ 'Content-Length': size, Transfer_Encoding: 'chunked' }),
    'a coding that is only offered': framed({ 'Content-Length': size, TE: 'chunked' }),
  }),
  ...each(refused, {
    'a length, then a coding': framed({ 'Content-Length': size, 'Transfer-Encoding': 'chunked' }, chunks(body)),
    'a coding, then a length': coded('chunked', { 'Content-Length': size }),
    'a coding and a length of nothing': coded('chunked', { 'Content-Length': 0 }),
    'a coding and a length that is right': coded('chunked', { 'Content-Length': chunks(body).length }),
    'a length and a coding in capitals': framed({ 'Content-Length': size, 'TRANSFER-ENCODING': 'CHUNKED' }),
    'a length and identity': framed({ 'Content-Length': size, 'Transfer-Encoding': 'identity' }),
    'a length and a coding that nobody knows': framed({ 'Content-Length': size, 'Transfer-Encoding': 'xchunked' }),
    'a length and an empty coding': framed({ 'Content-Length': size, 'Transfer-Encoding': '' }),
    'a length and a coding with a space before its colon': framed({ 'Content-Length': size, 'Transfer-Encoding ': 'chunked' }),
    'chunked in two fields': coded(['chunked', 'chunked']),
    'chunked and identity in two fields': coded(['chunked', 'identity']),
    'two fields that differ in case': coded('chunked', { 'transfer-encoding': 'chunked' }),
    'chunked twice in a list': coded('chunked, chunked'),
    'chunked and an empty member': coded('chunked,'),
    'an empty member and chunked': coded(',chunked'),
    'chunked with a parameter': coded('chunked;q=1'),
    'chunked in quotes': coded('"chunked"'),
    'chunked in two words': coded('chun ked'),
    'chunked and a further word': coded('chunked identity'),
    'no coding behind the colon': coded(''),
    'a vertical tab before chunked': coded('\x0bchunked'),
    'a NUL behind chunked': coded('chunked\0'),
    'a folded coding': lined('Transfer-Encoding:\r\n chunked', { length: null }, chunks(body)),
    'a coding that goes on in a folded line': lined('Transfer-Encoding: chunked\r\n\t, identity', { length: null }, chunks(body)),
    'a coding folded into another field': lined('X-A: b\r\n Transfer-Encoding: chunked', { length: size }),
    'a space before the colon of a coding': coded(null, { 'Transfer-Encoding ': 'chunked' }),
    'a NUL in the name of a coding': coded(null, { 'Transfer-Encoding\0': 'chunked' }),
    'a coding behind a bare CR': lined('X-A: b\rTransfer-Encoding: chunked', { length: null }, chunks(body)),
    'a coding behind a bare LF': lined('X-A: b\nTransfer-Encoding: chunked', { length: null }, chunks(body)),
    'a coding in HTTP/1.0': post('', { ...without, lines: { 'Transfer-Encoding': 'chunked' } }) + chunks(body) + second,
    'a coding in HTTP/1.0 that wants to go on':
      post('', { ...without, lines: { 'Transfer-Encoding': 'chunked', Connection: 'keep-alive' } }) + chunks(body) + second,
    'identity in HTTP/1.0': post('', { ...without, lines: { 'Transfer-Encoding': 'identity' } }) + body + second,
  }),
  ...each(unknown, {
    'identity': coded('identity'),
    'gzip': coded('gzip'),
    'gzip, then chunked': coded('gzip, chunked'),
    'chunked, then gzip': coded('chunked, gzip'),
    'a coding that ends in chunked': coded('xchunked'),
    'a coding that begins with chunked': coded('chunkedx'),
    'a coding and an expectation': coded('gzip', { Expect: '100-continue' }),
  }),
  {
    name: 'chunked as the coding of the content', send: framed({ 'Content-Length': size, 'Content-Encoding': 'chunked' }),
    status: 415,
  },
];

const versions = [
  { name: 'HTTP/1.0 with a length', send: post(body, old), ...one, closes: true },
  { name: 'HTTP/1.0 ends the connection, whatever follows', send: post(body, old) + second, ...one, closes: true },
  { name: 'HTTP/1.0 that asks to go on', send: post(body, { ...old, lines: { Connection: 'keep-alive' } }) + second, ...both },
  {
    name: 'HTTP/1.0 that asks for both', send: post(body, { ...old, lines: { Connection: 'keep-alive, close' } }) + second, ...one,
    closes: true,
  },
  {
    name: 'HTTP/1.0 without a length has no body', send: post('', without) + body + second, status: 400,
    code: -32700, closes: true,
  },
  {
    name: 'HTTP/1.0 with two lengths', send: post('', { ...old, lines: { 'Content-Length': [size, size] } }) + body + second,
    ...refused,
  },
  { name: 'HTTP/1.0 with a length that nobody reads', send: post('', { ...old, length: '1e9' }) + body + second, ...refused },
];

const pipelines = [
  {
    name: 'two calls in one segment', send: post(body) + second, ...both,
    look: (answers) => assert.deepEqual(answers.map((answer) => JSON.parse(answer.body).id), [1, 2]),
  },
  {
    name: 'three calls, the one in the middle in chunks',
    send: post(body) + inChunks(callBody('2', '{"n":2}')) + third,
    status: [200, 200, 200], reached: 3, saw: saw(1, 2, 3),
  },
  { name: 'a call, an empty line, a call', send: `${post(body)}\r\n${second}`, ...both },
  { name: 'a call and the empty line that old browsers send', send: `${post(body)}\r\n`, ...one },
  { name: 'a call that closes, a call', send: post(body, { lines: { Connection: 'close' } }) + second, ...one, closes: true },
  {
    name: 'a refused call, a call', send: post(body, { lines: { 'Mcp-Method': 'tools/list' } }) + second, status: [400, 200],
    reached: 1, look: first(-32020), saw: saw(2),
  },
  ...each(cut, {
    'a call, then a request of two lengths': post(body) + sized([size, 0]),
    'a call, then a length and a coding': post(body) + coded('chunked', { 'Content-Length': 5 }),
    'a call and bytes behind its body': `${post(body)}xyz\r\n\r\n${second}`,
    'a call and two empty lines': `${post(body)}\r\n\r\n${second}`,
    'a call and a bare LF': `${post(body)}\n${second}`,
    'a call in chunks and bytes behind them': coded('chunked').replace(second, () => 'xyz\r\n\r\n'),
  }),
];

const odd = [
  ...each({ status: 200, reached: 0 }, {
    'GET with a body that is a request': get(carried, second),
    'GET with chunks that are a request': get('Transfer-Encoding: chunked\r\n', chunks(second)),
    'GET with a length of nothing': get('Content-Length: 0\r\n'),
  }),
  ...each({ status: 400 }, {
    'GET with two lengths': get('Content-Length: 0\r\n' + carried, second),
    'GET with a length and a coding': get(carried + 'Transfer-Encoding: chunked\r\n', second),
    'GET with chunks that are none': get('Transfer-Encoding: chunked\r\n', second),
  }),
  { name: 'HEAD with a body that is a request', send: get(carried, second, 'HEAD'), status: 405, bodiless: true },
  { name: 'HEAD with two lengths', send: get('Content-Length: 0\r\n' + carried, second, 'HEAD'), status: 400, bodiless: true },
  { name: 'GET of the endpoint with a body that is a request', send: get(carried, second, 'GET', '/mcp'), status: 405 },
  { name: 'a path that is not there with a body that is a request', send: get(carried, second, 'POST', '/nosuch'), status: 404 },
  {
    name: 'a type that is not taken with a body that is a request',
    send: post(second, { lines: { 'Content-Type': 'text/plain' } }), status: 415,
  },
  {
    name: 'a type that is not taken with a large body',
    send: post('y'.repeat(4 * 1024 * 1024), { lines: { 'Content-Type': 'text/plain' } }), status: 415,
  },
  { name: 'DELETE with a body that is a request', send: get(carried, second, 'DELETE', '/mcp'), status: 400, code: -32600 },
  { name: 'OPTIONS with a body that is a request', send: get(carried, second, 'OPTIONS', '/mcp'), status: 204 },
  {
    name: 'an answer without content has no length', send: get('', '', 'OPTIONS', '/mcp'), status: 204,
    look: ([answer]) => assert.equal(answer.headers['content-length'], undefined),
  },
];

const expectations = [
  { name: 'a body that waits to be asked for', send: expecting(expect('100-continue'), body), ...one },
  { name: 'an expectation in capitals', send: expecting(expect('100-CONTINUE'), body), ...one },
  {
    name: 'chunks that wait to be asked for',
    send: expecting(post('', { length: null, lines: { Expect: '100-continue', 'Transfer-Encoding': 'chunked' } }), chunks(body)),
    ...one,
  },
  { name: 'a body that does not wait', send: expect('100-continue') + body, ...one },
  { name: 'a body of which some does not wait', send: [expect('100-continue') + body.slice(0, 9), body.slice(9)], ...one },
  { name: 'a body that does not wait, and a call', send: expect('100-continue') + body + second, ...both },
  {
    name: 'an expectation of nothing', send: post('', { length: 0, lines: { Expect: '100-continue' } }), status: 400, code: -32700,
  },
  { name: 'an expectation of a request without a body', send: get('Expect: 100-continue\r\n'), status: 200, reached: 0 },
  // Nobody in HTTP/1.0 knows what 100 means.
  {
    name: 'an expectation in HTTP/1.0 is none',
    send: silently(post('', { ...old, length: size, lines: { Expect: '100-continue' } }), body), ...one, closes: true,
  },
  ...each({ status: 417 }, {
    'another expectation': expect('200-ok') + body + second,
    'an expectation with a parameter': expect('100-continue;a=b') + body + second,
    'a list of expectations': expect('100-continue, fast') + body + second,
    'an expectation that begins like the known one': expect('100-continued') + body + second,
  }),
  ...each({ status: 403 }, { 'an expectation, a Host that is not served': expect('100-continue', { Host: 'evil.example' }) }),
  ...each({ status: 413 }, {
    'an expectation, a length over the limit': expect('100-continue', { 'Content-Length': 4 * 1024 * 1024 + 1 }),
  }),
  ...each({ status: 415 }, {
    'an expectation, a type that is not taken': expect('100-continue', { 'Content-Type': 'text/plain' }),
  }),
  ...each(refused, { 'an expectation, two lengths': expect('100-continue', { 'Content-Length': [size, size] }) }),
];

const whole = post(body);
const head = whole.indexOf('\r\n\r\n');
const at = (text, ...places) => [0, ...places].map((place, i) => text.slice(place, places[i]));
const letters = post(Buffer.from(callBody('1', '{"n":1,"t":"é世"}')).toString('latin1'));
const segments = [
  { name: 'a call byte by byte', send: [...whole], ...one },
  { name: 'chunks byte by byte', send: [...inChunks(body)], ...one },
  {
    name: 'a length and a coding byte by byte', send: [...framed({ 'Content-Length': size, 'Transfer-Encoding': 'chunked' }, '')],
    ...refused,
  },
  { name: 'a cut at every byte of the empty line', send: at(whole, head, head + 1, head + 2, head + 3, head + 4), ...one },
  {
    name: 'a cut within the name and the number of the length',
    send: at(whole, whole.indexOf('ent-Len'), whole.indexOf('Length: ') + 9), ...one,
  },
  { name: 'a cut within the version', send: at(whole, whole.indexOf('1.1')), ...one },
  { name: 'an empty line that comes alone, in two parts', send: ['\r', '\n', whole], ...one },
  {
    name: 'a cut within a character of two bytes and one of three',
    send: at(letters, letters.indexOf('\xc3') + 1, letters.indexOf('\xe4') + 1), status: 200,
    saw: ([{ parsed }]) => assert.equal(parsed.params.arguments.t, 'é世'),
  },
  { name: 'a call and the beginning of the next, then its rest', send: at(whole + second, whole.length + 30), ...both },
  {
    name: 'a body that comes with the next head',
    send: at(whole + second, head + 4, whole.length + second.indexOf('\r\n\r\n') + 3), ...both,
  },
];

export const cases = [...lengths, ...codings, ...versions, ...pipelines, ...odd, ...expectations, ...segments];

export const tests = { 'every request ends where it says': table(cases) };

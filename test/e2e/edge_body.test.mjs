// Bodies as bytes: their size, their coding and what stands around the one JSON text that a request is.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { callBody, post, table } from './raw.mjs';

const limit = 4096;
const utf8 = (text) => Buffer.from(text, 'utf8').toString('latin1');
const text = (bytes) => Buffer.from(bytes, 'latin1').toString('utf8');
const unhex = (hex) => Buffer.from(hex, 'hex').toString('latin1');
const parseError = { status: 400, code: -32700, look: (answers) => assert.equal(JSON.parse(answers.at(-1).body).id, null) };
const invalid = { status: 400, code: -32600 };
const bad = (name, body, more) => ({ name, send: post(body), ...parseError, ...more });
const good = (name, body, more) => ({ name, send: post(body), status: 200, ...more });

// A call whose body is exactly so long; `args`: what it begins with.
function sized(size, id = '1') {
  const empty = callBody(id, '{"x":""}');
  return empty.replace('{"x":""}', `{"x":"${'x'.repeat(size - empty.length)}"}`);
}
// The head alone, with a length that is declared; `lines` replace and add.
const head = (length, { lines = {}, ...more } = {}) => post('', { lines: { 'Content-Length': length, ...lines }, ...more });
// The same body in chunks of these sizes, the rest in the last; `extension` behind each size.
function chunked(body, sizes = [], { extension = '', trailers = '', end = true, lines = {} } = {}) {
  let out = post('', { length: null, lines: { 'Transfer-Encoding': 'chunked', ...lines } });
  let at = 0;
  for (const size of [...sizes, body.length]) {
    const part = body.slice(at, at + size);
    at += part.length;
    if (part) out += `${part.length.toString(16)}${extension}\r\n${part}\r\n`;
  }
  return out + (end ? `0\r\n${trailers}\r\n` : '');
}
const ones = (body) => Array.from(body, () => 1);
const whole = (size) => (seen) => {
  assert.equal(seen[0].parsed.params.arguments.x.length, size - callBody('1', '{"x":""}').length);
  assert.equal(seen[0].headers['transfer-encoding'], undefined, 'the framing is the gateway\'s own');
  assert.equal(seen[0].headers['content-length'], String(Buffer.byteLength(seen[0].text)));
};
const args = (raw) => (seen) => assert.ok(seen[0].text.includes(`"arguments":${text(raw)}`), seen[0].text);

const sizes = [
  good('declared: as long as the limit', sized(limit), { saw: whole(limit) }),
  { name: 'declared: one byte over the limit, all of it sent', send: post(sized(limit + 1)), status: 413 },
  { name: 'declared: one byte over the limit, nothing sent yet', send: head(limit + 1), status: 413 },
  { name: 'declared: eighteen digits, nothing sent', send: head('999999999999999999'), status: 413 },
  { name: 'declared: 2^32 and a little, nothing sent', send: head(2 ** 32 + 10), status: 413 },
  { name: 'declared: over the limit, in parts', send: [head(limit + 1), ...sized(limit + 1).match(/.{1,700}/gs)], status: 413 },
  { name: 'declared: over the limit for one server\'s path', send: head(limit + 1, { path: '/mcp/a' }), status: 413 },
  { name: 'declared: over the limit in a DELETE', send: head(limit + 1, { method: 'DELETE' }), status: 413 },
  { name: 'declared: over the limit in HTTP/1.0', send: head(limit + 1, { version: 'HTTP/1.0' }), status: 413 },
  {
    name: 'declared: over the limit, and another request behind it is not served',
    send: post(sized(limit + 1)) + post(callBody('2')),
    status: 413,
  },
  {
    name: 'expected: over the limit is refused without being asked for',
    send: head(limit + 1, { lines: { Expect: '100-continue' } }),
    status: 413,
  },
  {
    name: 'expected: as long as the limit is asked for and served',
    async send(wire) {
      wire.send(head(limit, { lines: { Expect: '100-continue' } }));
      assert.equal((await wire.answer()).status, 100);
      wire.send(sized(limit));
    },
    status: 200,
    saw: whole(limit),
  },
  {
    name: 'expected: chunks over the limit are refused at the limit',
    async send(wire) {
      wire.send(chunked('', [], { end: false, lines: { Expect: '100-continue' } }));
      assert.equal((await wire.answer()).status, 100);
      wire.send(`1001\r\n${sized(limit + 1)}\r\n0\r\n\r\n`);
    },
    status: 413,
  },
  { name: 'chunked: one chunk as long as the limit', send: chunked(sized(limit)), status: 200, saw: whole(limit) },
  {
    name: 'chunked: single bytes up to the limit',
    send: chunked(sized(limit), ones(sized(limit))),
    status: 200,
    saw: whole(limit),
  },
  {
    name: 'chunked: extensions and a trailer count for nothing',
    send: chunked(sized(limit), [1000, 1000], { extension: ';a="b;c"', trailers: 'Mcp-Name: other\r\n' }),
    status: 200,
    saw: whole(limit),
  },
  { name: 'chunked: one chunk of one byte too many', send: chunked(sized(limit + 1)), status: 413 },
  { name: 'chunked: the last chunk of one byte is too many', send: chunked(sized(limit + 1), [limit]), status: 413 },
  { name: 'chunked: single bytes over the limit', send: chunked(sized(limit + 1), ones(sized(limit + 1))), status: 413 },
  { name: 'chunked: over the limit and never ended', send: chunked(sized(limit + 1), [], { end: false }), status: 413 },
  { name: 'chunked: over the limit, no JSON from the first byte on', send: chunked('!'.repeat(limit + 1)), status: 413 },
  { name: 'chunked: over the limit by white space behind the text', send: chunked(sized(limit) + '\n'), status: 413 },
  {
    name: 'chunked: over the limit, another request behind it is not served',
    send: chunked(sized(limit + 1)) + post(callBody('2')),
    status: 413,
  },
  {
    name: 'two requests as long as the limit, one behind the other',
    send: post(sized(limit)) + post(sized(limit, '2')),
    status: [200, 200],
    reached: 2,
  },
  {
    name: 'a length that is one byte short leaves a brace for the next request',
    send: post(callBody(), { length: callBody().length - 1 }) + '\r\n\r\n',
    status: [400, 400],
    look: (answers) => assert.equal(JSON.parse(answers[0].body).error.code, -32700),
  },
  {
    name: 'a length that takes in the next request\'s first bytes',
    send: post(callBody(), { length: callBody().length + 5 }) + 'POST ',
    ...parseError,
  },
];

const empty = [
  { name: 'empty: no length and no coding', send: post('', { length: null }), ...parseError },
  bad('empty: length 0', ''),
  { name: 'empty: one last chunk', send: chunked(''), ...parseError },
  { name: 'empty: a body of nothing, then a call', send: post('') + post(callBody('2')), status: [400, 200], reached: 1 },
  bad('blank: one space', ' '),
  bad('blank: all white space that JSON knows', ' \t\r\n\r\n\t '),
  bad('blank: NUL', '\0'),
  bad('blank: form feed', '\f'),
  bad('blank: no-break space', utf8('\u00a0')),
  bad('blank: line separator', utf8('\u2028')),
  bad('blank: a byte order mark alone', utf8('\ufeff')),
  good('white space around the text', ` \t\r\n${callBody()}\n\r\t `),
  bad('form feed before the text', `\f${callBody()}`),
  bad('vertical tab behind the text', `${callBody()}\v`),
  bad('no-break space between two tokens', callBody().replace('"id":', `"id":${utf8('\u00a0')}`)),
  bad('ideographic space behind a comma', callBody().replace(',"id"', `,${utf8('\u3000')}"id"`)),
  bad('next line (0x85) between two tokens', callBody().replace('"id":', '"id":\x85')),
];

const utf16 = (body, swap) => (swap ? Buffer.from(body, 'utf16le').swap16() : Buffer.from(body, 'utf16le')).toString('latin1');
const marks = [
  bad('a byte order mark before the text', utf8('\ufeff') + callBody()),
  bad('two byte order marks before the text', utf8('\ufeff\ufeff') + callBody()),
  bad('a byte order mark behind white space', ' ' + utf8('\ufeff') + callBody()),
  bad('a byte order mark behind the text', callBody() + utf8('\ufeff')),
  bad('a byte order mark between two tokens', callBody().replace('"id":', utf8('"id":\ufeff'))),
  bad('two bytes of a byte order mark', '\xef\xbb' + callBody()),
  bad('a byte order mark of UTF-16 before UTF-8', '\xff\xfe' + callBody()),
  bad('UTF-16, little-endian, with its mark', '\xff\xfe' + utf16(callBody())),
  bad('UTF-16, big-endian, without a mark', utf16(callBody(), true)),
  bad('UTF-32, little-endian', Array.from(callBody(), (one) => one + '\0\0\0').join('')),
  bad('UTF-7', callBody().replaceAll('{', '+AHs-').replaceAll('}', '+AH0-')),
  good('U+FEFF within a string', callBody('1', utf8('{"x":"\ufeffy\ufeff"}')), { saw: args(utf8('{"x":"\ufeffy\ufeff"}')) }),
];

// What is no UTF-8, as the value of an argument.
const broken = {
  'an overlong NUL of two bytes': 'c080',
  'an overlong slash of two bytes': 'c0af',
  'the last overlong form of two bytes': 'c1bf',
  'an overlong slash of three bytes': 'e080af',
  'the last overlong form of three bytes': 'e09fbf',
  'an overlong slash of four bytes': 'f08080af',
  'the last overlong form of four bytes': 'f08fbfbf',
  'a form of five bytes': 'f888808080',
  'a form of six bytes': 'fc8480808080',
  'the first high surrogate': 'eda080',
  'the last low surrogate': 'edbfbf',
  'a pair of surrogates (CESU-8)': 'eda0bdedb880',
  'one above U+10FFFF': 'f4908080',
  'a first byte above 0xF4': 'f5808080',
  '0xFE': 'fe',
  '0xFF': 'ff',
  'a continuation alone': '80',
  'the last continuation alone': 'bf',
  'a continuation too many': 'c3a9a9',
  'two bytes, cut': 'c2',
  'three bytes, cut after two': 'e282',
  'four bytes, cut after three': 'f09f98',
  'two bytes, the second is ASCII': 'c328',
  'three bytes, the second is ASCII': 'e228a1',
  'three bytes, the third is ASCII': 'e28228',
  'four bytes, the second is ASCII': 'f0288cbc',
  'four bytes, the fourth is ASCII': 'f0288c28',
  'a first byte before a first byte': 'c3c3a9',
  'Latin-1': '47fc7465',
};
const whichIs = {
  'the first of two bytes': '\u0080',
  'the last of two bytes': '\u07ff',
  'the first of three bytes': '\u0800',
  'the last before the surrogates': '\ud7ff',
  'the first behind the surrogates': '\ue000',
  'the last of three bytes, a noncharacter': '\uffff',
  'the first of four bytes': '\u{10000}',
  'the last of all': '\u{10ffff}',
  'a combining sequence, not composed': 'e\u0301',
  'DEL': '\u007f',
};
// Where else it may stand: the body around one byte.
const call = callBody();
const places = {
  'in the name of an argument': callBody('1', '{"a\xffb":1}'),
  'in the name of an argument, behind an escape': callBody('1', '{"a\\n\xffb":1}'),
  'in the id': callBody('"a\xff"'),
  'in the method': call.replace('tools/call', 'tools\xc0\xafcall'),
  'behind the method\'s own text': call.replace('tools/call', 'tools/call\xff'),
  'in jsonrpc': call.replace('"2.0"', '"2.0\xff"'),
  'in the tool\'s name': call.replace('"echo"', '"ech\xef"'),
  'in the name of a member of the envelope': call.replace('"id"', '"x\xff":1,"id"'),
  'in the name of the method\'s member': call.replace('"method"', '"m\xc1\xa5thod"'),
  'in the name of a member of params': call.replace('"arguments"', '"x\xff":1,"arguments"'),
  'in the name of a member of _meta': callBody('1', '{}', ',"x\xff":1'),
  'in what the client calls itself': call.replace('"e2e"', '"e2e\xff"'),
  'in a member that nobody reads': call.replace('"id"', '"x":["\xff"],"id"'),
  'between two tokens': call.replace('"id":', '"id":\xff'),
  'in a number': callBody('1', '{"x":1\xff}'),
  'before the text': '\xff' + call,
  'behind the text': call + '\xff',
  'behind the text and a line\'s end': call + '\n\x80',
  'cut by the end of the body': call.slice(0, -3) + '"\xf0\x9f',
};
const smile = utf8('{"x":"\u{1f600}"}');
const codings = [
  ...Object.entries(broken).map(([name, hex]) => bad(`UTF-8: ${name}`, callBody('1', `{"x":"${unhex(hex)}"}`))),
  ...Object.entries(places).map(([name, body]) => bad(`invalid UTF-8 ${name}`, body)),
  // Texts are looked at in blocks: at the last byte of one, at the first of the next, and across two.
  ...[15, 16, 31, 32, 47, 63, 64, 127].map((at) =>
    bad(`invalid UTF-8 at byte ${at} of a string`, callBody('1', `{"x":"${'y'.repeat(at)}\xff${'y'.repeat(200)}"}`))),
  ...[14, 15, 16, 62, 63, 64].map((at) => {
    const value = `{"x":"${'y'.repeat(at)}${utf8('\u{1f600}')}${'y'.repeat(100)}"}`;
    return good(`four valid bytes at byte ${at} of a string`, callBody('1', value), { saw: args(value) });
  }),
  ...Object.entries(whichIs).map(([name, point]) => {
    const value = utf8(`{"x":"${point}","${point}":1}`);
    return good(`UTF-8: ${name}`, callBody('1', value), { saw: args(value) });
  }),
  {
    name: 'a valid sequence of four bytes in four chunks',
    send: chunked(callBody('1', smile), ones(callBody('1', smile))),
    status: 200,
    saw: args(smile),
  },
  {
    name: 'an invalid sequence in two chunks',
    send: chunked(callBody('1', '{"x":"\xc3\x28"}'), [callBody('1', '{"x":"\xc3\x28"}').indexOf('\x28')]),
    ...parseError,
  },
];

const around = [
  bad('a second text behind the first', call + callBody('2')),
  bad('a second text on a line of its own', `${call}\n${callBody('2')}\n`),
  bad('an empty object behind the text', call + '{}'),
  bad('a literal behind the text', call + 'null'),
  bad('a comma behind the text', call + ','),
  bad('a brace too many', call + '}'),
  bad('a bracket behind the text', call + ']'),
  bad('a semicolon behind the text', call + ';'),
  bad('NUL behind the text', call + '\0'),
  bad('NUL and garbage behind the text', call + '\0garbage'),
  bad('end of file (0x1A) behind the text', call + '\x1a'),
  bad('a comment behind the text', call + '//'),
  bad('a comment before the text', '/**/' + call),
  bad('NUL before the text', '\0' + call),
  bad('a record separator before the text', `\x1e${call}\n`),
  bad('the prefix that keeps scripts out', `)]}',\n${call}`),
  bad('framed as language servers do', `Content-Length: ${call.length}\r\n\r\n${call}`),
  bad('framed as an event', `data: ${call}\n\n`),
  bad('framed by its length', `${call.length}:${call},`),
  bad('framed as a form', `json=${encodeURIComponent(call)}`),
  bad('a request of HTTP', post(call)),
  bad('a page of HTML', '<!DOCTYPE html><html></html>'),
  bad('a brace is missing', call.slice(0, -1)),
  bad('cut in the middle of a string', call.slice(0, 60)),
  bad('cut behind a colon', call.slice(0, call.indexOf('"id":') + 5)),
  bad('cut behind a comma', call.slice(0, call.indexOf('"id"'))),
  bad('one brace', '{'),
  bad('one quote', '"'),
  bad('one word without quotes', 'tools/call'),
  { name: 'the text as a string', send: post(JSON.stringify(call)), ...invalid },
  { name: 'true', send: post('true'), ...invalid },
  { name: 'null', send: post('null'), ...invalid },
  { name: 'a number', send: post('-1.5e3'), ...invalid },
  { name: 'an empty string', send: post('""'), ...invalid },
  { name: 'an empty object', send: post('{}'), ...invalid },
  bad('NUL between two tokens', call.replace('"id":', '"id":\0')),
  bad('the text with a NUL behind every byte', Array.from(call, (one) => one + '\0').join('')),
  ...['00', '01', '08', '09', '0a', '0d', '1b', '1f'].map((hex) =>
    bad(`0x${hex} within a string`, callBody('1', `{"x":"a${unhex(hex)}b"}`))),
  bad('a line\'s end within a name', callBody('1', '{"a\nb":1}')),
  bad('a tab within the id', callBody('"a\tb"')),
  bad('NUL within the method', call.replace('tools/call', 'tools/call\0')),
  bad('NUL within the tool\'s name', call.replace('"echo"', '"echo\0"')),
];

const zipped = zlib.gzipSync(call).toString('latin1');
const coded = (coding, body, more) => ({
  name: `Content-Encoding: ${coding}`,
  send: post(body, { lines: { 'Content-Encoding': coding } }),
  ...more,
});
const refused = { status: 415 };
const compressed = [
  coded('gzip', zipped, refused),
  coded('GZip', zipped, refused),
  coded('x-gzip', zipped, refused),
  coded('deflate', zlib.deflateSync(call).toString('latin1'), refused),
  coded('br', zlib.brotliCompressSync(call).toString('latin1'), refused),
  coded('zstd', '\x28\xb5\x2f\xfd\x00', refused),
  coded('identity, gzip', zipped, refused),
  coded('gzip, identity', zipped, refused),
  coded('identity;q=1', call, refused),
  coded('none', call, refused),
  coded('', call, refused),
  coded('identity', call, { status: 200, saw: (seen) => assert.equal(seen[0].headers['content-encoding'], undefined) }),
  coded('Identity', call, { status: 200 }),
  { name: 'gzip that is declared, nothing sent', send: head(100, { lines: { 'Content-Encoding': 'gzip' } }), ...refused },
  { name: 'gzip in chunks', send: chunked(zipped, [10], { lines: { 'Content-Encoding': 'gzip' } }), ...refused },
  {
    name: 'gzip that is declared though the text is plain, and another request behind it',
    send: post(call, { lines: { 'Content-Encoding': 'gzip' } }) + post(callBody('2')),
    ...refused,
  },
  bad('gzip that is not declared', zipped),
  bad('zlib that is not declared', zlib.deflateSync(call).toString('latin1')),
];

const cases = [...sizes, ...empty, ...marks, ...codings, ...around, ...compressed];

export const tests = {
  'every case is answered as documented': table(cases, { config: { limits: { body: '4KB' } } }),
};

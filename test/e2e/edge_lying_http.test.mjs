// Servers over Streamable HTTP that lie in a JSON answer: each lie ends its own call as specified, the calls beside it and the
// next one are answered as if there had been none.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { Lie, Liar, bytes, marker, size, table } from './lying.mjs';
import { Lines, Stream } from './lines.mjs';
import { Weir, answerOf, ask, openSession, until } from './weir.mjs';

const head = (status, lines = '') => `${status}\r\nContent-Type: application/json\r\n${lines}\r\n`;
const ok = (lines) => head('HTTP/1.1 200 OK', lines);
const length = (body) => `Content-Length: ${size(body)}\r\n`;
const plain = (body, lines = '') => ok(lines + length(body)) + body;
const chunk = (text, more = '') => `${size(text).toString(16)}${more}\r\n${text}\r\n`;
const chunked = (body, lines = '') => ok(lines + 'Transfer-Encoding: chunked\r\n') + body;
const last = '0\r\n\r\n';
const good = (one) => plain(one.good);
// A whole answer to the call that comes next on this connection.
const forged = (one) => plain(one.response(one.next, 'forged'));
const closing = (text) => (one) => {
  one.write(typeof text === 'function' ? text(one) : text);
  one.end();
};
const maker = (era) => Liar.start({ era });

// Lies in the status line: [name, first line, code]; no code: the oddity is legal.
const statusLines = [
  ['HTTP/2.0', 'HTTP/2.0 200 OK', 1002],
  ['HTTP/0.9', 'HTTP/0.9 200 OK', 1002],
  ['small letters', 'http/1.1 200 OK', 1002],
  ['another protocol', 'ICY 200 OK', 1002],
  ['no space', 'HTTP/1.1200 OK', 1002],
  ['two spaces', 'HTTP/1.1  200 OK', 1002],
  ['a tab', 'HTTP/1.1\t200 OK', 1002],
  ['two digits', 'HTTP/1.1 20 OK', 1002],
  ['four digits', 'HTTP/1.1 2000 OK', 1002],
  ['letters for digits', 'HTTP/1.1 2OO OK', 1002],
  ['status 099', 'HTTP/1.1 099 OK', 1002],
  ['status 600', 'HTTP/1.1 600 OK', 1002],
  ['a negative status', 'HTTP/1.1 -20 OK', 1002],
  ['no status', 'HTTP/1.1', 1002],
  ['a NUL in the reason', 'HTTP/1.1 200 O\0K', 1002],
  ['a CR in the reason', 'HTTP/1.1 200 O\rK', 1002],
  ['a line before it', '\r\nHTTP/1.1 200 OK', 1002],
  ['white space before it', ' HTTP/1.1 200 OK', 1002],
  ['no reason', 'HTTP/1.1 200 '],
  ['a reason that is no ASCII', 'HTTP/1.1 200 \xe9t\xe9'],
].map(([name, line, code]) => ({ name: `status line: ${name}`, send: (one) => head(line, length(one.good)) + one.good, code }));

const heads = [
  ...statusLines,
  { name: 'status line: ends in LF', send: (one) => plain(one.good).replace('OK\r\n', 'OK\n'), code: 1002 },
  { name: 'status line: endless', send: (one) => (one.write('HTTP/1.1 200 '), one.flood('O')), code: 1002 },
  { name: 'no head at all', send: closing((one) => one.good), code: 1002 },
  { name: 'a TLS alert', send: closing('\x15\x03\x03\0\x02\x02\x28'), code: 1002 },
  { name: 'an HTTP/2 frame', send: closing('\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0'), code: 1002 },
  { name: 'a request', send: closing('POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'), code: 1002 },
  ...[
    ['a space before the colon', 'X-A : b'],
    ['a folded line', 'X-A: b\r\n c'],
    ['a folded first line', ' X-A: b'],
    ['a CR in a value', 'X-A: b\rContent-Length: 5'],
    ['a NUL in a value', 'X-A: b\0c'],
    ['a DEL in a value', 'X-A: b\x7fc'],
    ['a line that ends in LF', 'X-A: b\nX-B: c'],
    ['no colon', 'X-A'],
    ['no name', ': b'],
    ['a space in a name', 'X A: b'],
    ['a name that is no ASCII', 'X-\xc4: b'],
    ['101 fields', Array.from({ length: 101 }, (_, i) => `X-${i}: b`).join('\r\n')],
    ['more than 32 KB', Array.from({ length: 9 }, (_, i) => `X-${i}: ${'b'.repeat(4000)}`).join('\r\n')],
    ['a second type of content', 'Content-Type: text/event-stream'],
  ].map(([name, line]) => ({ name: `header: ${name}`, send: (one) => plain(one.good, line + '\r\n'), code: 1002 })),
  { name: 'header: an endless value', send: (one) => (one.write('HTTP/1.1 200 OK\r\nX-A: '), one.flood('b')), code: 1002 },
  { name: 'header: an endless name', send: (one) => (one.write('HTTP/1.1 200 OK\r\n'), one.flood('b')), code: 1002 },
  { name: 'header: endless fields', send: (one) => (one.write('HTTP/1.1 200 OK\r\n'), one.flood('X-A: b\r\n')), code: 1002 },
  { name: 'header: a value that is no ASCII', send: (one) => plain(one.good, 'X-A: \xe9\r\n') },
  {
    name: 'header: a name like one that counts',
    send: (one) => plain(one.good, 'Content_Length: 5\r\nTransfer_Encoding: chunked\r\n'),
  },
  { name: 'header: it ends before the empty line', send: closing((one) => ok(length(one.good)).slice(0, -2)), code: 1007 },
  { name: 'header: it never ends', send: (one) => ok(length(one.good)).slice(0, -2), code: 1003, slow: true },
  { name: 'nothing, and the connection ends', send: closing(''), code: 1007 },
  { name: 'nothing, and the connection is reset', send: (one) => one.reset(), code: 1007 },
  { name: 'nothing', send: () => [], code: 1003, slow: true },
  {
    name: 'interim: some, and then the answer',
    send: (one) =>
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n' + good(one),
  },
  {
    name: 'interim: one with a body',
    send: (one) => `HTTP/1.1 100 Continue\r\n${length(one.good)}\r\n${one.good}` + good(one),
    code: 1002,
  },
  {
    name: 'interim: a switch of protocols',
    send: (one) => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n' + good(one),
    code: 1002,
  },
  { name: 'interim: and then the end', send: closing('HTTP/1.1 100 Continue\r\n\r\n'), code: 1007 },
  { name: 'interim: endless', send: (one) => one.flood('HTTP/1.1 100 Continue\r\n\r\n'), any: [1002, 1003], slow: true },
];

const framing = [
  ...[
    ['with chunks besides', (body) => length(body) + 'Transfer-Encoding: chunked\r\n'],
    ['behind chunks', (body) => 'Transfer-Encoding: chunked\r\n' + length(body)],
    ['twice the same', (body) => length(body) + length(body)],
    ['twice', (body) => length(body) + 'Content-Length: 5\r\n'],
    ['a list', (body) => `Content-Length: ${size(body)}, ${size(body)}\r\n`],
    ['negative', (body) => `Content-Length: -${size(body)}\r\n`],
    ['with a sign', (body) => `Content-Length: +${size(body)}\r\n`],
    ['hexadecimal', (body) => `Content-Length: 0x${size(body).toString(16)}\r\n`],
    ['a fraction', (body) => `Content-Length: ${size(body)}.0\r\n`],
    ['two numbers', (body) => `Content-Length: ${size(body)} 5\r\n`],
    ['empty', () => 'Content-Length:\r\n'],
    ['beyond 64 bits', () => 'Content-Length: 18446744073709551617\r\n'],
    ['beyond 63 bits', () => 'Content-Length: 9223372036854775808\r\n'],
  ].map(([name, lines]) => ({ name: `length: ${name}`, send: (one) => ok(lines(one.good)) + one.good, code: 1002 })),
  { name: 'length: larger than any message may be', send: () => ok('Content-Length: 100000000000000\r\n') + '{', code: 1011 },
  {
    name: 'length: a little larger than any message may be',
    send: () => ok(`Content-Length: ${256 * 1024 + 1}\r\n`) + '{',
    code: 1011,
  },
  { name: 'length: white space around it', send: (one) => ok(`Content-Length: \t ${size(one.good)} \t\r\n`) + one.good },
  { name: 'length: one too little', send: (one) => ok(`Content-Length: ${size(one.good) - 1}\r\n`) + one.good, code: 1002 },
  { name: 'length: nought', send: (one) => ok('Content-Length: 0\r\n') + one.good, code: 1002 },
  {
    name: 'length: one too many, and the end',
    send: closing((one) => ok(`Content-Length: ${size(one.good) + 1}\r\n`) + one.good),
    code: 1007,
  },
  {
    name: 'length: one too many, and a reset',
    send: (one) => (one.write(ok(`Content-Length: ${size(one.good) + 1}\r\n`) + one.good), one.reset()),
    code: 1007,
  },
  {
    name: 'length: one too many, and nothing',
    send: (one) => ok(`Content-Length: ${size(one.good) + 1}\r\n`) + one.good,
    code: 1003,
    slow: true,
  },
  ...[
    ['gzip, chunked', 1002],
    ['chunked, chunked', 1002],
    ['chunked, identity', 1002],
    ['identity', 1002],
    ['xchunked', 1002],
    ['chunked;q=1', 1002],
    ['\x0bchunked', 1002],
    ['"chunked"', 1002],
    ['', 1002],
    ['chunked\r\nTransfer-Encoding: chunked', 1002],
    ['Chunked', undefined],
    [' chunked\t', undefined],
  ].map(([value, code]) => ({
    name: `coding: ${JSON.stringify(value)}`,
    send: (one) => ok(`Transfer-Encoding: ${value}\r\n`) + chunk(one.good) + last,
    code,
  })),
  { name: 'coding: chunks in HTTP/1.0', send: (one) => chunked(chunk(one.good) + last).replace('/1.1', '/1.0'), code: 1002 },
  ...[
    ['0x', (body) => `0x${size(body).toString(16)}\r\n${body}\r\n`],
    ['a sign', (body) => `+${size(body).toString(16)}\r\n${body}\r\n`],
    ['negative', (body) => `-${size(body).toString(16)}\r\n${body}\r\n`],
    ['white space before', (body) => ` ${size(body).toString(16)}\r\n${body}\r\n`],
    ['white space behind', (body) => `${size(body).toString(16)} \r\n${body}\r\n`],
    ['a comma', (body) => `${size(body).toString(16)},5\r\n${body}\r\n`],
    ['no size', (body) => `\r\n${body}\r\n`],
    ['beyond 64 bits', (body) => `1${size(body).toString(16).padStart(16, '0')}\r\n${body}\r\n`],
    ['the greatest of 64 bits', (body) => `ffffffffffffffff\r\n${body}\r\n`],
    ['endless zeros', (body) => `${'0'.repeat(300)}${size(body).toString(16)}\r\n${body}\r\n`],
    ['ends in LF', (body) => `${size(body).toString(16)}\n${body}\r\n`],
    ['ends in CR', (body) => `${size(body).toString(16)}\r${body}\r\n`],
    ['data without CRLF', (body) => `${size(body).toString(16)}\r\n${body}`],
    ['data ends in LF', (body) => `${size(body).toString(16)}\r\n${body}\n`],
    ['data longer than it says', (body) => `${(size(body) - 1).toString(16)}\r\n${body}\r\n`],
    ['a NUL in an extension', (body) => chunk(body, ';a=\0')],
    ['a LF in an extension', (body) => chunk(body, ';a=\nb')],
    ['a CR in an extension', (body) => chunk(body, ';a=\rb')],
    ['a line longer than 256 bytes', (body) => chunk(body, `;a=${'b'.repeat(300)}`)],
    ['extensions of more than 16 KB', (body) => [...body].map((one) => chunk(one, `;a=${'b'.repeat(240)}`)).join('')],
  ].map(([name, write]) => ({ name: `chunk: ${name}`, send: (one) => chunked(write(one.good) + last), code: 1002 })),
  { name: 'chunk: an endless extension', send: (one) => (one.write(chunked('5;a=')), one.flood('b')), code: 1002 },
  { name: 'chunk: endless sizes', send: (one) => (one.write(chunked('')), one.flood('0')), code: 1002 },
  { name: 'chunk: a legal extension', send: (one) => chunked(chunk(one.good, ';a=b;c="d"') + last) },
  { name: 'chunk: one byte each', send: (one) => chunked([...one.good].map((byte) => chunk(byte)).join('') + last) },
  {
    name: 'chunk: capital digits and zeros before',
    send: (one) => chunked(`0000${size(one.good).toString(16).toUpperCase()}\r\n${one.good}\r\n00\r\n\r\n`),
  },
  { name: 'chunk: the end before the last', send: closing((one) => chunked(chunk(one.good))), code: 1007 },
  { name: 'chunk: the end within one', send: closing((one) => chunked(chunk(one.good)).slice(0, -9)), code: 1007 },
  { name: 'chunk: no last one', send: (one) => chunked(chunk(one.good)), code: 1003, slow: true },
  { name: 'chunk: no empty line behind the last', send: (one) => chunked(chunk(one.good) + '0\r\n'), code: 1003, slow: true },
  {
    name: 'chunk: endless data',
    send: (one) => (one.write(chunked(chunk(`{"jsonrpc":"2.0","id":${one.id},"result":"`))), one.flood(chunk('x'.repeat(4000)))),
    code: 1011,
  },
  { name: 'chunk: endless data, a byte at a time', send: (one) => (one.write(chunked('')), one.flood(chunk(' '))), code: 1011 },
  { name: 'trailers: legal', send: (one) => chunked(chunk(one.good) + '0\r\nX-Sum: 1\r\n\r\n') },
  {
    name: 'trailers: of framing and type',
    send: (one) =>
      chunked(
        chunk(one.good) +
          '0\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\nContent-Type: text/html\r\n' +
          'Connection: close\r\nMcp-Session-Id: x\r\n\r\n',
      ),
  },
  { name: 'trailers: no colon', send: (one) => chunked(chunk(one.good) + '0\r\nX-Sum\r\n\r\n'), code: 1002 },
  { name: 'trailers: a NUL', send: (one) => chunked(chunk(one.good) + '0\r\nX-Sum: \0\r\n\r\n'), code: 1002 },
  {
    name: 'trailers: more than 8 KB',
    send: (one) => chunked(chunk(one.good) + `0\r\n${`X-Sum: ${'1'.repeat(1000)}\r\n`.repeat(9)}\r\n`),
    code: 1002,
  },
  {
    name: 'trailers: endless',
    send: (one) => (one.write(chunked(chunk(one.good) + '0\r\n')), one.flood('X-Sum: 1\r\n')),
    code: 1002,
  },
  { name: 'until the end: HTTP/1.0', send: closing((one) => ok().replace('/1.1', '/1.0') + one.good) },
  { name: 'until the end: HTTP/1.1', send: closing((one) => ok() + one.good) },
  { name: 'until the end: kept alive all the same', send: closing((one) => ok('Connection: keep-alive\r\n') + one.good) },
  { name: 'until the end: cut off', send: closing((one) => ok() + one.good.slice(0, -5)), any: [1002, 1007] },
  { name: 'until the end: reset', send: (one) => (one.write(ok() + one.good.slice(0, -5)), one.reset()), any: [1002, 1007] },
  {
    name: 'until the end: a second answer',
    send: closing((one) => ok() + one.good + one.response(one.next, 'forged')),
    code: 1002,
  },
  { name: 'until the end: endless', send: (one) => (one.write(ok() + '{"jsonrpc":"2.0","result":"'), one.flood('x')), code: 1011 },
  { name: 'until the end: it never comes', send: (one) => ok() + one.good, code: 1003, slow: true },
  {
    name: 'a byte at a time, beyond the deadline',
    send: async (one) => {
      one.write(ok(length(one.good)));
      for (const byte of one.good) {
        one.write(byte);
        await one.pause(100);
      }
    },
    code: 1003,
    slow: true,
  },
];

// What stands behind an answer that is good: it must not be taken for the next one.
const surplus = [
  { name: 'a whole answer', send: (one) => good(one) + forged(one) },
  {
    name: 'a whole answer with chunks',
    send: (one) => chunked(chunk(one.good) + last) + chunked(chunk(one.response(one.next, 'forged')) + last),
  },
  {
    name: 'answers to the next hundred calls',
    send: (one) => good(one) + Array.from({ length: 100 }, (_, i) => plain(one.response(one.id + i + 1, 'forged'))).join(''),
  },
  { name: 'an answer that claims to be the last', send: (one) => plain(one.good, 'Connection: close\r\n') + forged(one) },
  { name: 'half a head', send: (one) => good(one) + 'HTTP/1.1 200 OK\r\nX-A: ' },
  { name: 'a head whose body is the next answer', send: (one) => good(one) + ok('Content-Length: 1000\r\n') },
  { name: 'an empty line', send: (one) => good(one) + '\r\n' },
  { name: 'a byte', send: (one) => good(one) + '\0' },
  { name: 'an interim answer', send: (one) => good(one) + 'HTTP/1.1 100 Continue\r\n\r\n' },
  { name: 'a last chunk where there are none', send: (one) => good(one) + last },
  { name: 'a second last chunk', send: (one) => chunked(chunk(one.good) + last) + last },
  {
    name: 'a second answer behind an error of its own',
    send: (one) => plain(`{"jsonrpc":"2.0","id":${one.id},"error":{"code":-32000,"message":"own"}}`) + forged(one),
    own: -32000,
  },
  { name: 'an answer behind one without a body', send: (one) => 'HTTP/1.1 204 No Content\r\n\r\n' + forged(one), code: 1002 },
  { name: 'a body behind 204', send: (one) => `HTTP/1.1 204 No Content\r\n${length(one.good)}\r\n${one.good}`, code: 1002 },
  { name: 'a body behind 304', send: (one) => `HTTP/1.1 304 Not Modified\r\n${length(one.good)}\r\n${one.good}`, code: 1002 },
  { name: 'an answer behind one that was refused', send: (one) => plain('no json') + forged(one), code: 1002 },
  {
    name: 'an answer behind one with a status',
    send: (one) => 'HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n' + forged(one),
    code: 1002,
  },
  { name: 'an answer behind a body that is too long', send: (one) => ok('Content-Length: 300000\r\n') + forged(one), code: 1011 },
].map((one) => ({ ...one, name: `behind the answer: ${one.name}`, ...(one.own ? { any: [one.own] } : {}) }));

const envelope = (name, write, code = 1002, more = {}) => ({
  name: `message: ${name}`,
  send: (one) => plain(bytes(write(one))),
  code,
  ...more,
});
const result = (one) => one.result();
const deep = (depth) => '['.repeat(depth) + ']'.repeat(depth);
const bodies = [
  envelope('no JSON', () => 'no json'),
  envelope('HTML', () => '<!doctype html><title>502 Bad Gateway</title>'),
  envelope('white space', () => ' \r\n\t '),
  envelope('broken off', (one) => one.good.slice(0, -1)),
  envelope('two answers', (one) => one.good + one.good),
  envelope('two answers, a line each', (one) => `${one.good}\n${one.response(one.next, 'forged')}\n`),
  envelope('something behind it', (one) => one.good + ';'),
  envelope('a NUL behind it', (one) => one.good + '\0'),
  envelope('a comment', (one) => `/* */${one.good}`),
  envelope('a comma too many', (one) => one.good.slice(0, -1) + ',}'),
  envelope('single quotes', (one) => one.good.replaceAll('"', "'")),
  envelope('a byte order mark', (one) => '\ufeff' + one.good),
  envelope('NaN', (one) => one.response(one.id, one.marker, ',"n":NaN')),
  envelope('Infinity', (one) => one.response(one.id, one.marker, ',"n":-Infinity')),
  envelope('a leading zero', (one) => one.response(one.id, one.marker, ',"n":01')),
  envelope('a number without its end', (one) => one.response(one.id, one.marker, ',"n":1.')),
  envelope('a tab in a string', (one) => one.response(one.id, 'a\tb')),
  envelope('a NUL in a string', (one) => one.response(one.id, 'a\0b')),
  envelope('a line break in a string', (one) => one.response(one.id, 'a\nb')),
  envelope('an unknown escape', (one) => one.response(one.id, 'a\\x41')),
  envelope('half an escape', (one) => one.response(one.id, 'a\\u00')),
  ...[
    ['a lone byte', '\xff'],
    ['an overlong slash', '\xc0\xaf'],
    ['a surrogate', '\xed\xa0\x80'],
    ['beyond Unicode', '\xf4\x90\x80\x80'],
    ['a character broken off', '\xe2\x82'],
  ].map(([name, text]) => ({
    name: `message: invalid UTF-8, ${name}`,
    send: (one) => plain(one.response(one.id, text)),
    code: 1002,
  })),
  { name: 'message: UTF-16', send: (one) => plain(Buffer.from(one.good, 'utf16le').toString('latin1')), code: 1002 },
  envelope('deeper than 128', (one) => one.response(one.id, one.marker, `,"d":${deep(200)}`)),
  envelope('much deeper', (one) => one.response(one.id, one.marker, `,"d":${deep(30000)}`)),
  envelope('brackets that are never closed', () => '['.repeat(60000)),
  envelope('as deep as may be', (one) => one.response(one.id, one.marker, `,"d":${deep(100)}`), null),
  envelope('an answer in a batch', (one) => `[${one.good}]`),
  envelope('an empty batch', () => '[]'),
  envelope('a text', () => '"answer"'),
  envelope('null', () => 'null'),
  envelope('an empty object', () => '{}'),
  envelope('a request', (one) => `{"jsonrpc":"2.0","id":${one.id},"method":"sampling/createMessage","params":{}}`),
  envelope('a notification', () => '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'),
  envelope('a request with a result', (one) => `{"jsonrpc":"2.0","id":${one.id},"method":"ping","result":${result(one)}}`),
  envelope(
    'result and error',
    (one) => `{"jsonrpc":"2.0","id":${one.id},"result":${result(one)},"error":{"code":-32000,"message":"m"}}`,
  ),
  envelope('neither result nor error', (one) => `{"jsonrpc":"2.0","id":${one.id}}`),
  envelope('no version', (one) => `{"id":${one.id},"result":${result(one)}}`),
  envelope('version 1.0', (one) => `{"jsonrpc":"1.0","id":${one.id},"result":${result(one)}}`),
  envelope('version as a number', (one) => `{"jsonrpc":2.0,"id":${one.id},"result":${result(one)}}`),
  envelope('names in capitals', (one) => `{"JSONRPC":"2.0","ID":${one.id},"Result":${result(one)}}`),
  envelope('names that look alike', (one) => `{"jsonrpc":"2.0","id":${one.id},"re\u017fult":${result(one)}}`),
  envelope('a result that is a text', (one) => `{"jsonrpc":"2.0","id":${one.id},"result":"done"}`),
  envelope('a result that is null', (one) => `{"jsonrpc":"2.0","id":${one.id},"result":null}`),
  envelope('a result that is a list', (one) => `{"jsonrpc":"2.0","id":${one.id},"result":[${result(one)}]}`),
  envelope('an error that is a text', (one) => `{"jsonrpc":"2.0","id":${one.id},"error":"bad"}`),
  envelope('an error that is null', (one) => `{"jsonrpc":"2.0","id":${one.id},"error":null}`),
  envelope('an error without a code', (one) => `{"jsonrpc":"2.0","id":${one.id},"error":{"message":"bad"}}`),
  envelope(
    'an error with a code that is a text',
    (one) => `{"jsonrpc":"2.0","id":${one.id},"error":{"code":"-32000","message":"bad"}}`,
  ),
  envelope('an error with half a code', (one) => `{"jsonrpc":"2.0","id":${one.id},"error":{"code":-32000.5,"message":"bad"}}`),
  envelope('an error without a message', (one) => `{"jsonrpc":"2.0","id":${one.id},"error":{"code":-32000}}`),
  envelope('the id twice', (one) => `{"jsonrpc":"2.0","id":${one.id},"id":"other","result":${result(one)}}`),
  envelope('the id twice, its own last', (one) => `{"jsonrpc":"2.0","id":"other","id":${one.id},"result":${result(one)}}`),
  envelope(
    'the id twice, once with an escape',
    (one) => `{"jsonrpc":"2.0","id":${one.id},"\\u0069d":"other","result":${result(one)}}`,
  ),
  envelope(
    'the result twice',
    (one) => `{"jsonrpc":"2.0","id":${one.id},"result":${result(one)},"result":${one.result('forged')}}`,
  ),
  envelope('the version twice', (one) => `{"jsonrpc":"2.0","jsonrpc":"1.0","id":${one.id},"result":${result(one)}}`),
  envelope('names with escapes', (one) => `{"jsonrpc":"2.0","\\u0069d":${one.id},"r\\u0065sult":${result(one)}}`, null),
  envelope('unknown members', (one) => `{"x":1,"jsonrpc":"2.0","Id":7,"id":${one.id},"y":{"id":9},"result":${result(one)}}`, null),
  envelope(
    'a text with every escape',
    (one) => one.response(one.id, 'a\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001b\\ud83d\\ude00b'),
    null,
    { result: 'a"\\/\b\f\n\r\t\0\u001b\u{1F600}b' },
  ),
  ...[
    ['no id', ''],
    ['null', '"id":null,'],
    ['a text of the same digits', (one) => `"id":"${one.id}",`],
    ['a fraction', (one) => `"id":${one.id}.0,`],
    ['an exponent', (one) => `"id":${one.id}e0,`],
    ['negative', (one) => `"id":-${one.id},`],
    ['a list', (one) => `"id":[${one.id}],`],
    ['an object', (one) => `"id":{"id":${one.id}},`],
    ['true', '"id":true,'],
    ['the one before', (one) => `"id":${one.id - 1},`],
    ['the next', (one) => `"id":${one.next},`],
    ['beyond 64 bits', (one) => `"id":${BigInt(one.id) + (1n << 64n)},`],
    ['of the call that another client makes', (one) => `"id":${one.held},`],
    ['of the client itself', '"id":"1",'],
  ].flatMap(([name, id]) => {
    const text = (one) => (typeof id === 'function' ? id(one) : id);
    return [
      envelope(`id: ${name}`, (one) => `{"jsonrpc":"2.0",${text(one)}"result":${one.result('forged')}}`),
      envelope(`id of an error: ${name}`, (one) => `{"jsonrpc":"2.0",${text(one)}"error":{"code":-32000,"message":"forged"}}`),
    ];
  }),
  { name: 'message: empty', send: () => plain(''), code: 1002 },
  { name: 'message: empty, with chunks', send: () => chunked(last), code: 1002 },
  {
    name: 'message: as large as may be',
    send: (one) => plain(one.response(one.id, one.marker, `,"pad":"${'x'.repeat(255 * 1024)}"`)),
  },
  {
    name: 'message: too large',
    send: (one) => plain(one.response(one.id, one.marker, `,"pad":"${'x'.repeat(256 * 1024)}"`)),
    code: 1011,
  },
  {
    name: 'message: too large, with chunks',
    send: (one) => chunked(chunk(one.response(one.id, one.marker, `,"pad":"${'x'.repeat(256 * 1024)}"`)) + last),
    broken: true, // it passes while it comes
  },
  {
    name: 'message: too much white space',
    send: (one) => chunked(chunk(' '.repeat(256 * 1024)) + chunk(one.good) + last),
    code: 1011,
  },
];

// Answers that pass as they come, since they are large: what is wrong with one shows at its client, as an error or as a cut.
const pad = (text = 'x') => `,"pad":"${text.repeat(Math.floor(100000 / text.length))}"`;
const large = [
  {
    name: 'the id again behind the result',
    send: (one) => plain(one.response(one.id, one.marker, pad()).slice(0, -1) + ',"id":"other"}'),
  },
  {
    name: 'the result again',
    send: (one) => plain(one.response(one.id, one.marker, pad()).slice(0, -1) + `,"result":${one.result('forged')}}`),
  },
  {
    name: 'an error behind the result',
    send: (one) => plain(one.response(one.id, one.marker, pad()).slice(0, -1) + ',"error":{"code":1,"message":"m"}}'),
  },
  {
    name: 'a method behind the result',
    send: (one) => plain(one.response(one.id, one.marker, pad()).slice(0, -1) + ',"method":"ping"}'),
  },
  { name: 'two answers', send: (one) => plain(one.response(one.id, one.marker, pad()) + one.response(one.next, 'forged')) },
  { name: 'invalid JSON within', send: (one) => plain(one.response(one.id, one.marker, pad() + ',"n":NaN')) },
  { name: 'invalid UTF-8 within', send: (one) => plain(one.response(one.id, one.marker, pad() + ',"n":"\xff"')) },
  { name: 'deeper than 128', send: (one) => plain(one.response(one.id, one.marker, pad() + `,"d":${deep(200)}`)) },
  { name: 'broken off', send: (one) => plain(one.response(one.id, one.marker, pad()).slice(0, -5)) },
  { name: 'another id at its head', send: (one) => plain(one.response(one.held, 'forged', pad())) },
  {
    name: 'another id at its tail',
    send: (one) => plain(`{"result":${one.result('forged', pad())},"jsonrpc":"2.0","id":${one.held}}`),
  },
  ...['"result":{}', '"error":{"code":1,"message":"m"}', '"method":"ping","params":{}'].map((more) => ({
    name: `${more} before its tail`,
    send: (one) => plain(`{"result":${one.result(one.marker, pad())},${more},"id":${one.id},"jsonrpc":"2.0"}`),
  })),
  { name: 'no id', send: (one) => plain(`{"jsonrpc":"2.0","result":${one.result('forged', pad())}}`) },
  { name: 'no version', send: (one) => plain(`{"id":${one.id},"result":${one.result('forged', pad())}}`) },
  {
    name: 'one too many, and the end',
    send: closing((one) =>
      plain(one.response(one.id, one.marker, pad())).replace(/Length: (\d+)/, (_, n) => `Length: ${Number(n) + 1}`),
    ),
  },
  {
    name: 'one too many, and nothing',
    send: (one) => plain(one.response(one.id, one.marker, pad())).replace(/Length: (\d+)/, (_, n) => `Length: ${Number(n) + 1}`),
    slow: true,
  },
  {
    name: 'a reset within',
    send: (one) => (one.write(plain(one.response(one.id, one.marker, pad())).slice(0, 70000)), one.reset()),
  },
].map((one) => ({ ...one, name: `large: ${one.name}`, broken: true }));
const largeGood = [
  { name: 'large: in order', send: (one) => plain(one.response(one.id, one.marker, pad())) },
  {
    name: 'large: its id at its tail',
    send: (one) => plain(`{"result":${one.result(one.marker, pad())},"jsonrpc":"2.0","id":${one.id}}`),
  },
  {
    name: 'large: what looks like another end within',
    send: (one) =>
      plain(
        `{"result":${one.result(one.marker, pad('\\"},\\"jsonrpc\\":\\"2.0\\",\\"id\\":7}'))},"jsonrpc":"2.0","id":${one.id}}`,
      ),
  },
  { name: 'large: a whole answer behind it', send: (one) => plain(one.response(one.id, one.marker, pad())) + forged(one) },
];

// Another server, which must hear of nothing. `where` in a text stands for its origin.
let witness;
const typed =
  (status, type, body = (one) => one.good, lines = '') =>
  (one) =>
    `HTTP/1.1 ${status}\r\n${type === null ? '' : `Content-Type: ${type}\r\n`}${lines}${length(body(one))}\r\n${body(one)}`;
// It may say that the session is forgotten: then that is opened anew, and the call made again in it.
const forgotten = { any: ['result', 1002] };
const unheard = () => assert.equal(witness.connections, 0, 'another server was asked');
const redirect = (status, where, location) => ({
  name: `redirect: ${status}, ${where}`,
  send: (one) => typed(`${status} Elsewhere`, 'application/json', () => '', `Location: ${location(witness)}\r\n`)(one),
  code: 1002,
  after: unheard,
});
const statuses = [
  ...[300, 301, 302, 303, 307, 308].map((status) => redirect(status, 'to another server', ({ origin }) => origin + '/mcp')),
  redirect(302, 'to another server by its host', ({ port }) => `//127.0.0.1:${port}/mcp`),
  redirect(307, 'to another path', () => '/other'),
  redirect(302, 'to nowhere', () => ''),
  redirect(308, 'to a file', () => 'file:///etc/passwd'),
  redirect(302, 'to a very long place', ({ origin }) => `${origin}/mcp?${'x'.repeat(20000)}`),
  {
    name: 'redirect: an answer with a status that redirects',
    send: (one) => typed('302 Found', 'application/json', (own) => own.good, `Location: ${witness.origin}/mcp\r\n`)(one),
    code: 1002,
    after: unheard,
  },
  {
    name: 'redirect: 305 to a proxy',
    send: (one) => typed('305 Use Proxy', 'application/json', () => '', `Location: ${witness.origin}/\r\n`)(one),
    code: 1002,
    after: unheard,
  },
  {
    name: 'redirect: headers that name another server',
    send: (one) =>
      typed(
        '200 OK',
        'application/json',
        undefined,
        `Location: ${witness.origin}/a\r\nContent-Location: ${witness.origin}/b\r\nRefresh: 0; url=${witness.origin}/c\r\n` +
          `Alt-Svc: h2="127.0.0.1:${witness.port}"\r\nLink: <${witness.origin}/d>; rel=preload\r\n`,
      )(one),
    after: unheard,
  },
  {
    name: 'credentials wanted, with metadata elsewhere',
    send: (one) =>
      typed(
        '401 Unauthorized',
        'application/json',
        () => '',
        `WWW-Authenticate: Bearer resource_metadata="${witness.origin}/meta"\r\n`,
      )(one),
    code: 1008,
    after: unheard,
  },
  { name: 'credentials wanted, with an answer', send: typed('401 Unauthorized', 'application/json'), code: 1008 },
  { name: 'forbidden, with an answer', send: typed('403 Forbidden', 'application/json'), code: 1008 },
  {
    name: 'credentials wanted by a proxy',
    send: typed('407 Proxy Authentication Required', 'application/json', () => '', 'Proxy-Authenticate: Basic\r\n'),
    code: 1002,
  },
  ...[
    'text/html',
    'text/plain',
    'application/octet-stream',
    'application/xml',
    'multipart/mixed; boundary=x',
    'application/jsonx',
    'application/json-seq',
    'json',
  ].map((type) => ({ name: `type: ${JSON.stringify(type)}`, send: typed('200 OK', type), code: 1002 })),
  // Without a type it is taken at its word.
  { name: 'type: empty', send: typed('200 OK', '') },
  { name: 'type: none', send: typed('200 OK', null) },
  { name: 'type: an error page', send: typed('200 OK', 'text/html', () => '<html>it works</html>'), code: 1002 },
  { name: 'type: with a charset', send: typed('200 OK', 'application/json; charset=utf-8') },
  { name: 'type: in capitals', send: typed('200 OK', 'Application/JSON;CHARSET=UTF-8') },
  { name: 'type: events in JSON', send: typed('200 OK', 'application/json', (one) => `data: ${one.good}\n\n`), code: 1002 },
  { name: 'status: accepted', send: typed('202 Accepted', null, () => ''), code: 1002 },
  {
    name: 'status: a part that nobody asked for',
    send: typed('206 Partial Content', 'application/json', undefined, 'Content-Range: bytes 0-9/10\r\n'),
    code: 1002,
  },
  { name: 'status: 404 with nothing', send: typed('404 Not Found', null, () => ''), code: 1002, old: forgotten },
  { name: 'status: 500 with a page', send: typed('500 Broken', 'text/html', () => '<html>'), code: 1002 },
  { name: 'status: 500 with a result', send: typed('500 Broken', 'application/json'), code: 1002 },
  { name: 'status: 400 with a result', send: typed('400 Bad', 'application/json'), code: 1002 },
  {
    name: 'status: 400 with its own error',
    send: typed(
      '400 Bad',
      'application/json',
      (one) => `{"jsonrpc":"2.0","id":${one.id},"error":{"code":-32099,"message":"own"}}`,
    ),
    any: [-32099],
  },
  {
    name: 'status: 400 with the error of another call',
    send: typed(
      '400 Bad',
      'application/json',
      (one) => `{"jsonrpc":"2.0","id":${one.held},"error":{"code":-32099,"message":"own"}}`,
    ),
    code: 1002,
    old: forgotten,
  },
  ...['3', '-1', '1e9', '99999999999999999999', '0', '1.5', 'Wed, 21 Oct 2065 07:28:00 GMT', '\xff', ''].map((value) => ({
    name: `status: 503, ${JSON.stringify(value)} to wait`,
    send: typed('503 Busy', null, () => '', `Retry-After: ${value}\r\n`),
    code: 1004,
    look: (last) => assert.equal(last.error.data.retry_after_ms, value === '3' ? 3000 : undefined),
  })),
  {
    name: 'a cookie',
    send: typed('200 OK', 'application/json', undefined, 'Set-Cookie: a=canary-cookie\r\n'),
    next: (_, { lies }) => assert.ok(!JSON.stringify(lies.seen.at(-1).headers).includes('canary-cookie'), 'the cookie came back'),
  },
  {
    name: 'a session',
    send: typed('200 OK', 'application/json', undefined, 'Mcp-Session-Id: canary-session\r\n'),
    next: (_, { lies }) =>
      assert.ok(!JSON.stringify(lies.seen.at(-1).headers).includes('canary-session'), 'the session came back'),
  },
  {
    name: 'headers for its client',
    send: typed(
      '200 OK',
      'application/json',
      undefined,
      'Access-Control-Allow-Origin: *\r\nX-Evil: canary-header\r\n' +
        'Strict-Transport-Security: max-age=1\r\nClear-Site-Data: "*"\r\n',
    ),
    look: (last, all, answer) =>
      assert.doesNotMatch(JSON.stringify(answer.headers), /canary-header|access-control|strict-transport|clear-site/i),
  },
];

const packed = (name, coding, body, more) => ({
  name: `coding of content: ${name}`,
  send: (one) =>
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: ${coding}\r\n${length(body(one))}\r\n${body(one)}`,
  ...more,
});
const gzip = (text) => zlib.gzipSync(Buffer.from(text, 'latin1')).toString('latin1');
// Only identity is asked for. An answer that is packed all the same is inflated within bounds, or refused.
const codings = [
  packed('gzip', 'gzip', (one) => gzip(one.good)),
  packed('gzip, by its old name', 'x-gzip', (one) => gzip(one.good)),
  packed('gzip in capitals', 'GZIP', (one) => gzip(one.good)),
  packed('deflate', 'deflate', (one) => zlib.deflateSync(Buffer.from(one.good)).toString('latin1')),
  packed('deflate without its frame', 'deflate', (one) => zlib.deflateRawSync(Buffer.from(one.good)).toString('latin1'), { code: 1002 }),
  packed('br', 'br', (one) => zlib.brotliCompressSync(Buffer.from(one.good)).toString('latin1'), { code: 1002 }),
  packed('gzip twice', 'gzip, gzip', (one) => gzip(gzip(one.good)), { code: 1002 }),
  packed('identity', 'identity', (one) => one.good),
  packed('identity in capitals', 'Identity', (one) => one.good),
  packed('unknown', 'rot13', (one) => one.good, { code: 1002 }),
  packed('no ASCII', '\xff\xfe"\\', (one) => one.good, { code: 1002 }),
  packed('empty', '', (one) => one.good, { any: ['result', 1002] }),
  packed('gzip of nothing', 'gzip', () => '', { code: 1002 }),
  packed('no gzip at all', 'gzip', (one) => one.good, { code: 1002 }),
  packed('gzip cut off', 'gzip', (one) => gzip(one.good).slice(0, -12), { code: 1002 }),
  packed('gzip with something behind', 'gzip', (one) => gzip(one.good) + gzip(one.response(one.next, 'forged')), { code: 1002 }),
  packed('gzip with a broken sum', 'gzip', (one) => gzip(one.good).slice(0, -8) + '\0\0\0\0' + gzip(one.good).slice(-4), { code: 1002 }),
  ...['chunks', 'events', 'the end of the connection'].map((how) => ({
    name: `coding of content: gzip in ${how}`,
    send: (one) => {
      const text = gzip(how === 'events' ? `data: ${one.good}\n\n` : one.good);
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${how === 'events' ? 'text/event-stream' : 'application/json'}\r\nContent-Encoding: gzip\r\n`;
      if (how === 'the end of the connection') return closing(head + '\r\n' + text)(one);
      return `${head}Transfer-Encoding: chunked\r\n\r\n${[...text].map((byte) => chunk(byte)).join('')}${last}`;
    },
  })),
  packed('a bomb', 'gzip', () => gzip(' '.repeat(64 * 1024 * 1024)), { code: 1011 }),
  packed('a bomb of bombs', 'gzip, gzip, gzip', () => gzip(gzip(gzip(' '.repeat(16 * 1024 * 1024)))), { code: 1002 }),
  { name: 'coding of content: gzip that nobody announces', send: (one) => plain(gzip(one.good)), code: 1002 },
];

const both = (modes) => table(modes, maker);
const watched = (modes) => async () => {
  witness = await Liar.start();
  try {
    return await both(modes)();
  } finally {
    await witness.stop();
  }
};

// Every place of an answer at which it can be split or end. The upstream is asked often: it is one client's calls alone.
async function everyPlace(era, write, work) {
  const lies = await Liar.start({ era });
  const weir = await Weir.start({
    threads: 1,
    retry: false,
    circuit_breaker: false,
    outlier_detection: { enabled: false },
    servers: { a: lies.server },
  });
  const failures = [];
  try {
    await weir.settled();
    const session = era === 'old' ? await openSession(weir.url) : null;
    const call = async (tool, args) => {
      const text = `"name":"${tool}","arguments":${JSON.stringify(args)}`;
      return answerOf(
        session
          ? await session.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${text}}}`)
          : await ask(weir.url, 'tools/call', text, { name: tool }),
      );
    };
    const length = size(write(new Lie(lies, { id: 100, params: { arguments: { marker: marker() } } })));
    for (let at = 0; at < length; ++at) {
      const own = marker();
      lies.arm({ send: (one) => work(one, write(one), at) });
      const answer = await call('lie', { lie: true, marker: own });
      const after = marker();
      const next = await call('echo', { marker: after });
      if (next.result?.content[0].text !== after) failures.push(`${era}, at ${at}: next ${JSON.stringify(next)}`);
      const wrong = await work.wrong(answer, own, at);
      if (wrong) failures.push(`${era}, at ${at}: ${wrong} ${JSON.stringify(answer).slice(0, 300)}`);
    }
    return { length, failures };
  } finally {
    assert.equal((await weir.stop()).code, 0);
    await lies.stop();
  }
}
const split = Object.assign(
  async (one, text, at) => {
    one.write(text.slice(0, at));
    await new Promise((done) => setTimeout(done, 1));
    one.write(text.slice(at));
  },
  { wrong: (answer, own) => answer.result?.content[0].text !== own && 'not its result' },
);
const cut = (how) =>
  Object.assign((one, text, at) => (one.write(text.slice(0, at)), one[how]()), {
    wrong: ({ error }) => (error?.code !== 1007 || error.data.sent !== 'maybe') && 'not a cut',
  });
const places = (works, writes) => async () => {
  const failures = [];
  let count = 0;
  for (const era of ['new', 'old'])
    for (const write of writes)
      for (const work of works) {
        const got = await everyPlace(era, write, work);
        count += got.length;
        failures.push(...got.failures);
      }
  assert.ok(!failures.length, failures.slice(0, 40).join('\n'));
  return `${count} places`;
};
const inChunks = (one) => chunked(chunk(one.good.slice(0, 20)) + chunk(one.good.slice(20)) + last);

// What comes while a connection rests, and before the next call begins: the bytes are in the socket by then.
async function whileResting(what) {
  const lies = await Liar.start();
  const weir = await Weir.start({ threads: 1, retry: false, servers: { a: lies.server } });
  try {
    await weir.settled();
    const call = async (tool, args) =>
      answerOf(await ask(weir.url, 'tools/call', `"name":"${tool}","arguments":${JSON.stringify(args)}`, { name: tool }));
    for (let round = 0; round < 50; ++round) {
      const [own, after] = [marker(), marker()];
      let lie;
      lies.arm({ send: (one) => ((lie = one), good(one)) });
      assert.equal((await call('lie', { lie: true, marker: own })).result?.content[0].text, own);
      if (!lie.socket.destroyed) await new Promise((done) => what(lie, done));
      const next = await call('echo', { marker: after });
      assert.equal(next.result?.content[0].text, after, `round ${round}: ${JSON.stringify(next)}`);
    }
  } finally {
    assert.equal((await weir.stop()).code, 0);
    await lies.stop();
  }
}

// A call that may have run is not made again, however it ended and whatever is said of its tool.
async function madeOnce() {
  const ends = {
    'no answer': (one) => one.end(),
    'a reset': (one) => one.reset(),
    'half a head': (one) => (one.write('HTTP/1.1 200 OK\r\n'), one.end()),
    'half a body': (one) => (one.write(good(one).slice(0, -5)), one.end()),
    'half a body until the end': (one) => (one.write(ok() + one.good.slice(0, -5)), one.end()),
    'half a body until a reset': (one) => (one.write(ok() + one.good.slice(0, -5)), one.reset()),
    'half a chunk': (one) => (one.write(chunked(chunk(one.good).slice(0, -9))), one.reset()),
    nonsense: () => 'nonsense\r\n',
    'a status': () => 'HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n',
    'a page': () => plain('<html>'),
    'another id': (one) => plain(one.response(one.next)),
  };
  const lies = await Liar.start();
  const weir = await Weir.start({
    threads: 1,
    circuit_breaker: false,
    outlier_detection: { enabled: false },
    servers: { a: lies.server },
  });
  const failures = [];
  try {
    await weir.settled();
    for (const [how, send] of Object.entries(ends)) {
      const before = lies.calls('lie').length;
      lies.arm({ send });
      const { error } = answerOf(
        await ask(weir.url, 'tools/call', '"name":"lie","arguments":{"lie":true,"marker":"m"}', { name: 'lie' }),
      );
      const times = lies.calls('lie').length - before;
      if (times !== 1) failures.push(`${how}: made ${times} times`);
      if (error?.data.sent !== 'maybe' || ![1002, 1007].includes(error.code)) failures.push(`${how}: ${JSON.stringify(error)}`);
      if (/nothing was sent|safe to try again/.test(error?.message)) failures.push(`${how}: ${error.message}`);
    }
    assert.ok(!failures.length, failures.join('\n'));
  } finally {
    assert.equal((await weir.stop()).code, 0);
    await lies.stop();
  }
}

// Where one wire carries all answers, a server that names another's id must not answer for it.
async function oneWire(open) {
  const [lies, honest] = [await Liar.start(), await Liar.start()];
  const failures = [];
  const { talk, end } = await open({ a: lies.server, b: honest.server });
  try {
    await talk.open('2025-11-25');
    const send = (id, tool, args) =>
      talk.send(
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":${JSON.stringify(args)}}}`,
      );
    const names = {
      'the id twice': (one, id) => `{"jsonrpc":"2.0","id":${one.id},"id":${id},"result":${one.result('forged')}}`,
      'with an escape': (one, id) => `{"jsonrpc":"2.0","id":${one.id},"\\u0069d":${id},"result":${one.result('forged')}}`,
      'its own last': (one, id) => `{"jsonrpc":"2.0","id":${id},"id":${one.id},"result":${one.result('forged')}}`,
      'as its only one': (one, id) => `{"jsonrpc":"2.0","id":${id},"result":${one.result('forged')}}`,
      'large, the id again behind the result': (one, id) =>
        `{"jsonrpc":"2.0","id":${one.id},"result":${one.result('forged', pad())},"id":${id}}`,
      'in an event': (one, id) => `{"jsonrpc":"2.0","id":${one.id},"result":${one.result('forged')},"id":${id}}`,
    };
    let id = 100;
    for (const [how, write] of Object.entries(names)) {
      const [waits, lied] = [++id, ++id];
      const own = marker();
      await send(waits, 'b__wait', { marker: own });
      await until(() => honest.held, 10000, 'the call beside it');
      lies.arm({
        send: (one) =>
          how === 'in an event'
            ? plain(`data: ${write(one, waits)}\n\n`).replace('application/json', 'text/event-stream')
            : plain(write(one, waits)),
      });
      await send(lied, 'a__lie', { lie: true, marker: 'm' });
      const first = await talk.find((one) => one.id === waits || one.id === lied, 'an answer');
      honest.release();
      if (first.id !== lied || first.error?.code !== 1002) failures.push(`${how}: ${JSON.stringify(first).slice(0, 200)}`);
      const answer = await talk.answer(waits);
      if (answer.result?.content[0].text !== own)
        failures.push(`${how}: the call to another server is answered ${JSON.stringify(answer).slice(0, 200)}`);
    }
    assert.ok(!failures.length, failures.join('\n'));
  } finally {
    await end();
    await lies.stop();
    await honest.stop();
  }
}
const calm = { circuit_breaker: false, outlier_detection: { enabled: false } };
const byLines = async (servers) => {
  const talk = Lines.start({ servers, ...calm });
  return { talk, end: async () => assert.equal(await talk.leave(), 0) };
};
const byStream = async (servers) => {
  const weir = await Weir.start({ servers, ...calm });
  await weir.settled();
  const talk = await Stream.start(weir.url);
  return { talk, end: async () => (talk.leave(), assert.equal((await weir.stop()).code, 0)) };
};

export const tests = {
  heads: both(heads),
  framing: both(framing),
  'bytes behind an answer are no answer': both(surplus),
  messages: both(bodies),
  'large answers that lie': both(large),
  'large answers that do not': both(largeGood),
  'statuses, types and redirects': watched(statuses),
  'codings of content': both(codings),
  'an answer split at every place': places([split], [good, inChunks]),
  'an answer or the end that comes while a connection rests'() {
    return whileResting((lie, done) => lie.socket.write(forged(lie), done)).then(() =>
      whileResting((lie, done) => lie.socket.end(done)),
    );
  },
  'a call that may have run is made once': madeOnce,
  'no server answers for another: lines': () => oneWire(byLines),
  'no server answers for another: one stream': () => oneWire(byStream),
  'an answer cut at every place': places([cut('end'), cut('reset')], [good, inChunks]),
};

// The first line of a request: method, target, version, what separates and ends them, and what is no HTTP at all. The target is
// a path, taken as it is: nothing in it is folded or decoded before it is looked up.
import assert from 'node:assert/strict';
import { callBody, each, post, table } from './raw.mjs';

const body = callBody('1', '{"n":1}');
const call = post(body);
const second = post(callBody('2', '{"n":2}'));
const rest = call.slice(call.indexOf('\r\n') + 2);

// A call with this first line, ended like this; another one behind it.
const line = (text, end = '\r\n') => text + end + rest + second;
const target = (text) => line(`POST ${text} HTTP/1.1`);
const version = (text) => line(`POST /mcp ${text}`);
const method = (text) => line(`${text} /mcp HTTP/1.1`);
const long = (text, size) => text + 'a'.repeat(size - text.length);

const numbers = (...wanted) => (seen) => assert.deepEqual(seen.map(({ parsed }) => parsed.params.arguments.n), wanted);
const both = { status: [200, 200], reached: 2, saw: numbers(1, 2) };
const refused = { status: 400 };
const absent = { status: 404 };
// No server has this name; the connection goes on to the call behind it.
const unnamed = ([answer]) => assert.equal(JSON.parse(answer.body).error.code, -32600);
const nobody = { status: [404, 200], reached: 1, saw: numbers(2), look: unnamed };
const allows = ([answer]) => assert.equal(answer.headers.allow, 'POST, GET, DELETE, OPTIONS');

const methods = [
  { name: 'the usual line', send: method('POST'), ...both },
  ...each({ status: 405, look: allows }, {
    'PUT': method('PUT'),
    'PATCH': method('PATCH'),
    'TRACE': method('TRACE'),
    'GET without a session': method('GET'),
  }),
  { name: 'HEAD', send: method('HEAD'), status: 405, bodiless: true, look: allows },
  // RFC 9110, 9.1: a method that is not known.
  ...each({ status: 501 }, {
    'a method in small letters': method('post'),
    'a method in both': method('Post'),
    'a method that nobody knows': method('MKCALENDAR'),
    'a method with a letter more': method('POSTS'),
    'a method with a letter less': method('POS'),
    'a method of every odd letter': method("!#$%&'*+-.^_`|~"),
    'a method of HTTP/2': method('PRI'),
    'a method of 300 letters': method('A'.repeat(300)),
    'a method longer than any target': method('A'.repeat(9000)),
  }),
  ...each(refused, {
    'no method': method(''),
    'a method in quotes': method('"POST"'),
    'a method in brackets': method('(POST)'),
    'a method with a colon': method('POST:'),
    'a method with a slash': method('PO/ST'),
    'a method with a comma': method('POST,GET'),
    'a method with an at sign': method('P@ST'),
    'a method of no ASCII': method('P\xd6ST'),
    'a method with a NUL': method('PO\0ST'),
    'a NUL before the method': method('\0POST'),
    'a DEL behind the method': method('POST\x7f'),
    'a vertical tab behind the method': method('POST\x0b'),
    'a bell before the method': method('\x07POST'),
    'a byte order mark before the method': method('\xef\xbb\xbfPOST'),
    'CONNECT to an authority': line('CONNECT 127.0.0.1:80 HTTP/1.1'),
  }),
];

const blanks = [
  ...each(refused, {
    'a space before the method': line(' POST /mcp HTTP/1.1'),
    'a tab before the method': line('\tPOST /mcp HTTP/1.1'),
    'two spaces before the target': line('POST  /mcp HTTP/1.1'),
    'two spaces before the version': line('POST /mcp  HTTP/1.1'),
    'a space at the end': line('POST /mcp HTTP/1.1 '),
    'a tab at the end': line('POST /mcp HTTP/1.1\t'),
    'a tab before the target': line('POST\t/mcp HTTP/1.1'),
    'a tab before the version': line('POST /mcp\tHTTP/1.1'),
    'tabs alone': line('POST\t/mcp\tHTTP/1.1'),
    'a vertical tab before the target': line('POST\x0b/mcp HTTP/1.1'),
    'a form feed before the version': line('POST /mcp\x0cHTTP/1.1'),
    'a no-break space before the version': line('POST /mcp\xa0HTTP/1.1'),
    'a bare CR before the target': line('POST\r/mcp HTTP/1.1'),
    'a bare CR before the version': line('POST /mcp\rHTTP/1.1'),
    'a bare LF before the version': line('POST /mcp\nHTTP/1.1'),
    'a line end before the version': line('POST /mcp\r\nHTTP/1.1'),
    'a folded line': line('POST /mcp\r\n HTTP/1.1'),
    'nothing between the words': line('POST/mcpHTTP/1.1'),
    'a fourth word': line('POST /mcp HTTP/1.1 HTTP/1.1'),
    'two targets': line('POST /mcp /mcp HTTP/1.1'),
    'two versions with one space': line('POST /mcp HTTP/1.0 HTTP/1.1'),
    'no version': line('POST /mcp'),
    'no version, a space': line('POST /mcp '),
    'a method alone': line('POST'),
    'a request of HTTP/0.9': 'GET /health\r\n',
    'a request of HTTP/0.9 that ends in LF': 'GET /health\n',
  }),
];

const ends = [
  ...each(refused, {
    'a line that ends in LF': line('POST /mcp HTTP/1.1', '\n'),
    'a line that ends in CR': line('POST /mcp HTTP/1.1', '\r'),
    'a line that ends in CR CR LF': line('POST /mcp HTTP/1.1', '\r\r\n'),
    'a line that ends in LF CR': line('POST /mcp HTTP/1.1', '\n\r'),
    'a line that ends in a NUL and CRLF': line('POST /mcp HTTP/1.1', '\0\r\n'),
    'a head whose lines all end in LF': line('POST /mcp HTTP/1.1').replaceAll('\r\n', '\n'),
    'a bare LF before the line': `\n${call}`,
    'a bare CR before the line': `\r${call}`,
    'two empty lines before the line': `\r\n\r\n${call}`,
    'an empty line and a bare LF before the line': `\r\n\n${call}`,
    'an empty line and a space before the line': `\r\n ${call}`,
    'a line of a space before the line': ` \r\n${call}`,
    'CR CR LF before the line': `\r\r\n${call}`,
    'a NUL and an empty line before the line': `\0\r\n${call}`,
  }),
  { name: 'an empty line before the line', send: `\r\n${line('POST /mcp HTTP/1.1')}`, ...both },
];

const targets = [
  ...each(both, {
    'a question mark and nothing': target('/mcp?'),
    'a query': target('/mcp?a=b&c=%20d'),
    'dots in a query': target('/mcp?a=/../../health'),
    'a URL in a query': target('/mcp?http://evil.example/'),
    'a question mark in a query': target('/mcp?a?b'),
    'the path of one server': target('/mcp/a'),
    'the path of one server and a query': target('/mcp/a?/b'),
    'a target of just the limit': target(long('/mcp?', 8192)),
    'a target of just the limit, encoded': target(`/mcp?a${'%41'.repeat(2728)}aa`),
  }),
  ...each(absent, {
    'the root': target('/'),
    'the path in capitals': target('/MCP'),
    'an encoded letter in the path': target('/%6dcp'),
    'an encoded slash behind the path': target('/mcp%2fa'),
    'an encoded question mark behind the path': target('/mcp%3fa'),
    'an encoded NUL behind the path': target('/mcp%00'),
    'an encoded line end behind the path': target('/mcp%0d%0aHost:%20evil.example'),
    'an encoded space behind the path': target('/mcp%20'),
    'a letter behind the path': target('/mcpx'),
    'a point behind the path': target('/mcp.'),
    'a parameter of the path': target('/mcp;a=b'),
    'an ampersand behind the path': target('/mcp&a=b'),
    'two slashes before the path': target('//mcp'),
    'an authority before the path': target('//127.0.0.1/mcp'),
    'a point before the path': target('/./mcp'),
    'two points before the path': target('/../mcp'),
    'a folder and two points before the path': target('/x/../mcp'),
    'the path and back to it': target('/mcp/../mcp'),
    'a server and a slash': target('/mcp/a/'),
    'a server and two points': target('/mcp/a/..'),
    'a server behind two slashes': target('/mcp//a'),
    'two encoded points and a slash': target('/mcp/%2e%2e/mcp'),
    'a URL as a path': target('/http://127.0.0.1/mcp'),
    'an asterisk as a path': target('/*'),
  }),
  ...each(nobody, {
    'a slash behind the path': target('/mcp/'),
    'a point for a server': target('/mcp/.'),
    'two points for a server': target('/mcp/..'),
    'two encoded points for a server': target('/mcp/%2e%2e'),
    'an encoded letter for a server': target('/mcp/%61'),
    'a server in capitals': target('/mcp/A'),
    'a server with a parameter': target('/mcp/a;b=c'),
    'a server and an encoded slash': target('/mcp/a%2f'),
    'a server and an encoded NUL': target('/mcp/a%00'),
    'a server and a point': target('/mcp/a.'),
  }),
  ...each(refused, {
    'an absolute target': target('http://127.0.0.1/mcp'),
    'an absolute target of another host': target('http://evil.example/mcp'),
    'an absolute target of another scheme': target('https://127.0.0.1/mcp'),
    'an absolute target in capitals': target('HTTP://127.0.0.1/mcp'),
    'an absolute target of a file': target('file:///mcp'),
    'an authority': target('127.0.0.1:80'),
    'an asterisk': target('*'),
    'an asterisk for OPTIONS': line('OPTIONS * HTTP/1.1'),
    'a path without its slash': target('mcp'),
    'a query alone': target('?a'),
    'a fragment alone': target('#a'),
    'points without a slash': target('../mcp'),
    'a backslash for the slash': target('\\mcp'),
    'a backslash behind the slash': target('/\\mcp'),
    'a fragment': target('/mcp#a'),
    'a fragment behind a query': target('/mcp?a#b'),
    'a fragment that is empty': target('/mcp#'),
    'a quote': target('/mcp?"'),
    'angle brackets': target('/mcp?<a>'),
    'braces': target('/mcp?{a}'),
    'a bar': target('/mcp?|'),
    'a circumflex': target('/mcp?^'),
    'a backtick': target('/mcp?`'),
    'a byte of no ASCII': target('/mcp?\xe9'),
    'a character in UTF-8': target('/mcp?\xc3\xa9'),
    'a slash in too many bytes': target('/mcp\xc0\xafa'),
    'a NUL': target('/mcp\0'),
    'a control character': target('/mcp?\x01'),
    'an escape character': target('/mcp?\x1b[0m'),
    'a DEL': target('/mcp\x7f'),
    'a tab': target('/mcp?a\tb'),
    'a percent sign alone': target('/mcp?a=%'),
    'a percent sign and one digit': target('/mcp?a=%4'),
    'a percent sign and letters that are no digits': target('/mcp?a=%zz'),
    'a percent sign before a server': target('/mcp/%a'),
    'a character by a number of four digits': target('/mcp/%u0061'),
  }),
  ...each({ status: 414 }, {
    'a target of one byte over the limit': target(long('/mcp?', 8193)),
    'a target of one byte over the limit, encoded': target(`/mcp?a${'%41'.repeat(2728)}aaa`),
    'a path of one byte over the limit': target(long('/mcp/', 8193)),
    'a target that never ends': long('POST /', 9000),
    'a target longer than a whole head': target(long('/mcp?', 40000)),
  }),
];

const versions = [
  ...each({ status: 505 }, {
    'HTTP/0.9': version('HTTP/0.9'),
    'HTTP/0.0': version('HTTP/0.0'),
    'HTTP/2.0': version('HTTP/2.0'),
    'HTTP/2.1': version('HTTP/2.1'),
    'HTTP/3.0': version('HTTP/3.0'),
    'HTTP/9.9': version('HTTP/9.9'),
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
    'the preface of HTTP/2 behind an empty line': '\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'the preface of HTTP/2 byte by byte': [...'PRI * HTTP/2.0\r\n'],
  }),
  // RFC 9110, 2.5: a higher minor version is served as the highest that is known.
  { name: 'HTTP/1.2', send: version('HTTP/1.2'), ...both },
  { name: 'HTTP/1.0', send: version('HTTP/1.0'), status: 200, saw: numbers(1), closes: true },
  ...each(refused, {
    'a version in small letters': version('http/1.1'),
    'a version in both': version('Http/1.1'),
    'a version of one number': version('HTTP/1'),
    'a version of two, one number': version('HTTP/2'),
    'no minor version': version('HTTP/1.'),
    'no major version': version('HTTP/.1'),
    'no numbers': version('HTTP/'),
    'no slash': version('HTTP1.1'),
    'a backslash in the version': version('HTTP\\1.1'),
    'a minor version of two digits': version('HTTP/1.10'),
    'a minor version with a zero in front': version('HTTP/1.01'),
    'a major version with a zero in front': version('HTTP/01.1'),
    'a major version of two digits': version('HTTP/11.1'),
    'a version without its point': version('HTTP/1_1'),
    'a comma in the version': version('HTTP/1,1'),
    'a third number': version('HTTP/1.1.1'),
    'a letter behind the version': version('HTTP/1.1x'),
    'a version with a plus': version('HTTP/+1.1'),
    'a version with a minus': version('HTTP/1.-1'),
    'letters for numbers': version('HTTP/x.y'),
    'a hexadecimal version': version('HTTP/1.a'),
    'a wide digit in the version': version('HTTP/\xef\xbc\x91.1'),
    'a NUL within the version': version('HTTP/1\x001'),
    'a name of a longer protocol': version('HTTPS/1.1'),
    'a name of a shorter protocol': version('HTT/1.1'),
    'a name of another protocol of its length': version('RTSP/1.0'),
    'a name of coffee pots': version('HTCPCP/1.0'),
  }),
];

const hello = '\x16\x03\x01\x00\x44\x01\x00\x00\x40\x03\x03' + '\x5a'.repeat(32) +
  '\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00\x13\x00\x2b\x00\x03\x02\x03\x04';
const noise = Array.from({ length: 256 }, (_, i) => String.fromCharCode((i * 167 + 13) % 256)).join('');
const strangers = [
  ...each(refused, {
    'the first record of TLS': hello,
    'the first record of TLS with an LF in it': hello.replace('\x5a', '\n'),
    'the first bytes of SOCKS': '\x05\x01\x00',
    'every byte there is': noise,
    'every byte there is, the other way round': [...noise].reverse().join(''),
    'zeros and LF': '\0'.repeat(64) + '\n',
    'a banner of SSH': 'SSH-2.0-OpenSSH_9.2\r\n',
    'a greeting of SMTP': 'EHLO evil.example\r\n',
    'a command of Redis': '*1\r\n$4\r\nPING\r\n',
    'a command of memcached': 'stats\r\n',
    'a line of the PROXY protocol': `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${call}`,
    'the signature of the PROXY protocol': `\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x02${call}`,
    'a message without HTTP': `${body}\n`,
    'a message with its length in front': `Content-Length: ${body.length}\r\n\r\n${body}`,
    'an answer': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'UTF-16': [...call].map((c) => `${c}\0`).join(''),
  }),
];

const segments = [
  { name: 'the usual line byte by byte', send: [...'POST /mcp HTTP/1.1\r\n', rest], status: 200, saw: numbers(1) },
  { name: 'a wrong version byte by byte', send: [...'POST /mcp HTTP/1.1x\r\n'], ...refused },
  { name: 'a wrong target byte by byte', send: [...'POST /mcp#a HTTP/1.1\r\n'], ...refused },
  {
    name: 'a target of one byte over the limit in two segments',
    send: [long('POST /mcp?', 5000), 'a'.repeat(8193 - 4995), ' HTTP/1.1\r\n', rest], status: 414,
  },
];

export const cases = [...methods, ...blanks, ...ends, ...targets, ...versions, ...strangers, ...segments];

export const tests = { 'a first line is taken as it is, or not at all': table(cases) };

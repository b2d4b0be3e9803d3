// The fields of a request: how many, how large, of which bytes; which may come once only; what they say of the body; which
// of them mirror the body. Names that merely look like one of these are other fields, and none of a client's goes upstream.
import assert from 'node:assert/strict';
import { callBody, each, post, table } from './raw.mjs';

const text = (header) => ({ type: 'string', 'x-mcp-header': header });
const tools = ['echo', 'größe', { name: 'sql', inputSchema: { type: 'object', properties: { region: text('Region') } } }];
const latin = (value) => Buffer.from(value).toString('latin1');
const base64 = (value) => `=?base64?${Buffer.from(value).toString('base64')}?=`;

const body = callBody('1', '{"n":1}');
const second = post(callBody('2', '{"n":2}'));
// A call with these lines replaced or added, and a call behind it.
const lines = (more) => post(body, { lines: more }) + second;
// A call with this raw line, its CRLF included, as its first or its last one.
const led = (raw) => post(body).replace('\r\n', () => `\r\n${raw}`) + second;
const ended = (raw) => post(body).replace('\r\n\r\n', () => `\r\n${raw}\r\n`) + second;
const field = (raw) => ended(`${raw}\r\n`);
const named = (name) => field(`${name}: a`);
const valued = (value) => field(`X-A: ${value}`);
const size = post(body).length - body.length;
const own = 7; // fields of a usual call
const fields = (count) => 'X: \r\n'.repeat(count);

// No field of these came to the upstream, and what came is framed by one Content-Length of our own.
const foreign = [
  'authorization', 'cookie', 'x-api-key', 'proxy-authorization', 'x-a', 'mcp_method', 'mcp_name', 'mcp_param_region',
  'mcp-session-id', 'last-event-id', 'router-key', 'mcp-init-host', 'x-original-url', 'x-http-method-override',
  'x-forwarded-host', 'forwarded', 'upgrade', 'http2-settings', 'transfer-encoding', 'keep-alive', 'proxy-connection', 'te',
];
const clean = (seen, ...wanted) => {
  assert.deepEqual(seen.map(({ parsed }) => parsed.params.arguments.n), wanted);
  for (const { headers, text: sent } of seen) {
    assert.equal(headers['content-length'], String(Buffer.byteLength(sent)));
    for (const name of foreign) assert.equal(headers[name], undefined, name);
  }
};
const both = { status: [200, 200], reached: 2, saw: (seen) => clean(seen, 1, 2) };
const refused = { status: 400 };
const large = { status: 431 };
// Refused by the body, or by what mirrors it: the connection goes on to the call behind.
const mismatched = ([answer]) => assert.equal(JSON.parse(answer.body).error.code, -32020);
const mismatch = { status: [400, 200], reached: 1, saw: (seen) => clean(seen, 2), look: mismatched };

const sizes = [
  ...each(both, {
    'as many fields as there may be': ended(fields(100 - own)),
    'a head of just the limit': ended(`X-A: ${'a'.repeat(32768 - size - 7)}\r\n`),
    'one value of most of the limit': ended(`X-A: ${'a'.repeat(32000)}\r\n`),
    'one name of a kilobyte': named('X'.repeat(1024)),
  }),
  ...each(large, {
    'one field too many': ended(fields(101 - own)),
    'one field too many at the beginning': led(fields(101 - own)),
    'one field too many, a second Host': ended(`${fields(100 - own)}Host: evil.example\r\n`),
    'many fields': ended(fields(1000)),
    'a block of one byte over the limit': ended(`X-A: ${'a'.repeat(32769 + 'POST /mcp HTTP/1.1\r\n'.length - size - 7)}\r\n`),
    'a value that never ends': `POST /mcp HTTP/1.1\r\nX-A: ${'a'.repeat(33000)}`,
    'a name that never ends': `POST /mcp HTTP/1.1\r\n${'X'.repeat(33000)}`,
    'fields of middle size over the limit': ended(`X-A: ${'a'.repeat(1000)}\r\n`.repeat(40)),
    'blanks over the limit': `POST /mcp HTTP/1.1\r\nX-A:${' '.repeat(33000)}`,
  }),
];

const names = [
  { name: 'a name of every odd letter', send: named("!#$%&'*+-.^_`|~"), ...both },
  { name: 'names in small letters', send: post(body).replace(/^[A-Z][\w-]+:/gm, (name) => name.toLowerCase()) + second, ...both },
  { name: 'names in capitals', send: post(body).replace(/^[A-Z][\w-]+:/gm, (name) => name.toUpperCase()) + second, ...both },
  ...each(refused, {
    'a space before the colon': named('X-A '),
    'a tab before the colon': named('X-A\t'),
    'a space within a name': named('X A'),
    'no name': named(''),
    'a colon alone': field(':'),
    'no colon': field('X-A'),
    'no colon, but a value': field('X-A a'),
    'a name with a NUL': named('X\0A'),
    'a name with a bare CR': named('X\rA'),
    'a name with a DEL': named('X\x7fA'),
    'a name with a vertical tab': named('X\x0bA'),
    'a name in quotes': named('"X-A"'),
    'a name in brackets': named('X(A)'),
    'a name with a comma': named('X,A'),
    'a name with a slash': named('X/A'),
    'a name with a semicolon': named('X;A'),
    'a name with an equals sign': named('X=A'),
    'a name with an at sign': named('X@A'),
    'a name with a backslash': named('X\\A'),
    'a name with a bracket': named('X[A]'),
    'a name with a brace': named('X{A}'),
    'a name with angle brackets': named('<X>'),
    'a name with a question mark': named('X?A'),
    'a name of no ASCII': named('X\xe9'),
    'a name with a no-break space at its end': named('X-A\xa0'),
    'a name with a byte order mark': named('\xef\xbb\xbfX-A'),
    'a request line where a field is': field('POST /mcp HTTP/1.1'),
  }),
];

const values = [
  ...each(both, {
    'an empty value': valued(''),
    'a value of white space': valued(' \t '),
    'a value without white space before it': field('X-A:a'),
    'a tab within a value': valued('a\tb'),
    'bytes of no ASCII in a value': valued('\x80\xa0\xe9\xff'),
    'colons in a value': valued('a: b: c'),
    'an escaped line end in a value': valued('a%0d%0aMcp-Method: tools/list\\r\\n'),
  }),
  ...each(refused, {
    'a NUL in a value': valued('a\0b'),
    'a NUL for a value': valued('\0'),
    'a NUL deep in a long value': valued(`${'a'.repeat(77)}\0${'a'.repeat(77)}`),
    'a NUL as the last of the head': `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: a\0\r\n\r\n`,
    'a bare CR in a value': valued('a\rMcp-Method: tools/list'),
    'a bare CR at the end of a value': valued('a\r'),
    'a bare LF in a value': valued('a\nMcp-Method: tools/list'),
    'a bare LF at the end of a field': ended('X-A: a\n'),
    'a bare LF at the end of the head': post(body).replace('\r\n\r\n', '\r\n\n'),
    'two bare LF at the end of the head': post(body).replace('\r\n\r\n', '\n\n'),
    'two bare CR at the end of the head': post(body).replace('\r\n\r\n', '\r\r'),
    'CR and another byte at the end of the head': post(body).replace('\r\n\r\n', '\r\n\rx'),
    'the first control character': valued('\x01'),
    'a backspace': valued('a\x08'),
    'a vertical tab': valued('\x0b'),
    'a form feed': valued('a\x0cb'),
    'an escape character': valued('\x1b[31m'),
    'the last control character': valued('\x1f'),
    'a DEL': valued('a\x7fb'),
    'a NUL in a field that is known': lines({ Accept: 'application/json\0' }),
    'a folded value': ended('X-A: a\r\n b\r\n'),
    'a folded value with a tab': ended('X-A: a\r\n\tb\r\n'),
    'a folded line of blanks': ended('X-A: a\r\n \r\n'),
    'a value that begins in a folded line': ended('X-A:\r\n a\r\n'),
    'a folded line that looks like a field': ended('X-A: a\r\n Host: evil.example\r\n'),
    'a folded line before every field': led(' X-A: a\r\n'),
    'a folded mirrored name': lines({ 'Mcp-Name': 'ec\r\n ho' }),
  }),
];

const repeats = [
  ...each(refused, {
    'no Host': lines({ Host: null }),
    'a Host without a value': lines({ Host: '' }),
    'a Host of white space': lines({ Host: ' \t' }),
    'the same Host twice': lines({ Host: ['127.0.0.1', '127.0.0.1'] }),
    'two Hosts': lines({ Host: ['127.0.0.1', 'evil.example'] }),
    'two Hosts whose names differ in case': lines({ hOST: 'evil.example' }),
    'two Hosts, the second empty': lines({ Host: ['127.0.0.1', ''] }),
    'no Host but one with an underscore': lines({ Host: null, _Host: '127.0.0.1' }),
    'two types of the content': lines({ 'Content-Type': ['application/json', 'text/plain'] }),
    'the same type twice': lines({ 'Content-Type': 'application/json', 'content-type': 'application/json' }),
    'two credentials': lines({ Authorization: ['Bearer a', 'Bearer b'] }),
    'two versions of the protocol': lines({ 'MCP-Protocol-Version': ['2026-07-28', '2025-11-25'] }),
    'the same version of the protocol twice': lines({ 'mcp-protocol-version': '2026-07-28' }),
    'two mirrored methods': lines({ 'Mcp-Method': ['tools/call', 'tools/list'] }),
    'the same mirrored method twice': lines({ 'MCP-METHOD': 'tools/call' }),
    'two mirrored names': lines({ 'Mcp-Name': ['echo', 'sql'] }),
    'the same mirrored name twice': lines({ 'mcp-name': 'echo' }),
    'a mirrored name and an empty one': lines({ 'Mcp-Name': ['', 'echo'] }),
    'two sessions': lines({ 'Mcp-Session-Id': ['a', 'b'] }),
    'two mirrored arguments': lines({ 'Mcp-Param-Region': ['a', 'b'] }),
    'two mirrored arguments whose names differ in case': lines({ 'Mcp-Param-Region': 'a', 'mcp-param-REGION': 'a' }),
    'many mirrored arguments of one name': ended('Mcp-Param-A: a\r\n'.repeat(30)),
  }),
  ...each(both, {
    'a list in two fields': lines({ Accept: ['application/json', 'text/event-stream'] }),
    'a list in two fields, the other way round': lines({ Accept: ['text/event-stream', 'application/json'] }),
    'fields that nobody reads, twice': lines({ Cookie: ['a=b', 'c=d'], 'X-A': ['a', 'b'] }),
    'options of the connection in two fields': lines({ Connection: ['keep-alive', 'x-a'] }),
  }),
  {
    name: 'options of the connection in two fields, the second closes', send: lines({ Connection: ['keep-alive', 'close'] }),
    status: 200, saw: (seen) => clean(seen, 1), closes: true,
  },
];

const types = [
  ...each(both, {
    'a type with a charset': lines({ 'Content-Type': 'application/json; charset=utf-8' }),
    'a type with a charset, no blank': lines({ 'Content-Type': 'application/json;charset="UTF-8"' }),
    'a type in capitals': lines({ 'Content-Type': 'APPLICATION/JSON' }),
    'a blank before the semicolon': lines({ 'Content-Type': 'application/json ; charset=utf-8' }),
    'a tab before the semicolon': lines({ 'Content-Type': 'application/json\t;\tcharset=utf-8' }),
    'a semicolon and nothing': lines({ 'Content-Type': 'application/json;' }),
    'content that is not encoded': lines({ 'Content-Encoding': 'identity' }),
    'content that is not encoded, in capitals': lines({ 'Content-Encoding': 'IDENTITY' }),
  }),
  ...each({ status: 415 }, {
    'no type': lines({ 'Content-Type': null }),
    'an empty type': lines({ 'Content-Type': '' }),
    'a type with an underscore in its name': lines({ 'Content-Type': null, Content_Type: 'application/json' }),
    'text, as a form may send it': lines({ 'Content-Type': 'text/plain' }),
    'text with JSON as its parameter': lines({ 'Content-Type': 'text/plain; application/json' }),
    'text with JSON as a value': lines({ 'Content-Type': 'text/plain; a="application/json"' }),
    'a form': lines({ 'Content-Type': 'application/x-www-form-urlencoded' }),
    'a form of many parts': lines({ 'Content-Type': 'multipart/form-data; boundary=a' }),
    'two types in one field': lines({ 'Content-Type': 'application/json, text/plain' }),
    'two types in one field, the other way round': lines({ 'Content-Type': 'text/plain, application/json' }),
    'a type and a further word': lines({ 'Content-Type': 'application/json text/plain' }),
    'a type and a word before the semicolon': lines({ 'Content-Type': 'application/json a; charset=utf-8' }),
    'a type with letters behind it': lines({ 'Content-Type': 'application/jsonp' }),
    'a type with a suffix': lines({ 'Content-Type': 'application/vnd.api+json' }),
    'a type of a sequence': lines({ 'Content-Type': 'application/json-seq' }),
    'any type': lines({ 'Content-Type': 'application/*' }),
    'a type in quotes': lines({ 'Content-Type': '"application/json"' }),
    'another type of JSON': lines({ 'Content-Type': 'text/json' }),
    'half a type': lines({ 'Content-Type': 'json' }),
    'a type with a blank in it': lines({ 'Content-Type': 'application / json' }),
    'gzip': lines({ 'Content-Encoding': 'gzip' }),
    'gzip in capitals': lines({ 'CONTENT-ENCODING': 'GZIP' }),
    'br': lines({ 'Content-Encoding': 'br' }),
    'identity, then gzip': lines({ 'Content-Encoding': 'identity, gzip' }),
    'an encoding that begins with identity': lines({ 'Content-Encoding': 'identityx' }),
    'gzip and an expectation': lines({ 'Content-Encoding': 'gzip', Expect: '100-continue' }),
  }),
];

const accepts = [
  ...each(both, {
    'no Accept': lines({ Accept: null }),
    'anything': lines({ Accept: '*/*' }),
    'any application': lines({ Accept: 'application/*, text/event-stream' }),
    'types in capitals': lines({ Accept: 'APPLICATION/JSON, TEXT/EVENT-STREAM' }),
    'types without a blank, weighted': lines({ Accept: 'text/event-stream;q=0.1,application/json;q=0.9' }),
    'types among empty members': lines({ Accept: ', text/event-stream,, application/json ,' }),
  }),
  ...each({ status: 406 }, {
    'pages': lines({ Accept: 'text/html' }),
    'any text': lines({ Accept: 'text/*' }),
    'streams alone': lines({ Accept: 'text/event-stream' }),
    'JSON refused': lines({ Accept: 'application/json;q=0, text/event-stream' }),
    'JSON refused with zeros': lines({ Accept: 'application/json ; q=0.000, text/event-stream' }),
    'JSON refused, anything else taken': lines({ Accept: 'application/json;q=0, */*' }),
    'anything refused': lines({ Accept: '*/*;q=0' }),
    'a type with letters behind it': lines({ Accept: 'application/jsonp, text/event-stream' }),
    'a type with letters before it': lines({ Accept: 'xapplication/json, text/event-stream' }),
    'a type with a suffix': lines({ Accept: 'application/json+x, text/event-stream' }),
    'JSON as the value of a parameter': lines({ Accept: 'text/html;a="application/json", text/event-stream' }),
    'JSON in quotes': lines({ Accept: '"application/json"' }),
    'an Accept with an underscore in its name': lines({ Accept: 'text/html', _Accept: 'application/json' }),
  }).map((one) => (one.name.startsWith('a type') ? { ...one, name: `${one.name} is accepted` } : one)),
];

// A call of a tool whose region is mirrored: what the arguments and the fields say of it.
const region = (argument, more) => {
  const asked = body.replace('"echo"', '"sql"').replace('"n":1', `"n":1${argument && `,"region":"${argument}"`}`);
  return post(asked, { lines: { 'Mcp-Name': 'sql', ...more } }) + second;
};
const mirrored = [
  ...each(mismatch, {
    'no mirrored method': lines({ 'Mcp-Method': null }),
    'no mirrored name': lines({ 'Mcp-Name': null }),
    'no version of the protocol': lines({ 'MCP-Protocol-Version': null }),
    'a method with an underscore in its name': lines({ 'Mcp-Method': null, Mcp_Method: 'tools/call' }),
    'a method with all underscores in its name': lines({ 'Mcp-Method': null, mcp_method: 'tools/call' }),
    'a name with an underscore in its name': lines({ 'Mcp-Name': null, Mcp_Name: 'echo' }),
    'a version with underscores in its name': lines({ 'MCP-Protocol-Version': null, MCP_Protocol_Version: '2026-07-28' }),
    'a method with a letter more in its name': lines({ 'Mcp-Method': null, 'Mcp-Methods': 'tools/call' }),
    'another method': lines({ 'Mcp-Method': 'tools/list' }),
    'a method in capitals': lines({ 'Mcp-Method': 'TOOLS/CALL' }),
    'an empty method': lines({ 'Mcp-Method': '' }),
    'a list of methods': lines({ 'Mcp-Method': 'tools/call, tools/call' }),
    'a method in quotes': lines({ 'Mcp-Method': '"tools/call"' }),
    'a method that is coded': lines({ 'Mcp-Method': base64('tools/call') }),
    'another name': lines({ 'Mcp-Name': 'sql' }),
    'a name in capitals': lines({ 'Mcp-Name': 'ECHO' }),
    'an empty name': lines({ 'Mcp-Name': '' }),
    'a list of names': lines({ 'Mcp-Name': 'echo, echo' }),
    'another coded name': lines({ 'Mcp-Name': base64('sql') }),
    'a coded name without its end': lines({ 'Mcp-Name': base64('echo').slice(0, -2) }),
    'a coded name in capitals': lines({ 'Mcp-Name': base64('echo').replace('base64', 'BASE64') }),
    'a coded name that is no base64': lines({ 'Mcp-Name': '=?base64?e*ho?=' }),
    'a coded name with bits behind its end': lines({ 'Mcp-Name': '=?base64?ZWNob==?=' }),
    'a coded name that is no UTF-8': lines({ 'Mcp-Name': `=?base64?${Buffer.from('\xff', 'latin1').toString('base64')}?=` }),
    'another version': lines({ 'MCP-Protocol-Version': '2025-11-25' }),
    'a name of no ASCII that is not coded':
      post(body.replace('"echo"', latin('"größe"')), { lines: { 'Mcp-Name': latin('größe') } }) + second,
    'an argument that is not mirrored': region('eu', {}),
    'an argument that is mirrored otherwise': region('eu', { 'Mcp-Param-Region': 'us' }),
    'an argument that is mirrored with an underscore': region('eu', { Mcp_Param_Region: 'eu' }),
    'an argument that is mirrored in another case': region('eu', { 'Mcp-Param-Region': 'EU' }),
    'an argument of no ASCII that is not coded': region(latin('é'), { 'Mcp-Param-Region': latin('é') }),
    'a mirrored argument that is not there': region('', { 'Mcp-Param-Region': 'eu' }),
  }),
  ...each(both, {
    'a coded name': lines({ 'Mcp-Name': base64('echo') }),
    'a mirrored argument': region('eu', { 'mcp-param-REGION': 'eu' }),
    'a mirrored argument that is coded': region(latin('é'), { 'Mcp-Param-Region': base64('é') }),
    'a name with white space around it': lines({ 'Mcp-Name': ' \techo\t ' }),
    'a method and another one with underscores': lines({ mcp_method: 'tools/list', Mcp_Name: 'sql' }),
    'a coded name of no ASCII':
      post(body.replace('"echo"', latin('"größe"')), { lines: { 'Mcp-Name': base64('größe') } }) + second,
    'as many mirrored arguments as are kept': ended(Array.from({ length: 32 }, (_, i) => `Mcp-Param-A${i}: a\r\n`).join('')),
    'mirrored arguments whose names differ in one bit': lines({ 'Mcp-Param-A^': 'a', 'Mcp-Param-A~': 'a' }),
    'a mirrored argument without a name': lines({ 'Mcp-Param-': 'a' }),
  }),
  {
    name: 'a mirrored argument that nobody knows goes on', send: lines({ 'Mcp-Param-Zone': 'a  b' }), ...both,
    saw(seen) {
      clean(seen, 1, 2);
      assert.deepEqual(seen.map(({ headers }) => headers['mcp-param-zone']), ['a  b', undefined]);
    },
  },
  {
    name: 'more mirrored arguments than are kept',
    send: ended(Array.from({ length: 33 }, (_, i) => `Mcp-Param-A${i}: a\r\n`).join('')), ...large,
  },
  { name: 'a mirrored argument with a name of no token', send: named('Mcp-Param-(A)'), ...refused },
  { name: 'a mirrored argument with a bare CR', send: lines({ 'Mcp-Param-A': 'a\rMcp-Method: tools/list' }), ...refused },
  { name: 'a version that nobody knows', send: lines({ 'MCP-Protocol-Version': '2099-01-01' }), ...mismatch },
];

const silent = ([answer]) => assert.equal(answer.headers['mcp-session-id'], undefined);
const others = [
  ...each({ ...both, look: silent }, {
    'credentials':
      lines({ Authorization: 'Bearer secret', 'Proxy-Authorization': 'Basic a', Cookie: 'a=b', 'X-API-Key': 'secret' }),
    'a session that is none': lines({ 'Mcp-Session-Id': 'a' }),
    'an event that is none': lines({ 'Last-Event-ID': '1-1' }),
    'another method by a field': lines({ 'X-HTTP-Method-Override': 'DELETE', 'X-Method-Override': 'GET' }),
    'another target by a field': lines({ 'X-Original-URL': '/health', 'X-Rewrite-URL': '/health' }),
    'another host by a field': lines({ 'X-Forwarded-Host': 'evil.example', Forwarded: 'host=evil.example' }),
    'fields of other gateways': lines({ 'router-key': 'a', 'mcp-init-host': 'evil.example' }),
    'an upgrade to HTTP/2':
      lines({ Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQCAAAAAAIAAAAA' }),
    'an upgrade to WebSocket': lines({ Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }),
    'fields that are to be dropped': lines({ Connection: 'Content-Length, Host, Mcp-Method, X-A', 'X-A': 'a' }),
    'a connection that goes on': lines({ Connection: 'keep-alive', 'Keep-Alive': 'timeout=5' }),
    'no options of the connection': lines({ Connection: '' }),
    'an option that begins with close': lines({ Connection: 'closed' }),
    'an option that ends in close': lines({ Connection: 'x-close' }),
    'the connection of a proxy': lines({ 'Proxy-Connection': 'close' }),
    'trailers and codings that are offered': lines({ TE: 'trailers, gzip' }),
  }),
  ...each({ status: 200, saw: (seen) => clean(seen, 1), closes: true }, {
    'a connection that closes': lines({ Connection: 'close' }),
    'a connection that closes, in capitals': lines({ Connection: 'CLOSE' }),
    'a connection that goes on and closes': lines({ Connection: 'keep-alive, close' }),
    'a connection that closes and goes on': lines({ Connection: 'close ,keep-alive' }),
    'a connection that closes among empty members': lines({ Connection: ',, close\t,' }),
  }),
];

export const cases = [...sizes, ...names, ...values, ...repeats, ...types, ...accepts, ...mirrored, ...others];

export const tests = { 'fields are read as they are, or not at all': table(cases, { upstream: { tools } }) };

// Pages from elsewhere: Host and Origin on every path of both addresses, look-alikes of what is served and allowed, preflights
// and what answers tell a browser, actions of operators.
import assert from 'node:assert/strict';
import { Wire, callBody, each, headLines, post, table } from './raw.mjs';

const body = callBody('1', '{"n":1}');
const health = { status: 200, reached: 0 };
const foreign = { status: 403 };
const malformed = { status: 400 };

// No word that lets a browser's page read the answer.
const shut = (answers) => {
  for (const { headers } of answers) for (const name of Object.keys(headers)) assert.ok(!name.startsWith('access-control-'), name);
};
// The page of this origin, and no other, may read the answer.
const open = (origin) => (answers) => {
  for (const { headers } of answers) {
    assert.equal(headers['access-control-allow-origin'], origin);
    assert.equal(headers.vary, 'Origin');
    assert.equal(headers['access-control-allow-credentials'], undefined);
  }
};
const call = (lines, path = '/mcp') => post(body, { lines, path });
const raw = (method, path, lines = {}) => `${method} ${path} HTTP/1.1\r\n${headLines({ Host: '127.0.0.1', ...lines })}\r\n`;
const host = (value) => call({ Host: value });
const from = (value) => call({ Origin: value });

const reads = ['/', '/servers', '/tools', '/config', '/metrics', '/events', '/explain?tool=echo', '/health', '/nosuch'];
const actions = ['/reload', '/rollback', '/drain', '/undrain', '/reset-breaker?server=a', '/nosuch'];
const ways = {
  '/mcp': (lines) => call(lines),
  '/mcp/a': (lines) => call(lines, '/mcp/a'),
  '/mcp/nosuch': (lines) => call(lines, '/mcp/nosuch'),
  '/messages': (lines) => call(lines, '/messages?sessionId=a'),
  'GET /mcp': (lines) => raw('GET', '/mcp', { Accept: 'text/event-stream', 'Mcp-Session-Id': 'a', ...lines }),
  'DELETE /mcp': (lines) => raw('DELETE', '/mcp', { 'Mcp-Session-Id': 'a', ...lines }),
  'OPTIONS /mcp': (lines) => raw('OPTIONS', '/mcp', { 'Access-Control-Request-Method': 'POST', ...lines }),
  '/sse': (lines) => raw('GET', '/sse', { Accept: 'text/event-stream', ...lines }),
  '/health': (lines) => raw('GET', '/health', lines),
  '/nosuch': (lines) => raw('GET', '/nosuch', lines),
};
const mark = { 'X-Weir-Action': '1' };
const operated = { at: 'admin', look: shut, ...foreign };
const everywhere = (what, lines) => [
  ...Object.entries(ways).map(([path, way]) => ({ name: `${what}: ${path}`, send: way(lines), look: shut, ...foreign })),
  ...reads.map((path) => ({ name: `${what}: ${path} of the operators`, send: raw('GET', path, lines), ...operated })),
  ...actions.map((path) => ({
    name: `${what}: POST ${path} of the operators`, send: raw('POST', path, { ...mark, ...lines }), ...operated,
  })),
];

const hosts = [
  ...each({ status: 200, look: shut }, {
    'an address': host('127.0.0.1'),
    'an address with a port': host('127.0.0.1:8080'),
    'an address with another port': host('127.0.0.1:1'),
    'another address of this machine': host('127.8.9.10'),
    'localhost': host('localhost'),
    'localhost in capitals, with a port': host('LOCALHOST:8080'),
    'an address of the sixth version': host('[::1]:8080'),
    'an address of the sixth version, all zeros written': host('[0:0:0:0:0:0:0:1]'),
    'an address of the fourth version within the sixth': host('[::ffff:127.0.0.1]'),
    'a port without digits': host('localhost:'),
    'a name that is served': host('mcp.example.com'),
    'a name that is served, in capitals, with a port': host('MCP.Example.COM:443'),
  }),
  ...each({ ...foreign, look: shut }, {
    'localhost with a point': host('localhost.'),
    'a port of six digits': host('localhost:000080'),
    'a port that there is not': host('localhost:65536'),
    'an address with a point': host('127.0.0.1.'),
    'localhost within another name': host('localhost.evil.example'),
    'an address within another name': host('127.0.0.1.evil.example'),
    'an address within another name, with a port': host('127.0.0.1.evil.example:8080'),
    'a name that ends in localhost': host('evil-localhost'),
    'a name below localhost': host('evil.localhost'),
    'a name that begins with localhost': host('localhosts'),
    'a name that ends in an address': host('evil127.0.0.1'),
    'a name that is served, within another': host('mcp.example.com.evil.example'),
    'a name that is served, with a point': host('mcp.example.com.'),
    'a name that ends in one that is served': host('evilmcp.example.com'),
    'a name below one that is served': host('evil.mcp.example.com'),
    'the parent of a name that is served': host('example.com'),
    'a port that looks like a name': host('evil.example:127'),
    'an address of two numbers': host('127.1'),
    'an address of three numbers': host('127.0.1'),
    'an address of five numbers': host('127.0.0.0.1'),
    'a hexadecimal address': host('0x7f.0.0.1'),
    'a hexadecimal number': host('0x7f000001'),
    'an octal address': host('0177.0.0.1'),
    'an address with zeros in front': host('127.0.0.01'),
    'an address as one number': host('2130706433'),
    'an address whose first number wraps': host('383.0.0.1'),
    'every address': host('0.0.0.0'),
    'nothing of an address': host('0'),
    'another machine': host('10.0.0.1'),
    'every address of the sixth version': host('[::]'),
    'another machine of the sixth version': host('[2001:db8::1]'),
    'another machine within the sixth version': host('[::ffff:10.0.0.1]'),
    'an encoded letter': host('%6cocalhost'),
    'an encoded NUL': host('localhost%00.evil.example'),
    'an underscore': host('local_host'),
    'two names with a comma': host('localhost,evil.example'),
    'two names with a comma, the other way round': host('evil.example,localhost'),
    'a semicolon behind localhost': host('localhost;evil.example'),
    'a name in another script, coded': host('xn--lcalhost-sxe'),
    'no Host in HTTP/1.0': post(body, { version: 'HTTP/1.0', lines: { Host: null } }),
  }),
  // RFC 9112, 3.2: a Host that is none, whatever name may be found in it.
  ...each({ ...malformed, look: shut }, {
    'somebody at localhost': host('evil@localhost'),
    'localhost at another host': host('localhost@evil.example'),
    'localhost and its port at another host': host('localhost:80@evil.example'),
    'an address with a port of letters': host('127.0.0.1:abc'),
    'a port with a minus': host('localhost:-80'),
    'a port with a letter behind it': host('localhost:80a'),
    'a port and a name': host('localhost:80.evil.example'),
    'two ports': host('localhost:80:80'),
    'a port with a blank before it': host('localhost: 80'),
    'an address of the sixth version without brackets': host('::1'),
    'an address of the sixth version without its end': host('[::1'),
    'an address of the sixth version and a name': host('[::1]evil.example'),
    'an address of the sixth version at another host': host('[::1]@evil.example'),
    'an address of the sixth version with a port of letters': host('[::1]:evil'),
    'an address of the fourth version in brackets': host('[127.0.0.1]'),
    'localhost in brackets': host('[localhost]'),
    'nothing in brackets': host('[]'),
    'a path behind localhost': host('localhost/evil'),
    'a query behind localhost': host('localhost?evil'),
    'a fragment behind localhost': host('localhost#evil'),
    'a backslash behind localhost': host('localhost\\.evil.example'),
    'two names with a blank': host('localhost evil.example'),
    'a URL': host('http://localhost'),
    'localhost in quotes': host('"localhost"'),
    'a letter of another script': host('l\xd0\xbecalhost'),
    'a no-break space behind localhost': host('localhost\xa0'),
    'a percent sign that encodes nothing': host('localhost%zz'),
    'a port alone': host(':8080'),
  }),
];

const allowed = 'https://app.example.com';
const origins = [
  ...[
    ['an allowed origin', allowed],
    ['an allowed origin with its port', 'https://admin.example.com:8443'],
    ['localhost, where any port is allowed', 'http://localhost:5173'],
    ['localhost with the highest port', 'http://localhost:65535'],
    ['localhost without a port', 'http://localhost'],
    ['an allowed origin in capitals', 'HTTPS://APP.EXAMPLE.COM'],
    ['the page of this address', 'http://127.0.0.1'],
  ].map(([name, origin]) => ({ name, send: from(origin), status: 200, look: open(origin) })),
  { name: 'an allowed origin with white space around it', send: from(` \t${allowed}\t `), status: 200, look: open(allowed) },
  {
    name: 'the page of this address and port', send: call({ Host: 'localhost:1', Origin: 'http://localhost:1' }), status: 200,
    look: open('http://localhost:1'),
  },
  {
    name: 'the page of a name that is served', send: call({ Host: 'mcp.example.com', Origin: 'https://mcp.example.com' }),
    status: 200, look: open('https://mcp.example.com'),
  },
  {
    name: 'no origin, but where it was linked from',
    send: call({ Referer: 'http://evil.example/', 'X-Origin': 'http://evil.example', _Origin: 'null' }), status: 200, look: shut,
  },
  ...each({ ...foreign, look: shut }, {
    'no origin to tell': from('null'),
    'no origin to tell, in capitals': from('NULL'),
    'an empty origin': from(''),
    'any origin': from('*'),
    'a word': from('localhost'),
    'a file': from('file://'),
    'an extension of a browser': from('chrome-extension://abcdefghijklmnop'),
    'data': from('data:'),
    'an allowed origin within another name': from(`${allowed}.evil.example`),
    'an allowed origin with letters behind it': from(`${allowed}x`),
    'a name that ends in an allowed one': from('https://evilapp.example.com'),
    'a name below an allowed one': from('https://evil.app.example.com'),
    'the parent of an allowed name': from('https://example.com'),
    'an allowed name with a point': from(`${allowed}.`),
    'an allowed name by another scheme': from('http://app.example.com'),
    'an allowed name by the scheme of sockets': from('wss://app.example.com'),
    'an allowed name without a scheme': from('app.example.com'),
    'an allowed name with another port': from(`${allowed}:8443`),
    'an allowed name with a port of nothing': from(`${allowed}:`),
    'any port where none is allowed': from(`${allowed}:*`),
    'an allowed origin and a slash': from(`${allowed}/`),
    'an allowed origin and a path': from(`${allowed}/evil`),
    'an allowed origin and a query': from(`${allowed}?evil`),
    'an allowed origin and a fragment': from(`${allowed}#evil`),
    'an allowed origin as user of another': from(`${allowed}@evil.example`),
    'a user of an allowed origin': from('https://evil@app.example.com'),
    'an allowed origin behind another path': from(`http://evil.example/${allowed}`),
    'another origin, then an allowed one': from(`http://evil.example ${allowed}`),
    'an allowed origin, then another one': from(`${allowed} http://evil.example`),
    'a list of origins': from(`${allowed}, http://evil.example`),
    'an allowed origin in quotes': from(`"${allowed}"`),
    'an allowed name with a letter of another script': from('https://\xd0\xb0pp.example.com'),
    'a backslash behind an allowed origin': from(`${allowed}\\.evil.example`),
    'an encoded point': from('https://app%2eexample.com'),
    'a port left out': from('https://admin.example.com'),
    'a port with a zero in front': from('https://admin.example.com:08443'),
    'localhost and a port with a zero in front': from('http://localhost:05173'),
    'localhost and a port of six digits': from('http://localhost:051730'),
    'localhost and port zero': from('http://localhost:0'),
    'a port with a digit behind it': from('https://admin.example.com:84430'),
    'a port with a user': from('https://admin.example.com:8443@evil.example'),
    'any port, letters': from('http://localhost:abc'),
    'any port, nothing': from('http://localhost:'),
    'any port, an asterisk': from('http://localhost:*'),
    'any port, six digits': from('http://localhost:100000'),
    'any port, one that there is not': from('http://localhost:65536'),
    'any port, a user': from('http://localhost:1@evil.example'),
    'any port, a name behind it': from('http://localhost:1.evil.example'),
    'any port, a second one': from('http://localhost:1:2'),
    'any port, a slash': from('http://localhost:1/'),
    'any port, a minus': from('http://localhost:-1'),
    'any port, a blank': from('http://localhost: 1'),
    'any port of a longer name': from('http://localhosts:1'),
    'any port of a name below it': from('http://localhost.evil.example:1'),
    'any port of a name that ends in it': from('http://evillocalhost:1'),
    'any port by another scheme': from('https://localhost:1'),
    'any port of the address behind the name': call({ Host: 'localhost', Origin: 'http://127.0.0.1:1' }),
    'any port of the same machine by the sixth version': from('http://[::1]:1'),
    'another port of this address': call({ Host: '127.0.0.1:1', Origin: 'http://127.0.0.1:2' }),
    'another name of this address': call({ Host: '127.0.0.1:1', Origin: 'http://127.0.0.2:1' }),
    'the address of this page within another name': from('http://127.0.0.1.evil.example'),
    'the address of this page by a scheme that looks like it': from('http:evil.example://127.0.0.1'),
    'the address of this page behind another': from('http://evil.example://127.0.0.1'),
    'the address of this page by a longer scheme': from('httpx://127.0.0.1'),
    'the address of this page and a slash': from('http://127.0.0.1/'),
    'the address of this page with a user': from('http://evil@127.0.0.1'),
    'a scheme alone': from('http://'),
    'half a scheme': from('http:'),
    'the page of a Host that is not served': call({ Host: 'evil.example', Origin: 'http://evil.example' }),
    'an allowed origin and a Host that is not served': call({ Host: 'evil.example', Origin: allowed }),
    'two origins, the second evil': from([allowed, 'http://evil.example']),
    'two origins, the first evil': from(['http://evil.example', allowed]),
    'the same allowed origin twice': call({ Origin: allowed, ORIGIN: allowed }),
  }),
];

const preflight = (origin, path = '/mcp', more = {}) =>
  raw('OPTIONS', path, { Origin: origin, 'Access-Control-Request-Method': 'POST', ...more });
const asked = { 'Access-Control-Request-Headers': 'content-type,mcp-method,mcp-name,mcp-protocol-version' };
const granted = (origin, headers) => (answers) => {
  open(origin)(answers);
  const [answer] = answers;
  assert.equal(answer.headers['access-control-allow-methods'], 'POST, GET, DELETE, OPTIONS');
  assert.equal(answer.headers['access-control-allow-headers'], headers);
  assert.equal(answer.headers['access-control-allow-private-network'], undefined);
};
const readable = (lines, path) => ({ send: call({ Origin: allowed, ...lines }, path), look: open(allowed) });
const streamed = (origin) => async (wire, { weir }) => {
  const stream = await Wire.open(weir.url);
  try {
    const head = await stream.send(raw('GET', '/sse', { Accept: 'text/event-stream', Origin: origin })).comes(/event: endpoint/);
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.ok(head.includes(`\r\nAccess-Control-Allow-Origin: ${origin}\r\n`), head);
  } finally {
    stream.destroy();
  }
  wire.send(raw('GET', '/health'));
};
const browsers = [
  {
    name: 'a preflight', send: preflight(allowed, '/mcp', asked), status: 204,
    look: granted(allowed, asked['Access-Control-Request-Headers']),
  },
  { name: 'a preflight that asks for no headers', send: preflight(allowed), status: 204, look: granted(allowed, undefined) },
  {
    name: 'a preflight for any port', send: preflight('http://localhost:5173'), status: 204,
    look: granted('http://localhost:5173', undefined),
  },
  { name: 'a preflight for one server', send: preflight(allowed, '/mcp/a'), status: 204, look: granted(allowed, undefined) },
  { name: 'a preflight for an old stream', send: preflight(allowed, '/sse'), status: 204, look: granted(allowed, undefined) },
  {
    name: 'a preflight for an old message', send: preflight(allowed, '/messages?sessionId=a'), status: 204,
    look: granted(allowed, undefined),
  },
  {
    name: 'a preflight for a method that is not served',
    send: preflight(allowed, '/mcp', { 'Access-Control-Request-Method': 'PUT' }), status: 204, look: granted(allowed, undefined),
  },
  {
    name: 'a preflight of a page into a private network',
    send: preflight(allowed, '/mcp', { 'Access-Control-Request-Private-Network': 'true' }), status: 204,
    look: granted(allowed, undefined),
  },
  {
    name: 'a preflight with a request behind it', send: preflight(allowed) + call({ Origin: allowed }), status: [204, 200],
    reached: 1, look: open(allowed),
  },
  {
    name: 'a preflight without an origin', send: raw('OPTIONS', '/mcp', { 'Access-Control-Request-Method': 'POST' }), status: 204,
    look: shut,
  },
  ...each({ ...foreign, look: shut }, {
    'a preflight of an origin that is not allowed': preflight('http://evil.example', '/mcp', asked),
    'a preflight without an origin to tell': preflight('null'),
    'a preflight of a look-alike': preflight(`${allowed}.evil.example`),
    'a preflight to a Host that is not served': preflight(allowed, '/mcp', { Host: 'evil.example' }),
    'a preflight of two origins': preflight([allowed, allowed]),
  }),
  { name: 'a preflight for a path that is not there', send: preflight(allowed, '/nosuch'), status: 404 },
  { name: 'an old stream of an allowed origin', send: streamed('http://localhost:5173'), ...health },
  { name: 'a mismatch, readable', ...readable({ 'Mcp-Method': 'tools/list' }), status: 400, code: -32020 },
  { name: 'a server that is not there, readable', ...readable({}, '/mcp/nosuch'), status: 404, code: -32600 },
  { name: 'an old message without a session, readable', ...readable({}, '/messages'), status: 400, code: -32600 },
  { name: 'the health, readable', send: raw('GET', '/health', { Origin: allowed }), ...health, look: open(allowed) },
];

const self = 'http://127.0.0.1:1';
const own = { Host: '127.0.0.1:1', Origin: self };
const act = (lines, path = '/undrain') => raw('POST', path, lines);
const operators = [
  ...each({ ...health, look: shut }, {
    'a program reads': raw('GET', '/servers'),
    'a program reads by a name in capitals': raw('GET', '/servers', { Host: 'LocalHost:9901' }),
    'a page of this address reads': raw('GET', '/servers', own),
    'a program acts': act({}),
    'a program acts with a body of a form': act({ 'Content-Type': 'text/plain', 'Content-Length': 0 }),
    'a page of this address acts': act({ ...own, ...mark }),
    'a page of this address acts, as its browser says': act({ ...own, ...mark, 'Sec-Fetch-Site': 'same-origin' }),
    'a browser that tells no origin acts from this address': act({ ...mark, 'Sec-Fetch-Site': 'same-origin' }),
  }).map((one) => ({ at: 'admin', ...one })),
  ...each({ at: 'admin', ...foreign, look: shut }, {
    'an origin that is allowed elsewhere reads': raw('GET', '/servers', { Origin: allowed }),
    'an origin that is allowed elsewhere acts': act({ Origin: allowed, ...mark }),
    'any port of localhost acts': act({ Host: 'localhost:9901', Origin: 'http://localhost:5173', ...mark }),
    'another port of this address acts': act({ Host: '127.0.0.1:1', Origin: 'http://127.0.0.1:2', ...mark }),
    'a page of this address acts without the mark': act(own),
    'a page of this address acts with an empty mark': act({ ...own, 'X-Weir-Action': '' }),
    'a page of this address acts with another mark': act({ ...own, 'X-Weir-Action': '01' }),
    'a page of this address acts with a mark and more': act({ ...own, 'X-Weir-Action': '1, 1' }),
    'a page of this address acts with a mark of underscores': act({ ...own, X_Weir_Action: '1' }),
    'a browser says that the page is from elsewhere': act({ ...mark, 'Sec-Fetch-Site': 'cross-site' }),
    'a browser says that the page is from a neighbour': act({ ...mark, 'Sec-Fetch-Site': 'same-site' }),
    'a browser says that there is no page': act({ ...mark, 'Sec-Fetch-Site': 'none' }),
    'a browser says something else': act({ ...mark, 'Sec-Fetch-Site': 'Same-Origin' }),
    'a browser says two things': act({ ...own, ...mark, 'Sec-Fetch-Site': 'same-origin, cross-site' }),
    'a page of this address, but its browser says elsewhere': act({ ...own, ...mark, 'Sec-Fetch-Site': 'cross-site' }),
    'an origin that cannot be told acts': act({ Origin: 'null', ...mark }),
    'a form of another page acts': act({ Origin: 'http://evil.example', 'Content-Type': 'text/plain' }),
    'the address of this page by a scheme that looks like it acts':
      act({ Host: '127.0.0.1:1', Origin: 'http:evil.example://127.0.0.1:1', ...mark }),
    'two origins act': act({ Host: '127.0.0.1:1', Origin: [self, self], ...mark }),
    'a preflight of an origin that is allowed elsewhere':
      raw('OPTIONS', '/undrain', { Origin: allowed, 'Access-Control-Request-Method': 'POST' }),
  }),
  ...each({ at: 'admin', status: 405, look: ([answer]) => (shut([answer]), assert.equal(answer.headers.allow, 'POST')) }, {
    'a picture acts': raw('GET', '/undrain'),
    'a preflight of a page of this address': raw('OPTIONS', '/undrain', { ...own, 'Access-Control-Request-Method': 'POST' }),
    'another method acts': raw('PUT', '/undrain', mark),
  }),
  ...each({ at: 'admin', ...malformed, look: shut }, {
    'an operator\'s Host in brackets that is none': raw('GET', '/config', { Host: '[localhost]' }),
    'an operator\'s Host at another': raw('GET', '/config', { Host: 'localhost:9901@evil.example' }),
  }),
  ...each({ at: 'admin', ...foreign, look: shut }, {
    'an operator\'s Host within another': raw('GET', '/config', { Host: 'localhost.evil.example:9901' }),
    'an operator\'s Host of two numbers': raw('GET', '/config', { Host: '127.1:9901' }),
  }),
];

const cases = [
  ...everywhere('a Host that is not served', { Host: 'evil.example' }),
  ...everywhere('an origin that is not allowed', { Origin: 'http://evil.example' }),
  ...hosts,
  ...origins,
  ...browsers,
  ...operators,
];

const config = {
  allowed_origins: [allowed, 'https://admin.example.com:8443', 'http://localhost:*'],
  allowed_hosts: ['mcp.example.com'],
};
const bare = [
  ...each({ ...foreign, look: shut }, {
    'localhost and a port': from('http://localhost:5173'),
    'an origin that others allow': from(allowed),
    'a name that others serve': host('mcp.example.com'),
    'the page of a name that others serve': call({ Host: 'mcp.example.com', Origin: 'https://mcp.example.com' }),
  }),
  { name: 'the page of this address', send: call(own), status: 200, look: open(self) },
  { name: 'no page', send: call({}), status: 200, look: shut },
];

export const tests = {
  'pages from elsewhere are not let in': table(cases, { config }),
  'where nothing is allowed by name, only the page of this address is': table(bare, { least: bare.length }),
};

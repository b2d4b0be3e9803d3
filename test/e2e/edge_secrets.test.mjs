// What is secret stays where it belongs: in no line of the log, no answer of the gateway's own, no argument of its process; and
// what a client sends of itself reaches no upstream.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { Liar, Lie, bytes, initialized, size } from './lying.mjs';
import { Weir, accept, answerOf, ask, binary, meta, openSession, request, until } from './weir.mjs';

const script = path.join(import.meta.dirname, 'lying_child.mjs');

// Names of secrets with a random text each. Letters and digits only, so that no coding hides them.
function canaries(...names) {
  return Object.fromEntries(names.map((name) => [name, `c${randomBytes(12).toString('hex')}`]));
}
// Where a secret is found: [what, in which text, around it].
function found(secrets, texts) {
  const places = [];
  for (const [name, secret] of Object.entries(secrets))
    for (const [where, text] of Object.entries(texts))
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        encodeURIComponent(secret),
        secret.toUpperCase(),
      ]) {
        const at = text.indexOf(form);
        if (at >= 0) places.push(`${name} in ${where}: ${text.slice(Math.max(0, at - 160), at + form.length + 20)}`);
      }
  return [...new Set(places)];
}
function run(...args) {
  return new Promise((done) => {
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (data) => (text += data));
    child.on('close', (code) => done({ text, code }));
  });
}
// The beginning of a stream.
const some = (url, headers = {}) =>
  new Promise((done, fail) => {
    const sent = http.get(url, { headers, agent: false }, (answer) => {
      let text = `${answer.statusCode} ${JSON.stringify(answer.headers)}\n`;
      answer.on('data', (data) => {
        text += data;
        if (/\n\n./s.test(text)) sent.destroy();
      });
      answer.on('close', () => done(text));
    });
    sent.on('error', (error) => (error.code === 'ECONNRESET' ? undefined : fail(error)));
  });
const endpoints = ['/livez', '/readyz', '/health', '/servers', '/tools', '/config', '/metrics', '/'];

// Upstreams of every kind of failure, whose configuration and whose answers carry secrets.
async function secretive(format) {
  const secrets = canaries(
    'authorization',
    'cookie',
    'key',
    'proxy',
    'query',
    'argument',
    'result',
    'user',
    'password',
    'urlQuery',
    'header',
    'bearer',
    'environment',
    'flag',
    'pair',
    'setCookie',
    'wanted',
    'location',
    'garbage',
    'upstreamSession',
    'state',
    'answer',
    'body',
    'operator',
    'progress',
    'foreign',
  );
  const session = (liar) =>
    (liar.greet = (socket, message) =>
      liar.write(
        socket,
        liar.http(
          '200 OK',
          `{"jsonrpc":"2.0","id":${message.id},"result":${initialized}}`,
          `Mcp-Session-Id: ${secrets.upstreamSession}\r\n`,
        ),
      ));
  const [good, old, wants, moves, raves] = [
    await Liar.start(),
    await Liar.start({ era: 'old' }),
    await Liar.start(),
    await Liar.start(),
    await Liar.start(),
  ];
  session(old);
  const url = (liar) => `http://${secrets.user}:${secrets.password}@127.0.0.1:${liar.port}/mcp?key=${secrets.urlQuery}`;
  const servers = {
    good: { url: url(good), headers: { 'X-Api-Key': secrets.header, Cookie: `s=${secrets.header}` } },
    old: { url: url(old), headers: { 'X-Api-Key': secrets.header } },
    wants: { url: `${wants.origin}/mcp?key=${secrets.urlQuery}`, headers: { Authorization: `Bearer ${secrets.bearer}` } },
    moves: { url: url(moves) },
    raves: { url: url(raves) },
    gone: { url: `http://${secrets.user}:${secrets.password}@127.0.0.1:1/mcp?key=${secrets.urlQuery}` },
    child: {
      command: process.execPath,
      args: [script, 'new', '--token', secrets.flag, `--api-key=${secrets.flag}`, '--header', `X-Key: ${secrets.pair}`],
      env: { TOKEN: secrets.environment, PLAIN: secrets.environment },
    },
    absent: { command: '/nonexistent/program', args: ['--password', secrets.flag], env: { TOKEN: secrets.environment } },
  };
  const weir = await Weir.start({
    log: { level: 'debug', access: 'all', format },
    timeout: { request: '2s', startup: '3s' },
    retry: false,
    circuit_breaker: false,
    outlier_detection: { enabled: false },
    servers,
  });
  const texts = {};
  try {
    await until(
      async () =>
        (await weir.servers()).every((one) =>
          ['gone', 'absent'].includes(one.name) ? one.state !== 'starting' : one.state === 'ready',
        ),
      30000,
      'the servers',
    );
    const headers = {
      Authorization: `Bearer ${secrets.authorization}`,
      Cookie: `a=${secrets.cookie}`,
      'X-Api-Key': secrets.key,
      'Proxy-Authorization': `Basic ${secrets.proxy}`,
      'Mcp-Session-Id': secrets.foreign,
    };
    const call = async (server, more = '', at = weir.url) => {
      const got = await ask(
        `${at}?q=${secrets.query}`,
        'tools/call',
        `"name":"${server}__lie","arguments":{"lie":true,"marker":"${secrets.argument}"}${more}`,
        { name: `${server}__lie`, headers, more: `"progressToken":"${secrets.progress}",` },
      );
      return got;
    };
    // Well, and badly in every way. What a call is answered with may be the upstream's; an error of the gateway's own may not.
    const plainly = (one, status, lines, body) =>
      `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nSet-Cookie: a=${secrets.setCookie}\r\n` +
      `${lines}Content-Length: ${size(bytes(body))}\r\n\r\n${body}`;
    const lies = [
      [good, 'good', (one) => plainly(one, '200 OK', '', one.response(one.id, secrets.result)), 'result'],
      [
        good,
        'good',
        (one) =>
          plainly(
            one,
            '200 OK',
            '',
            `{"jsonrpc":"2.0","id":${one.id},"result":{"resultType":"input_required",` +
              `"inputRequests":{"a":{"method":"roots/list"}},"requestState":"${secrets.state}"}}`,
          ),
        'result',
      ],
      [
        good,
        'good',
        (one) =>
          plainly(one, '200 OK', '', `{"jsonrpc":"2.0","id":${one.id},"error":{"code":-32000,"message":"${secrets.result}"}}`),
        'upstream',
      ],
      [
        wants,
        'wants',
        (one) => plainly(one, '401 Unauthorized', `WWW-Authenticate: Bearer realm="${secrets.wanted}"\r\n`, secrets.garbage),
        1008,
      ],
      [wants, 'wants', (one) => plainly(one, '403 Forbidden', '', secrets.garbage), 1008],
      [moves, 'moves', (one) => plainly(one, '302 Found', `Location: http://127.0.0.1:1/${secrets.location}\r\n`, ''), 1002],
      [moves, 'moves', (one) => plainly(one, '503 Busy', `Retry-After: ${secrets.location}\r\n`, ''), 1004],
      [raves, 'raves', (one) => plainly(one, '200 OK', '', secrets.garbage), 1002],
      [raves, 'raves', (one) => plainly(one, '200 OK', '', `{"jsonrpc":"2.0","id":"${secrets.garbage}","result":{}}`), 1002],
      [raves, 'raves', (one) => plainly(one, '200 OK', '', `{"jsonrpc":"2.0","id":${one.id},"${secrets.garbage}`), 1002],
      [raves, 'raves', (one) => plainly(one, '500 Broken', '', secrets.garbage), 1002],
      [raves, 'raves', (one) => `HTTP/1.1 200 OK\r\nX-${secrets.garbage} : x\r\n\r\n`, 1002],
      [raves, 'raves', (one) => (one.write(secrets.garbage), one.end()), [1002, 1007]],
      [
        raves,
        'raves',
        (one) =>
          plainly(one, '200 OK', '', one.good)
            .replace('application/json', 'text/event-stream')
            .replace(one.good, `data: ${secrets.garbage}\n\n`.padEnd(one.good.length)),
        1002,
      ],
      [raves, 'raves', () => [], 1003],
      [null, 'gone', null, [1001, 1005]],
      [null, 'absent', null, [1001, 1005]],
    ];
    for (const [index, [liar, server, send, code]] of lies.entries()) {
      liar?.arm({ send });
      const got = await call(server);
      const answer = answerOf(got);
      if (code === 'result') assert.ok(answer.result, got.text);
      else if (code !== 'upstream') assert.ok([code].flat().includes(answer.error?.code), `${index}: ${got.text}`);
      if (typeof code !== 'string') texts[`the answer to call ${index} (${server})`] = got.text;
      if (answer.result?.requestState) {
        const again = await call(
          server,
          `,"requestState":${JSON.stringify(answer.result.requestState)},` +
            `"inputResponses":{"a":{"roots":[{"uri":"file:///${secrets.answer}"}]}}`,
        );
        assert.equal(again.status, 200);
        await call(server, `,"requestState":"${secrets.state}"`);
      }
    }
    // A child, and an old client in an old server's session.
    const own = await ask(weir.url, 'tools/call', `"name":"child__echo","arguments":{"marker":"${secrets.argument}"}`, {
      name: 'child__echo',
      headers,
    });
    assert.ok(answerOf(own).result, own.text);
    const client = await openSession(weir.url);
    const told = await client.post(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"old__echo","arguments":{"marker":"${secrets.argument}"}}}`,
    );
    assert.ok(answerOf(told).result, told.text);
    secrets.clientSession = client.id;
    await client.end();
    // What clients do wrong.
    const post = (body, more = {}, where = '') =>
      request('POST', `${weir.url}${where}?q=${secrets.query}`, { ...accept, ...headers, ...more }, body);
    const version = { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'good__echo' };
    const wrong = [
      await post(`{"${secrets.body}`),
      await post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":"${secrets.body}"}}}`, {
        'Mcp-Session-Id': secrets.foreign,
      }),
      await post(
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"good__echo",` +
          `"arguments":{"${secrets.body}":1,"${secrets.body}":2},"_meta":{${meta}}}}`,
        version,
      ),
      await post('{}', version, '/none'),
      await request('GET', `${weir.url}?q=${secrets.query}`, headers),
      await request('DELETE', weir.url, headers),
      await request('PUT', `${weir.url}?q=${secrets.query}`, headers),
      await request('GET', `${new URL(weir.url).origin}/none?q=${secrets.query}`, headers),
      await request('POST', `${new URL(weir.url).origin}/messages?sessionId=${secrets.foreign}`, { ...accept, ...headers }, '{}'),
      await post('{}', { Origin: `http://${secrets.key}.example` }),
      await post('{}', { 'Content-Encoding': 'gzip' }),
    ];
    for (const [index, got] of wrong.entries()) {
      assert.ok(got.status >= 400, `${index}: ${got.status} ${got.text}`);
      texts[`refusal ${index}`] = JSON.stringify(got.headers) + got.text;
    }
    // What operators see.
    for (const where of endpoints) texts[where] = (await request('GET', weir.admin + where)).text;
    texts['/events'] = await some(weir.admin + '/events');
    texts['/explain'] = (await request('GET', weir.admin + '/explain?tool=good__lie')).text;
    for (const [method, where] of [
      ['GET', '/none'],
      ['PUT', '/config'],
      ['GET', '/reload'],
      ['POST', '/rollback'],
      ['POST', '/none'],
      ['GET', '/explain'],
    ])
      texts[`${method} ${where}`] = (
        await request(method, `${weir.admin}${where}?token=${secrets.query}`, {
          Authorization: `Bearer ${secrets.operator}`,
          Cookie: `a=${secrets.cookie}`,
        })
      ).text;
    texts['/config afterwards'] = (await request('GET', weir.admin + '/config')).text;
    const admin = ['--admin', new URL(weir.admin).host];
    for (const args of [
      ['check', weir.file],
      ['status', ...admin],
      ['status', '--json', ...admin],
      ['explain', 'good__lie', ...admin],
      ['explain', 'good__lie', '--json', ...admin],
      ['tools', ...admin],
      ['rollback', ...admin],
    ])
      texts[`weir ${args[0]} ${args.at(-1)}`] = (await run(...args)).text;
    texts['its arguments'] = fs.readFileSync(`/proc/${weir.child.pid}/cmdline`, 'latin1');
  } finally {
    const how = await weir.stop();
    for (const one of [good, old, wants, moves, raves]) await one.stop();
    assert.equal(how.code, 0, weir.log.slice(-1000));
  }
  for (const [index, line] of weir.log.split('\n').entries()) texts[`line ${index} of the log`] = line;
  texts['what it prints'] = weir.out;
  const places = found(secrets, texts);
  assert.ok(!places.length, `${places.length} places\n${places.slice(0, 60).join('\n')}`);
  return `${Object.keys(secrets).length} secrets in ${Object.keys(texts).length} texts`;
}

async function mistakes() {
  const secrets = canaries('reload', 'variable');
  const weir = await Weir.start({ log: { level: 'debug' }, servers: { demo: { builtin: 'demo' } } });
  const texts = {};
  try {
    process.env.WEIR_E2E_SECRET = secrets.variable;
    for (const [index, file] of wrongFiles(secrets).entries()) {
      const before = weir.log.length;
      weir.write(file);
      const reload = await request('POST', weir.admin + '/reload');
      assert.ok(!JSON.parse(reload.text).ok, `file ${index}: ${reload.text}`);
      texts[`the answer to the reload of file ${index}`] = reload.text;
      const where = path.join(weir.folder, `wrong-${index}.yaml`);
      fs.writeFileSync(where, file);
      texts[`weir check of file ${index}`] = (await run('check', where)).text;
      texts[`weir run with file ${index}`] = (await run('run', where)).text;
      texts[`weir reload of file ${index}`] = (await run('reload', '--admin', new URL(weir.admin).host)).text;
      await until(() => weir.log.length > before, 5000, 'the log');
    }
    for (const where of endpoints) texts[where] = (await request('GET', weir.admin + where)).text;
    texts['/events'] = await some(weir.admin + '/events');
  } finally {
    delete process.env.WEIR_E2E_SECRET;
    assert.equal((await weir.stop()).code, 0);
  }
  texts['the log'] = weir.log;
  texts['what it prints'] = weir.out;
  const places = found(secrets, texts);
  assert.ok(!places.length, `${places.length} places\n${places.slice(0, 60).join('\n')}`);
}

// Files with a mistake, and secrets in the same block, the same line, or the very value.
const wrongFiles = (secrets) => [
  // Beside it.
  `servers:\n  a:\n    url: http://u:${secrets.reload}@127.0.0.1:1/mcp?key=${secrets.reload}\n    hedaers: {}\n` +
    `    headers: {Authorization: "Bearer ${secrets.reload}"}\n`,
  `servers:\n  a:\n    command: node\n    args: [--token, ${secrets.reload}]\n` +
    `    env:\n      TOKEN: ${secrets.reload}\n    replicas: many\n`,
  // In its line.
  `servers:\n  a: {url: "http://127.0.0.1:1/mcp", hedaers: {}, headers: {Authorization: "Bearer ${secrets.reload}"}}\n`,
  JSON.stringify({
    servers: { a: { url: `http://u:${secrets.reload}@127.0.0.1:1/mcp`, frobnicate: 1, env: { TOKEN: secrets.reload } } },
  }) + '\n',
  // In its value.
  `servers:\n  a:\n    url: htp://u:${secrets.reload}@127.0.0.1:1/mcp?key=${secrets.reload}\n`,
  `servers:\n  a:\n    url: "http://u:${secrets.reload}@127.0.0.1:99999/mcp"\n`,
  `servers:\n  a:\n    url: http://127.0.0.1:1/mcp\n    headers:\n      Authorization: [Bearer, ${secrets.reload}]\n`,
  `servers:\n  a:\n    url: http://127.0.0.1:1/mcp\n    headers:\n      Authorization: "Bearer\\n${secrets.reload}"\n`,
  `servers:\n  a:\n    command: node\n    env:\n      TOKEN: {value: ${secrets.reload}}\n`,
  `servers:\n  a:\n    command: node\n    env: ${secrets.reload}\n`,
  // From the environment.
  'servers:\n  a:\n    url: "${WEIR_E2E_SECRET}"\n',
  'servers:\n  a:\n    url: http://127.0.0.1:1/mcp\n    headers: {Authorization: "Bearer ${WEIR_E2E_SECRET}\\n"}\n',
  'servers:\n  a:\n    url: http://127.0.0.1:1/mcp\n    replicas: ${WEIR_E2E_SECRET}\n',
  'servers:\n  a:\n    command: node\n    env: {TOKEN: "${WEIR_E2E_SECRET}", OTHER: "${WEIR_E2E_UNSET}"}\n',
  // No YAML.
  `servers:\n  a:\n    headers: {Authorization: "Bearer ${secrets.reload}\n`,
  `servers:\n  a:\n    headers:\n\tAuthorization: Bearer ${secrets.reload}\n`,
  `servers:\n  a:\n    env:\n      TOKEN: ${secrets.reload}\n      TOKEN: ${secrets.reload}\n`,
];

// What of a request may reach a server over HTTP: besides the configured ones exactly these names.
const always = ['host', 'content-type', 'accept', 'accept-encoding', 'content-length', 'x-configured'];
const allowed = {
  new: {
    POST: [
      ...always,
      'mcp-protocol-version',
      'mcp-method',
      'mcp-name',
      'mcp-param-place',
      'mcp-param-other',
      'traceparent',
      'tracestate',
    ],
  },
  old: {
    POST: [...always, 'mcp-protocol-version', 'mcp-session-id', 'traceparent', 'tracestate'],
    GET: [
      'host',
      'accept',
      'accept-encoding',
      'x-configured',
      'mcp-protocol-version',
      'mcp-session-id',
      'last-event-id',
      'cache-control',
    ],
    DELETE: ['host', 'x-configured', 'mcp-protocol-version', 'mcp-session-id', 'accept', 'accept-encoding', 'content-length'],
  },
};
async function headersOf(era) {
  const secrets = canaries('value', 'session');
  const liar = await Liar.start({ era });
  liar.list = ({ message, socket }) =>
    liar.write(
      socket,
      liar.http(
        '200 OK',
        `{"jsonrpc":"2.0","id":${message.id},"result":{` +
          (era === 'new' ? '"resultType":"complete","ttlMs":0,"cacheScope":"private",' : '') +
          '"tools":[{"name":"echo","inputSchema":{"type":"object","properties":' +
          '{"place":{"type":"string","x-mcp-header":"Place"},"marker":{"type":"string"}}}}]}}',
      ),
    );
  const weir = await Weir.start({
    allowed_origins: ['http://localhost:5173'],
    servers: { a: { url: liar.server.url, headers: { 'X-Configured': 'yes' } } },
  });
  try {
    await weir.settled();
    const strange = Object.fromEntries(
      [
        'Authorization',
        'Cookie',
        'X-Api-Key',
        'Proxy-Authorization',
        'Forwarded',
        'X-Forwarded-For',
        'X-Forwarded-Host',
        'X-Real-Ip',
        'Via',
        'Referer',
        'User-Agent',
        'From',
        'DNT',
        'X-Custom',
        'Router-Key',
        'Mcp-Init-Host',
        'X-Mcp-Server',
        'X-Weir-Server',
        'X-Original-Url',
        'X-Http-Method-Override',
        'Mcp-Other',
        'X-Configured',
        'X-Configured-More',
        'Accept-Language',
        'Cache-Control',
        'Range',
        'If-None-Match',
        'TE',
        'Priority',
        'X-Request-Id',
        'baggage',
        'b3',
      ].map((name) => [name, secrets.value]),
    );
    Object.assign(strange, {
      Origin: 'http://localhost:5173',
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      tracestate: 'v=1',
      mcp_method: secrets.value,
      mcp_session_id: secrets.value,
      'Mcp-Param-Other': 'unknown',
    });
    const fresh = async (headers, more = '') =>
      answerOf(
        await ask(weir.url, 'tools/call', `"name":"echo","arguments":{"marker":"m","place":"here"}`, {
          name: 'echo',
          headers: { ...strange, 'Mcp-Param-Place': 'here', ...headers },
          more,
        }),
      );
    // What an old server gets of a new client's trace is looked at below.
    const untraced = era === 'old' ? { traceparent: '', tracestate: '' } : {};
    for (const [more, meta] of [
      [{ 'Mcp-Session-Id': secrets.session }, ''],
      [{}, `"traceparent":"00-${'3'.repeat(32)}-${'4'.repeat(16)}-01","tracestate":"v=2","progressToken":"t",`],
    ]) {
      const answer = await fresh({ ...untraced, ...more }, meta);
      assert.ok(answer.result, JSON.stringify(answer));
    }
    const client = await openSession(weir.url);
    const post = (text) => request('POST', weir.url, { ...strange, ...client.headers }, text);
    assert.ok(
      answerOf(
        await post(
          '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"marker":"m","place":"here"}}}',
        ),
      ).result,
    );
    assert.ok(answerOf(await post('{"jsonrpc":"2.0","id":2,"method":"tools/list"}')).result);
    await post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
    await client.end();
    assert.ok(liar.calls().length >= 3);
  } finally {
    await weir.stop();
    await liar.stop();
  }
  const kinds = new Set();
  for (const { http: method, headers, text, target, message } of liar.seen) {
    const names = headers.map(([name]) => name.toLowerCase());
    kinds.add(method);
    assert.ok(message, `the body is no JSON: ${text}`);
    assert.equal(new Set(names).size, names.length, `a header twice: ${names}`);
    // How its revision is found out is asked in the new one.
    const may = allowed[message.method === 'server/discover' ? 'new' : era][method] ?? [];
    assert.deepEqual(
      names.filter((name) => !may.includes(name)),
      [],
      `${method} ${text}`,
    );
    const value = Object.fromEntries(headers.map(([name, one]) => [name.toLowerCase(), one]));
    assert.equal(value['x-configured'], 'yes');
    assert.equal(value.host, `127.0.0.1:${liar.port}`);
    assert.equal(target, '/mcp');
    if (method === 'POST')
      assert.deepEqual(
        [value['content-type'], value.accept, value['accept-encoding'], Number(value['content-length'])],
        ['application/json', 'application/json, text/event-stream', 'identity', Buffer.byteLength(text)],
      );
    // What the gateway makes itself, or a client declares of itself in the message, may be there; no header's value may.
    assert.ok(
      !JSON.stringify(headers).includes(secrets.value) && !text.includes(secrets.value),
      `${method} ${JSON.stringify(headers)} ${text}`,
    );
    assert.ok(!JSON.stringify(headers).includes(secrets.session), 'the session of a client');
  }
  // Exactly what belongs to a call, and nothing else.
  const call = (more) =>
    liar
      .calls()
      .map((one) =>
        one.headers
          .map(([name]) => name.toLowerCase())
          .sort()
          .join(),
      )
      .includes([...always, 'mcp-protocol-version', ...more].sort().join());
  // Parameters in headers that it does not know an intermediary must forward.
  if (era === 'new')
    assert.ok(
      call(['mcp-method', 'mcp-name', 'mcp-param-place', 'mcp-param-other', 'traceparent', 'tracestate']),
      JSON.stringify(liar.calls().map((one) => one.headers)),
    );
  else assert.ok(liar.calls().every((one) => one.headers.some(([name]) => name.toLowerCase() === 'mcp-session-id')));
  return `${liar.seen.length} requests: ${[...kinds]}`;
}

// Whatever a client says of itself, what an old server gets of it is whole.
async function tracedBeforeOldServer() {
  const liar = await Liar.start({ era: 'old' });
  const weir = await Weir.start({ retry: false, servers: { a: liar.server } });
  try {
    await weir.settled();
    for (const [pad, more, kept] of [
      [0, '', []],
      [0, ',"progressToken":"t"', ['progressToken']],
      [100, '', []],
      [60000, '', []],
      [60000, ',"com.example/x":1', ['com.example/x']],
    ]) {
      const said = meta.replace('"e2e"', `"${'x'.repeat(pad)}"`) + more;
      const params = `{"name":"echo","arguments":{"marker":"m"},"_meta":{${said}}}`;
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
      const trace = '1'.repeat(32);
      const headers = { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' };
      const traceparent = `00-${trace}-${'2'.repeat(16)}-01`;
      const got = await request('POST', weir.url, { ...headers, traceparent }, body);
      assert.equal(answerOf(got).result?.content[0].text, 'm', `${pad}${more}: ${got.text}`);
      const bad = liar.seen.find((one) => !one.message);
      assert.equal(bad?.text, undefined, 'what is no JSON');
      const about = liar.calls().at(-1).message.params._meta;
      assert.deepEqual(Object.keys(about).sort(), [...kept, 'traceparent'].sort());
      assert.match(about.traceparent, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    }
  } finally {
    const how = await weir.stop();
    await liar.stop();
    assert.equal(how.code, 0, `it ended: ${JSON.stringify(how)}`);
  }
}

// A child as it is started: what it has of the gateway's. `env` is what the gateway itself has besides.
const probe = (folder) =>
  `const fs=require('fs');fs.writeFileSync(${JSON.stringify(path.join(folder, 'env'))},JSON.stringify(process.env));` +
  `fs.writeFileSync(${JSON.stringify(path.join(folder, 'argv'))},JSON.stringify(process.argv.slice(1)));`;
const usual = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER', 'LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE', 'TMPDIR'];

async function environmentOfChildren() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-env-'));
  const names = [
    'WEIR_E2E_TOKEN',
    'AWS_SECRET_ACCESS_KEY',
    'LD_LIBRARY_PATH_X',
    'NODE_OPTIONS_X',
    'HTTP_PROXY_X',
    'SSH_AUTH_SOCK',
    'XDG_RUNTIME_DIR',
    'PATHX',
    'HOMEX',
    'LANGX',
    'LCX',
    'TERMCAP',
    'USERNAME',
    'MAIL',
    'PWD',
    'OLDPWD',
    '_',
    'WEIR_SUPERVISOR_X',
  ];
  const env = {
    ...Object.fromEntries(usual.map((name) => [name, process.env[name] ?? (name.startsWith('L') ? 'C.UTF-8' : 'x')])),
    ...Object.fromEntries(names.map((name) => [name, 'secret'])),
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TMPDIR: os.tmpdir(),
  };
  const file = path.join(folder, 'weir.yaml');
  // An unusual name, one that replaces a usual one, one without a value.
  const configured = { TOKEN: 'own', TERM: 'dumb', EMPTY: '', 'odd.name-1': '$HOME `id` "quoted"' };
  fs.writeFileSync(
    file,
    JSON.stringify({
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      servers: { a: { command: process.execPath, args: ['-e', probe(folder)], env: configured } },
    }),
  );
  // Descriptors beyond the usual three that the gateway has been given.
  const given = fs.openSync('/dev/null', 'r');
  const child = spawn(binary, ['run', file], { env, stdio: ['ignore', 'ignore', 'ignore', given, given] });
  const ended = new Promise((done) => child.on('close', done));
  try {
    const read = (name) =>
      until(
        () => {
          try {
            return JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
          } catch {
            return null;
          }
        },
        10000,
        name,
      );
    const got = await read('env');
    assert.deepEqual(Object.keys(got).sort(), [...new Set([...usual, ...Object.keys(configured)])].sort());
    for (const [name, value] of Object.entries(configured)) assert.equal(got[name], value, name);
    for (const name of usual) if (!(name in configured)) assert.equal(got[name], env[name], name);
  } finally {
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    fs.closeSync(given);
    fs.rmSync(folder, { recursive: true });
  }
}

async function argumentsOfChildren() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-argv-'));
  const trap = path.join(folder, 'trap');
  const args = [
    `; touch ${trap}`,
    `$(touch ${trap})`,
    `\`touch ${trap}\``,
    `&& touch ${trap}`,
    `| touch ${trap}`,
    `> ${trap}`,
    '$HOME',
    '~',
    '*',
    '?',
    '{a,b}',
    'a b',
    '',
    '"',
    "'",
    '\\',
    'a\nb',
    'a\tb',
    '--',
    '-x',
    'ä\u{1F600}',
    '%s',
    '!!',
    '#x',
  ];
  const weir = await Weir.start({
    servers: {
      a: { command: process.execPath, args: ['-e', probe(folder), ...args] },
      b: { command: `${process.execPath} -e "require('fs').writeFileSync('${trap}','')"` },
      c: { command: `touch ${trap}; true` },
      d: { command: `$(touch ${trap})` },
    },
  });
  try {
    const got = await until(
      () => {
        try {
          return JSON.parse(fs.readFileSync(path.join(folder, 'argv'), 'utf8'));
        } catch {
          return null;
        }
      },
      10000,
      'the child',
    );
    // Node takes `--` for itself.
    assert.deepEqual(got, args);
    await until(
      async () => (await weir.servers()).filter((one) => one.name !== 'a').every((one) => /not found/.test(one.reason ?? '')),
      10000,
      'the others to be refused',
    );
    assert.ok(!fs.existsSync(trap), 'something was executed');
  } finally {
    assert.equal((await weir.stop()).code, 0);
    fs.rmSync(folder, { recursive: true });
  }
}

async function descriptorsOfChildren() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-fd-'));
  const file = path.join(folder, 'weir.yaml');
  const liar = await Liar.start();
  // A connection to a server and to a client are open by the time the second child is started.
  fs.writeFileSync(
    file,
    JSON.stringify({
      listen: '127.0.0.1:0',
      admin: false,
      servers: {
        a: { url: liar.server.url },
        b: {
          command: 'bash',
          args: [
            '-c',
            `ls -l /proc/$$/fd > ${folder}/fd.new; grep SigBlk /proc/self/status >> ${folder}/fd.new; ` +
              `mv ${folder}/fd.new ${folder}/fd; sleep 0.2`,
          ],
        },
      },
    }),
  );
  const given = fs.openSync('/dev/null', 'r');
  const child = spawn(binary, ['run', file], { stdio: ['ignore', 'ignore', 'ignore', given, given, given, given] });
  const ended = new Promise((done) => child.on('close', done));
  try {
    for (let round = 0; round < 3; ++round) {
      const text = await until(
        () => {
          try {
            return fs.readFileSync(`${folder}/fd`, 'utf8');
          } catch {
            return null;
          }
        },
        20000,
        'the child',
      );
      fs.rmSync(`${folder}/fd`);
      const numbers = [...text.matchAll(/ (\d+) -> (\S+)/g)].map(([, number, what]) => [number, what.replace(/\[.*/, '')]);
      assert.deepEqual(
        numbers,
        [
          ['0', 'pipe:'],
          ['1', 'pipe:'],
          ['2', 'pipe:'],
        ],
        text,
      );
      assert.match(text, /SigBlk:\s+0+\n/, 'blocked signals');
    }
  } finally {
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    fs.closeSync(given);
    await liar.stop();
    fs.rmSync(folder, { recursive: true });
  }
}

// What a child says of itself is its own doing: it is logged as the child's, and shown nowhere else.
async function talkativeChildren() {
  const secrets = canaries('environment');
  const talk = `console.error('my token is', process.env.TOKEN);process.stdin.resume();process.stdin.on('end',()=>process.exit())`;
  const broken = `console.error('my token is', process.env.TOKEN);process.exit(1)`;
  const weir = await Weir.start({
    log: { level: 'debug', access: 'all' },
    timeout: { startup: '1s' },
    servers: {
      talks: { command: process.execPath, args: ['-e', talk], env: { TOKEN: secrets.environment } },
      ends: { command: process.execPath, args: ['-e', broken], env: { TOKEN: secrets.environment } },
    },
  });
  const texts = {};
  try {
    await until(
      async () => (await weir.servers()).find((one) => one.name === 'ends').state === 'unreachable',
      20000,
      'the child that ends',
    );
    await until(() => (weir.log.match(/my token is/g) ?? []).length >= 2, 10000, 'what they say');
    for (const where of endpoints) texts[where] = (await request('GET', weir.admin + where)).text;
    texts['/events'] = await some(weir.admin + '/events');
    texts['a list'] = (await ask(weir.url, 'tools/list')).text;
    texts['a call'] = (await ask(weir.url, 'tools/call', '"name":"ends__x","arguments":{}', { name: 'ends__x' })).text;
    texts['weir status'] = (await run('status', '--admin', new URL(weir.admin).host)).text;
  } finally {
    await weir.stop();
  }
  for (const line of weir.log.trim().split('\n'))
    if (line.includes(secrets.environment))
      assert.deepEqual([JSON.parse(line).module, JSON.parse(line).level], ['child', 'info'], line);
  texts['what it prints'] = weir.out;
  assert.deepEqual(found(secrets, texts), []);
}

export const tests = {
  'nothing secret is shown or logged': () => secretive('json'),
  'nothing secret is shown or logged, log for people': () => secretive('text'),
  'mistakes in a file show nothing secret': mistakes,
  'what a client says in headers reaches no server of the new revision': () => headersOf('new'),
  'what a client says in headers reaches no server of an old one': () => headersOf('old'),
  'the trace of a client of the new revision before an old server': tracedBeforeOldServer,
  'the environment of a child': environmentOfChildren,
  'the arguments of a child': argumentsOfChildren,
  'the descriptors of a child': descriptorsOfChildren,
  'what a child says of itself': talkativeChildren,
};

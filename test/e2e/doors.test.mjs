// Who comes in: bearer tokens, the operators' token, the address for figures, TLS with certificates that change under way,
// and how many connections there may be.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Upstream } from './upstream.mjs';
import { Wire, callBody, callLines, post } from './raw.mjs';
import { Weir, ask, between, binary, meta, openSession, request, until } from './weir.mjs';

const tokens = ['team-token-one-5c1f', 'team-token-two-77aa'];
const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const basic = (password) => ({ Authorization: `Basic ${Buffer.from(`operator:${password}`).toString('base64')}` });
// Connections whose calls the server does not answer.
async function heldByCalls(weir, upstream, count) {
  upstream.call = () => {};
  const wires = [];
  for (let i = 0; i < count; i++) wires.push((await Wire.open(weir.url)).send(post(callBody())));
  await until(() => upstream.calls().length === count);
  upstream.call = null;
  return wires;
}
const echo = (weir, headers = {}) => ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo', headers });

// A self-signed certificate for these names; `folder` then has NAME.pem and NAME.key.
function certificate(folder, name, subject = 'localhost') {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${subject}`, '-addext', `subjectAltName=DNS:${subject}`], { cwd: folder, stdio: 'pipe' });
}
const copy = (folder, from, to) => ['pem', 'key'].forEach((kind) => {
  fs.copyFileSync(path.join(folder, `${from}.${kind}`), path.join(folder, `new.${kind}`));
  fs.renameSync(path.join(folder, `new.${kind}`), path.join(folder, `${to}.${kind}`));
});
// The name in the certificate that an address serves; what the handshake chose.
const shake = (url, options = {}) => new Promise((done, fail) => {
  const { port } = new URL(url);
  const socket = tls.connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false, servername: 'localhost', ...options }, () => {
    done({ name: socket.getPeerCertificate().subject.CN, protocol: socket.getProtocol(), alpn: socket.alpnProtocol, cipher: socket.getCipher().name });
    socket.destroy();
  });
  socket.on('error', fail);
});
const secure = (url, { method = 'GET', headers = {}, body = '' } = {}) => new Promise((done, fail) => {
  const sent = https.request(url, { method, rejectUnauthorized: false, agent: false, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, (answer) => {
    let text = '';
    answer.on('data', (part) => (text += part)).on('end', () => done({ status: answer.statusCode, text, headers: answer.headers }));
  });
  sent.on('error', fail).end(body);
});

const begin = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"e2e","version":"1"}}}';
const json = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };

export const tests = {
  async 'with tokens nobody comes in without one'() {
    const upstream = await Upstream.start();
    const origin = 'http://app.example.com';
    const weir = await Weir.start({ auth: { bearer_tokens: tokens }, allowed_origins: [origin], servers: { a: { url: upstream.url } } });
    await weir.settled();
    assert.match(weir.out, /"url": "http:[^"]*\/mcp", "headers": \{"Authorization": "Bearer TOKEN"\}\}\}\}/);
    const good = await echo(weir, bearer(tokens[0]));
    assert.equal(good.status, 200);
    assert.equal((await echo(weir, bearer(tokens[1]))).status, 200);
    assert.equal((await echo(weir, { Authorization: `bEARER   ${tokens[1]}` })).status, 200);
    assert.equal(upstream.calls().length, 3);
    // Nothing of it goes on.
    assert.ok(upstream.seen.every((one) => one.headers.authorization === undefined));
    const none = await echo(weir);
    assert.deepEqual([none.status, none.headers['www-authenticate']], [401, 'Bearer']);
    assert.match(JSON.parse(none.text).error, /bearer token is needed/);
    const wrong = ['', 'Bearer', 'Bearer ', `Bearer ${tokens[0]}x`, `Bearer ${tokens[0].slice(1)}`, `Bearer ${tokens[0].toUpperCase()}`, `Bearer ${tokens[0]} ${tokens[1]}`,
      `Bearer ${tokens.join(',')}`, `Bearer "${tokens[0]}"`, tokens[0], `Token ${tokens[0]}`, `Bearer\t${tokens[0]}`, ` Bearer x${tokens[0]}`, basic(tokens[0]).Authorization, `Bearer x, Bearer ${tokens[0]}`];
    for (const value of wrong) {
      const refused = await echo(weir, { Authorization: value });
      assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, value === '' ? 'Bearer' : 'Bearer error="invalid_token"'], value);
    }
    // On every path, and before it is told what is there; one word for load balancers and preflights stay open.
    const base = weir.url.replace('/mcp', '');
    for (const [method, where] of [['POST', '/mcp'], ['POST', '/mcp/a'], ['GET', '/mcp'], ['DELETE', '/mcp'], ['GET', '/sse'], ['POST', '/messages?sessionId=1'], ['GET', '/nothing'], ['PUT', '/mcp'], ['GET', '/'], ['OPTIONS', '/mcp']])
      assert.equal((await request(method, base + where)).status, 401, `${method} ${where}`);
    assert.equal((await request('GET', base + '/health')).status, 200);
    const preflight = await request('OPTIONS', weir.url, { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' });
    assert.deepEqual([preflight.status, preflight.headers['access-control-allow-headers']], [204, 'authorization']);
    const refused = await echo(weir, { Origin: origin });
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [401, origin]);
    // Two fields are none that can be trusted.
    const wire = await Wire.open(weir.url);
    wire.send(post(callBody(), { lines: { Authorization: [`Bearer ${tokens[0]}`, 'Bearer x'] } }));
    assert.equal((await wire.answer()).status, 400);
    wire.destroy();
    assert.equal(upstream.calls().length, 3);
    // An official client.
    const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new StreamableHTTPClientTransport(new URL(weir.url), { requestInit: { headers: bearer(tokens[1]) } }));
    assert.equal((await client.listTools()).tools.length, 1);
    await client.close();
    assert.equal((await weir.stop()).code, 0);
    await upstream.stop();
    for (const token of tokens) assert.ok(!(weir.log + weir.out).includes(token));
  },

  async 'what a token has opened ends with it'() {
    const servers = { demo: { builtin: 'demo' } };
    const weir = await Weir.start({ auth: { bearer_tokens: tokens }, servers });
    await weir.settled();
    const session = { 'Mcp-Session-Id': (await request('POST', weir.url, { ...json, ...bearer(tokens[0]) }, begin)).headers['mcp-session-id'] };
    const wires = [];
    const open = async (text) => {
      const wire = await Wire.open(weir.url);
      wire.send(text);
      wires.push(wire);
      await until(() => /event-stream/.test(wire.text), 5000, 'a stream');
    };
    const get = (token, where, more = {}) => `GET ${where} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\n${Object.entries(more).map((one) => one.join(': ') + '\r\n').join('')}\r\n`;
    await open(get(tokens[0], '/mcp', session));
    await open(get(tokens[0], '/sse'));
    const listen = `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{${meta}}}}`;
    const head = { 'Content-Type': 'application/json', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'subscriptions/listen' };
    const ask = (token) => `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nAccept: application/json, text/event-stream\r\n${Object.entries(head).map((one) => one.join(': ') + '\r\n').join('')}Content-Length: ${listen.length}\r\n\r\n${listen}`;
    await open(ask(tokens[0]));
    await open(ask(tokens[1])); // this one stays
    const before = wires.map((one) => one.text.length);
    weir.write({ auth: { bearer_tokens: [tokens[1]] }, servers: { ...servers, other: { builtin: 'demo' } } });
    await request('POST', weir.admin + '/reload');
    await until(() => /list_changed/.test(wires[3].text), 20000, 'the good one to hear of the new server');
    await until(() => wires.slice(0, 3).every((one) => /\r\n0\r\n\r\n$/.test(one.text) || one.ended), 20000, 'the others to end');
    wires.slice(0, 3).forEach((one, i) => assert.doesNotMatch(one.text.slice(before[i]), /list_changed/));
    assert.equal(wires[3].ended, false);
    wires.forEach((one) => one.destroy());
    assert.equal((await weir.stop()).code, 0);
  },

  async 'a session belongs to the token that began it'() {
    const weir = await Weir.start({ auth: { bearer_tokens: tokens }, servers: { demo: { builtin: 'demo' } } });
    const answer = await request('POST', weir.url, { ...json, ...bearer(tokens[0]) }, begin);
    const session = { ...json, 'Mcp-Session-Id': answer.headers['mcp-session-id'], 'MCP-Protocol-Version': '2025-11-25' };
    const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    assert.equal((await request('POST', weir.url, { ...session, ...bearer(tokens[0]) }, list)).status, 200);
    assert.equal((await request('POST', weir.url, { ...session, ...bearer(tokens[1]) }, list)).status, 404);
    assert.equal((await request('DELETE', weir.url, { ...session, ...bearer(tokens[1]) })).status, 404);
    assert.equal((await request('POST', weir.url, session, list)).status, 401);
    assert.equal((await request('POST', weir.url, { ...session, ...bearer(tokens[0]) }, list)).status, 200);
    assert.equal((await weir.stop()).code, 0);
  },

  async 'tokens change without a restart, and never to less than the addresses need'() {
    const upstream = await Upstream.start();
    const servers = { a: { url: upstream.url } };
    const weir = await Weir.start({ auth: { bearer_tokens: [tokens[0]] }, servers }, [], { listen: '0.0.0.0:0' });
    weir.url = weir.url.replace('0.0.0.0', '127.0.0.1');
    await weir.settled();
    const reload = async () => JSON.parse((await request('POST', weir.admin + '/reload')).text);
    weir.write({ auth: { bearer_tokens: [tokens[1]] }, servers });
    await reload();
    assert.equal((await echo(weir, bearer(tokens[0]))).status, 401);
    assert.equal((await echo(weir, bearer(tokens[1]))).status, 200);
    // The address stays bound to all the world until a restart, whatever the file says by now.
    weir.write({ listen: '127.0.0.1:0', servers });
    const refused = await reload();
    assert.equal(refused.ok, false);
    assert.match(refused.errors[0], /can be reached from other machines/);
    assert.equal((await echo(weir)).status, 401);
    assert.equal((await echo(weir, bearer(tokens[1]))).status, 200);
    assert.equal((await weir.stop()).code, 0);
    await upstream.stop();
  },

  async 'an address that others reach needs tokens, or a word that it is meant so'() {
    const start = async (config, where) => {
      const weir = await Weir.start(config, [], where).catch((error) => error);
      if (weir instanceof Error) return weir.message;
      await weir.stop();
      return weir.log;
    };
    const servers = { demo: { builtin: 'demo' } };
    assert.match(await start({ servers }, { listen: '0.0.0.0:0' }), /set auth\.bearer_tokens/);
    assert.match(await start({ servers }, { admin: '0.0.0.0:0' }), /set admin\.token/);
    assert.match(await start({ servers, auth: { bearer_tokens: tokens } }, { admin: '0.0.0.0:0' }), /set admin\.token/);
    assert.match(await start({ servers, allow_unauthenticated: true }, { listen: '0.0.0.0:0' }), /can be reached from other machines/);
    const closed = await start({ servers, auth: { bearer_tokens: tokens }, admin: { address: '127.0.0.1:0', token: 'x' } }, { listen: '0.0.0.0:0', admin: '0.0.0.0:0' });
    assert.doesNotMatch(closed, /can be reached/);
  },

  async 'operators bring their token, by either way, and the command line finds it in the file'() {
    const weir = await Weir.start({ admin: { address: '127.0.0.1:0', token: 'operators-token-1' }, servers: { demo: { builtin: 'demo' } } });
    const paths = ['/', '/livez', '/readyz', '/health', '/metrics', '/servers', '/tools', '/config', '/events', '/explain?tool=x', '/nothing', '/web/app.js'];
    for (const where of paths) {
      const answer = await request('GET', weir.admin + where);
      assert.equal(answer.status, 401, where);
      assert.match(answer.headers['www-authenticate'], /^Bearer, Basic realm="weir"/);
    }
    for (const where of ['/reload', '/rollback', '/drain', '/undrain', '/reset-breaker?server=demo'])
      assert.equal((await request('POST', weir.admin + where)).status, 401, where);
    for (const headers of [bearer('operators-token-1'), basic('operators-token-1')]) assert.equal((await request('GET', weir.admin + '/servers', headers)).status, 200);
    for (const headers of [bearer('operators-token-2'), basic(''), basic('operators-token-'), { Authorization: 'Basic !!!' }, { Authorization: 'Basic' }])
      assert.equal((await request('GET', weir.admin + '/servers', headers)).status, 401);
    const config = (await request('GET', weir.admin + '/config', bearer('operators-token-1'))).text;
    assert.ok(config.includes('"token":"***"') && !config.includes('operators-token-1'));
    // The same from the command line: by the file, and by an address with the token in the environment.
    const address = new URL(weir.admin).host;
    weir.write({ listen: new URL(weir.url).host, admin: { address, token: 'operators-token-1' }, servers: { demo: { builtin: 'demo' } } });
    const run = (args, env = {}) => spawnSync(binary, args, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });
    assert.match(run(['status', '-c', weir.file]).stdout, /^demo /m);
    assert.match(run(['status', '--admin', address], { WEIR_ADMIN_TOKEN: 'operators-token-1' }).stdout, /^demo /m);
    const refused = run(['status', '--admin', address]);
    assert.deepEqual([refused.status, /operators' token is needed/.test(refused.stderr)], [1, true], refused.stderr);
    assert.equal((await weir.stop()).code, 0);
    assert.ok(!weir.log.includes('operators-token-1'));
  },

  async 'an operators\' address that the file has no more is bound until the restart, and asks for its token until then'() {
    const servers = { demo: { builtin: 'demo' } };
    const weir = await Weir.start({ admin: { address: '127.0.0.1:0', token: 'operators-token-1' }, servers }, [], { admin: null });
    const look = async (headers) => (await request('GET', weir.admin + '/servers', headers)).status;
    weir.write({ admin: false, servers });
    const taken = JSON.parse((await request('POST', weir.admin + '/reload', bearer('operators-token-1'))).text);
    assert.deepEqual(taken.needs_restart, ['admin'], JSON.stringify(taken));
    assert.deepEqual([await look(), await look(bearer('operators-token-2')), await look(bearer('operators-token-1'))], [401, 401, 200]);
    assert.equal((await weir.stop()).code, 0);
  },

  async 'what needs no body is not waited for with one'() {
    const weir = await Weir.start({ metrics_listen: '127.0.0.1:0', auth: { bearer_tokens: tokens }, allowed_origins: ['http://app.example.com'], servers: { demo: { builtin: 'demo' } } });
    const figures = /metrics\s+(\S+)\/metrics/.exec(weir.out)[1];
    const head = (method, where, lines) => `${method} ${where} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}\r\n`;
    const much = `2000\r\n${'x'.repeat(8192)}\r\n`;
    for (const [name, url, send] of [
      ['health', weir.url, head('GET', '/health', 'Content-Length: 4097\r\n')],
      ['health in chunks', weir.url, head('GET', '/health', 'Transfer-Encoding: chunked\r\n') + much],
      ['a preflight', weir.url, head('OPTIONS', '/mcp', 'Origin: http://app.example.com\r\nContent-Length: 4097\r\n')],
      ['the end of a session', weir.url, head('DELETE', '/mcp', `Authorization: Bearer ${tokens[0]}\r\nContent-Length: 4097\r\n`)],
      ['figures', figures, head('GET', '/metrics', 'Content-Length: 4097\r\n')],
      ['figures of the operators', weir.admin, head('GET', '/metrics', 'Content-Length: 4097\r\n')],
      ['an action of the operators', weir.admin, head('POST', '/reload', 'Content-Length: 65537\r\n')],
    ]) {
      const wire = await Wire.open(url);
      wire.send(send);
      assert.equal((await wire.answer()).status, 413, name);
      wire.destroy();
    }
    const small = await Wire.open(weir.url);
    small.send(head('GET', '/health', 'Content-Length: 4096\r\n') + 'x'.repeat(4096));
    assert.equal((await small.answer()).status, 200);
    small.destroy();
    assert.equal((await weir.stop()).code, 0);
  },

  async 'half a header each of many takes no memory from others'() {
    const weir = await Weir.start({ limits: { buffers: '16MB', connections: 1000, connections_per_address: 1000 }, threads: 1, servers: { demo: { builtin: 'demo' } } });
    await weir.settled();
    const wires = await Promise.all(Array.from({ length: 400 }, () => Wire.open(weir.url)));
    // 26 MB in blocks of 64 KB.
    for (const one of wires) one.send(`GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n${Array.from({ length: 6 }, (_, i) => `X-${i}: ${'x'.repeat(4900)}\r\n`).join('')}`);
    const metric = async (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec((await request('GET', weir.admin + '/metrics')).text)[1]);
    await until(async () => (await metric('weir_buffer_bytes')) > 11 << 20, 10000, 'the buffers to fill');
    for (let i = 0; i < 50; ++i) assert.equal((await echo(weir)).status, 200);
    assert.ok((await metric('weir_buffer_bytes')) < 17 << 20);
    wires.forEach((one) => one.destroy());
    assert.equal((await weir.stop()).code, 0);
  },

  async 'the address for figures tells figures and nothing else, to whoever asks'() {
    const weir = await Weir.start({ metrics_listen: '127.0.0.1:0', admin: { address: '127.0.0.1:0', token: 'operators-token-1' }, servers: { demo: { builtin: 'demo' } } });
    const figures = /metrics\s+(\S+)\/metrics/.exec(weir.out)[1];
    for (const where of ['/metrics', '/livez', '/readyz']) {
      assert.equal((await request('GET', figures + where)).status, 200, where);
      assert.deepEqual(await request('POST', figures + where).then((one) => [one.status, one.headers.allow]), [405, 'GET']);
    }
    for (const where of ['/', '/health', '/servers', '/tools', '/config', '/events', '/explain?tool=x', '/reload', '/web/app.js', '/metrics/'])
      assert.equal((await request('GET', figures + where)).status, 404, where);
    assert.equal((await request('POST', figures + '/reload')).status, 404);
    assert.equal((await request('GET', figures + '/metrics', { Host: 'evil.example.com' })).status, 403);
    assert.equal((await weir.stop()).code, 0);
  },

  async 'TLS in front: its versions, its protocol, and certificates that change under way'() {
    const upstream = await Upstream.start();
    const folder = fs.mkdtempSync('/tmp/weir-e2e-tls-');
    for (const name of ['first', 'second', 'other']) certificate(folder, name, name);
    certificate(folder, 'now', 'first');
    copy(folder, 'first', 'now');
    const files = { cert: path.join(folder, 'now.pem'), key: path.join(folder, 'now.key') };
    const config = { listen: { address: '127.0.0.1:0', tls: files }, admin: { address: '127.0.0.1:0', tls: files, token: 'operators-token-1' }, auth: { bearer_tokens: tokens }, servers: { a: { url: upstream.url } } };
    const weir = await Weir.start(config);
    assert.match(weir.url, /^https:/);
    assert.match(weir.admin, /^https:/);
    assert.match(weir.out, new RegExp(`"url": "${weir.url}"`));
    const called = async () => secure(weir.url, { method: 'POST', headers: { ...callLines, ...bearer(tokens[0]) }, body: callBody() });
    await until(async () => JSON.parse((await secure(weir.admin + '/servers', { headers: bearer('operators-token-1') })).text).servers[0].state === 'ready');
    const answer = await called();
    assert.equal(answer.status, 200, answer.text);
    assert.equal(upstream.calls().length, 1);
    // Versions, protocols, and what is no TLS at all.
    assert.deepEqual(await shake(weir.url, { ALPNProtocols: ['h2', 'http/1.1'] }).then(({ name, protocol, alpn }) => [name, protocol, alpn]), ['first', 'TLSv1.3', 'http/1.1']);
    assert.equal((await shake(weir.url)).alpn, false);
    const older = await shake(weir.url, { maxVersion: 'TLSv1.2' });
    assert.deepEqual([older.protocol, /^ECDHE-.*(GCM|CHACHA20)/.test(older.cipher)], ['TLSv1.2', true]);
    await assert.rejects(shake(weir.url, { ALPNProtocols: ['h2'] }), /no application protocol|ALERT/i);
    await assert.rejects(shake(weir.url, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
    await assert.rejects(shake(weir.url, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:AES128-GCM-SHA256' }));
    const plain = await Wire.open(weir.url.replace('https', 'http'));
    plain.send(post(callBody()));
    await plain.closed();
    plain.destroy();
    assert.equal(upstream.calls().length, 1);
    // A renewed certificate is served without a restart; the connection of before goes on.
    const kept = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const health = () => new Promise((done, fail) => https.get(weir.url.replace('/mcp', '/health'), { agent: kept }, (one) => {
      const about = [one.statusCode, one.socket.localPort];
      one.resume().on('end', () => done(about));
    }).on('error', fail));
    const before = await health();
    copy(folder, 'second', 'now');
    await until(async () => (await shake(weir.url)).name === 'second', 20000, 'the new certificate');
    assert.equal((await shake(weir.admin)).name, 'second');
    assert.deepEqual(await health(), before);
    // A broken one is not.
    fs.writeFileSync(files.key, fs.readFileSync(path.join(folder, 'other.key')));
    await until(() => /the certificate stays as it was/.test(weir.log), 20000, 'a word on the broken one');
    assert.equal((await shake(weir.url)).name, 'second');
    copy(folder, 'other', 'now');
    assert.equal((await secure(weir.admin + '/reload', { method: 'POST', headers: bearer('operators-token-1') })).status, 200);
    assert.equal((await shake(weir.url)).name, 'other');
    assert.equal((await called()).status, 200);
    // The command line trusts the certificate in the file, whatever it is called.
    weir.write({ ...config, listen: { ...config.listen, address: new URL(weir.url).host }, admin: { ...config.admin, address: new URL(weir.admin).host } });
    const run = (...args) => promisify(execFile)(binary, [...args, '-c', weir.file]).then(({ stdout }) => stdout);
    assert.match(await run('status'), /^a /m);
    assert.match((await promisify(execFile)(binary, ['status', weir.file])).stdout, /^a /m);
    assert.match(await run('tools'), /^echo/m);
    assert.match(await run('call', 'echo', '{"x":1}'), /\{"x":1\}/);
    const metrics = (await secure(weir.admin + '/metrics', { headers: bearer('operators-token-1') })).text;
    assert.ok(Number(/^weir_tls_handshakes_failed_total (\d+)/m.exec(metrics)[1]) >= 4);
    kept.destroy();
    assert.equal((await weir.stop()).code, 0);
    await upstream.stop();
    // Without a good certificate nothing is served.
    fs.writeFileSync(files.cert, 'nothing\n');
    await assert.rejects(Weir.start(config), /tls: .*now\.pem/);
    const checked = spawnSync(binary, ['check', path.join(folder, 'check.json')], { encoding: 'utf8', cwd: folder });
    assert.equal(checked.status, 2);
    fs.writeFileSync(path.join(folder, 'check.json'), JSON.stringify(config));
    const told = spawnSync(binary, ['check', path.join(folder, 'check.json')], { encoding: 'utf8' });
    assert.deepEqual([told.status, /now\.pem/.test(told.stderr)], [2, true], told.stderr);
    fs.rmSync(folder, { recursive: true });
  },

  async 'the command line asks an address with TLS without its file, where the machine trusts the certificate'() {
    const folder = fs.mkdtempSync('/tmp/weir-e2e-tls-');
    certificate(folder, 'it');
    const tls = { cert: path.join(folder, 'it.pem'), key: path.join(folder, 'it.key') };
    const servers = { demo: { builtin: 'demo' } };
    const weir = await Weir.start({ listen: { address: '127.0.0.1:0', tls }, admin: { address: '127.0.0.1:0', tls, token: 'operators-token-1' }, auth: { bearer_tokens: tokens }, servers });
    const address = (url) => `https://localhost:${new URL(url).port}`;
    const run = (args, env) => promisify(execFile)(binary, args, { env: { WEIR_ADMIN_TOKEN: 'operators-token-1', WEIR_TOKEN: tokens[0], ...env } }).catch((error) => error);
    const trust = { SSL_CERT_FILE: tls.cert };
    assert.match((await run(['status', '--admin', address(weir.admin)], trust)).stdout, /^demo /m);
    assert.match((await run(['tools', '--listen', address(weir.url)], trust)).stdout, /^echo/m);
    for (const [args, env] of [[['status', '--admin', address(weir.admin)], {}], [['status', '--admin', address(weir.admin).replace('localhost', '127.0.0.1')], trust]]) {
      const told = await run(args, env);
      assert.deepEqual([told.code, told.stdout], [1, ''], told.stderr);
      assert.match(told.stderr, /certificate/);
    }
    assert.equal((await weir.stop()).code, 0);
    fs.rmSync(folder, { recursive: true });
  },

  async 'messages of every size pass through TLS whole, in both directions, though their client reads in bits'() {
    const folder = fs.mkdtempSync('/tmp/weir-e2e-tls-');
    certificate(folder, 'it');
    const tls = { cert: path.join(folder, 'it.pem'), key: path.join(folder, 'it.key') };
    const call = ({ params }, respond) => respond.result(JSON.stringify({ resultType: 'complete', content: [{ type: 'text', text: params.arguments.text }] }));
    const upstream = await Upstream.start({ call });
    const weir = await Weir.start({ listen: { address: '127.0.0.1:0', tls }, servers: { a: { url: upstream.url } } });
    await weir.settled();
    // Sizes around those of records (16,384) and of what is sent at once.
    for (const size of [0, 1, 15000, 16000, 16383, 16384, 16385, 32768, 49152, 65536, 70001, 262144, 1000003, 3000001]) {
      const text = Array.from({ length: Math.ceil(size / 8) }, (_, i) => String(i).padStart(8, '.')).join('').slice(0, size);
      const slow = size > 500000;
      const body = callBody('1', JSON.stringify({ text }));
      const got = await new Promise((done, fail) => {
        const sent = https.request(weir.url, { method: 'POST', rejectUnauthorized: false, agent: false, headers: { ...callLines, 'Content-Length': Buffer.byteLength(body) } }, (answer) => {
          const parts = [];
          answer.on('data', (part) => {
            parts.push(part);
            if (slow && parts.length % 20 === 0) {
              answer.pause();
              setTimeout(() => answer.resume(), 1);
            }
          }).on('end', () => done(JSON.parse(Buffer.concat(parts)))).on('error', fail);
        });
        sent.on('error', fail).end(body);
      });
      assert.ok(got.result?.content[0].text === text, `${size} characters came back as ${got.result?.content[0].text.length}`);
    }
    assert.equal((await weir.stop()).code, 0);
    await upstream.stop();
    fs.rmSync(folder, { recursive: true });
  },

  async 'more connections than may be: who is idle makes room, the others are told to come back'() {
    await between({}, async (weir, upstream) => {
      await weir.settled();
      const metric = async (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec((await request('GET', weir.admin + '/metrics')).text)[1]);
      // Connections whose request is served hold their place.
      const held = await heldByCalls(weir, upstream, 8);
      const refused = await Wire.open(weir.url);
      const answer = await refused.answer();
      assert.deepEqual([answer.status, answer.headers['retry-after'], answer.headers.connection], [503, '1', 'close']);
      assert.match(answer.body, /too many connections/);
      await refused.closed();
      refused.destroy();
      // The operators' address has a count of its own.
      assert.ok((await metric('weir_connections_refused_total{reason="limit"}')) >= 1);
      held.forEach((one) => one.destroy());
      // Idle ones give way, the oldest of a shard first.
      await until(async () => {
        const one = await Wire.open(weir.url);
        one.send('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
        const served = (await one.answer()).status === 200;
        one.destroy();
        return served;
      });
      // So do those whose body does not come whole.
      const bodies = [];
      for (let i = 0; i < 8; i++) bodies.push((await Wire.open(weir.url)).send(post('{', { length: 100 })));
      await until(async () => {
        const one = await Wire.open(weir.url);
        one.send('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
        const served = (await one.answer())?.status === 200;
        one.destroy();
        return served && bodies.some((body) => body.ended);
      });
      // So do those whose header never ends.
      const halves = [];
      for (let i = 0; i < 8; i++) halves.push((await Wire.open(weir.url)).send('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n'));
      const idle = [];
      for (let i = 0; i < 24; i++) {
        const one = await Wire.open(weir.url);
        one.send('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
        assert.ok([200, 503].includes((await one.answer()).status));
        idle.push(one);
      }
      await until(() => idle.filter((one) => !one.ended).length <= 8);
      assert.ok((await metric('weir_connections_shed_total')) >= 1);
      [...idle, ...halves, ...bodies].forEach((one) => one.destroy());
      assert.equal(upstream.calls().length, 8);
    }, { limits: { connections: 8, connections_per_address: 100 } });
  },

  async 'a flood of new connections does not push out those that have been served'() {
    await between({}, async (weir, upstream) => {
      await weir.settled();
      const served = [];
      for (let i = 0; i < 4; i++) served.push((await Wire.open(weir.url)).send(post(callBody())));
      for (const one of served) assert.equal((await one.answer()).status, 200);
      // The first of the flood find free places, the others those of the flood.
      const flood = [];
      for (let i = 0; i < 40; i++) flood.push((await Wire.open(weir.url)).send(i % 2 ? 'POST /mcp HTTP/1.1\r\n' : ''));
      await until(() => flood.filter((one) => !one.ended).length <= 4);
      for (const one of served) {
        assert.equal(one.ended, false);
        one.send(post(callBody()));
        assert.equal((await one.answer()).status, 200);
        one.destroy();
      }
      flood.forEach((one) => one.destroy());
      assert.equal(upstream.calls().length, 8);
    }, { threads: 1, limits: { connections: 8, connections_per_address: 100 } });
  },

  async 'one address has no more connections than its share; others come in'() {
    await between({}, async (weir, upstream) => {
      await weir.settled();
      const held = await heldByCalls(weir, upstream, 4);
      const refused = await Wire.open(weir.url);
      assert.equal((await refused.answer()).status, 503);
      refused.destroy();
      const other = await Wire.open(weir.url, { from: '127.0.0.2' });
      other.send(post(callBody()));
      assert.equal((await other.answer()).status, 200);
      other.destroy();
      held.forEach((one) => one.destroy());
      await until(async () => {
        const again = await Wire.open(weir.url);
        again.send(post(callBody()));
        const served = (await again.answer()).status === 200;
        again.destroy();
        return served;
      });
    }, { limits: { connections_per_address: 4 } });
  },

  async 'descriptors that run out: no spinning, and served again when they are back'() {
    const upstream = await Upstream.start();
    const weir = await Weir.start({ servers: { a: { url: upstream.url } } }, [], { descriptors: 200 });
    await weir.settled();
    assert.match(weir.log, /for lack of descriptors/);
    const cpu = () => fs.readFileSync(`/proc/${weir.child.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, one) => sum + Number(one), 0) * 10;
    const open = () => fs.readdirSync(`/proc/${weir.child.pid}/fd`).length;
    const sockets = [];
    for (let i = 0; i < 400; i++) {
      const socket = net.connect({ host: '127.0.0.1', port: Number(new URL(weir.url).port) });
      socket.on('error', () => {});
      sockets.push(socket);
      // A request that never ends.
      socket.write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    }
    await until(() => sockets.every((one) => !one.connecting));
    assert.ok(open() < 200);
    // Another address has room: descriptors are left for it and for upstreams.
    const other = await Wire.open(weir.url, { from: '127.0.0.2' });
    other.send(post(callBody()));
    assert.equal((await other.answer()).status, 200);
    other.destroy();
    const before = cpu();
    const begun = Date.now();
    await until(() => Date.now() - begun > 1000, 5000);
    const share = (cpu() - before) / (Date.now() - begun);
    assert.ok(share < 0.5, `busy for ${share} of a core while nothing happens`);
    sockets.forEach((one) => one.destroy());
    await until(async () => (await echo(weir).catch(() => ({}))).status === 200);
    assert.equal((await weir.stop()).code, 0);
    await upstream.stop();
  },

  async 'bodies that come slowly have so much room, and one address half of it'() {
    await between({}, async (weir, upstream) => {
      await weir.settled();
      const size = 3 * 1024 * 1024;
      const body = (id) => callBody(`"${id}"`, `{"t":"${'.'.repeat(size)}"}`);
      const text = (id, framing) => (framing ? post('', { lines: { 'Transfer-Encoding': 'chunked' }, length: null }) + `${body(id).length.toString(16)}\r\n${body(id)}\r\n0\r\n\r\n` : post(body(id)));
      // All but the last byte: the gateway holds it.
      const begin = async (id, from, chunked) => {
        const wire = await Wire.open(weir.url, { from });
        await wire.sendParts([text(id, chunked).slice(0, -1)]);
        return Object.assign(wire, { id, rest: text(id, chunked).slice(-1) });
      };
      const held = async () => Number(/^weir_buffer_bytes (\d+)/m.exec((await request('GET', weir.admin + '/metrics')).text)[1]);
      const first = await begin('first', '127.0.0.1', false);
      await until(async () => (await held()) > size);
      for (const chunked of [false, true]) {
        const second = await begin('second', '127.0.0.1', chunked);
        const answer = await second.answer();
        assert.deepEqual([answer.status, answer.headers['retry-after'], answer.headers.connection], [503, '1', 'close'], `chunked: ${chunked}`);
        await second.closed();
        second.destroy();
      }
      // Another address has room, up to what there is for all.
      const other = await begin('other', '127.0.0.2', true);
      await until(async () => (await held()) > 2 * size);
      const third = await begin('third', '127.0.0.3', false);
      assert.equal((await third.answer()).status, 503);
      third.destroy();
      // Small requests are served all the time.
      assert.equal((await echo(weir)).status, 200);
      for (const one of [first, other]) {
        one.send(one.rest);
        const answer = await one.answer();
        assert.deepEqual([answer.status, JSON.parse(answer.body).id], [200, one.id]);
        one.destroy();
      }
      const again = await begin('again', '127.0.0.3', true);
      again.send(again.rest);
      assert.equal((await again.answer()).status, 200);
      again.destroy();
      assert.deepEqual(upstream.calls().map((one) => one.parsed.params.arguments?.t?.length ?? 0), [0, size, size, size]);
    }, { limits: { buffers: '16MB' } });
  },
};

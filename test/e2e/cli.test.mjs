// The command line: what it prints where, and its exit codes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Upstream } from './upstream.mjs';
import { Weir, binary, until } from './weir.mjs';

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-cli-'));
process.on('exit', () => fs.rmSync(home, { recursive: true, force: true }));

// Runs a command to its end, in a folder without a weir.yaml.
function run(...args) {
  return new Promise((done) => {
    const child = spawn(binary, args, { cwd: home, env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home } });
    const got = { out: '', err: '' };
    child.stdout.on('data', (data) => (got.out += data));
    child.stderr.on('data', (data) => (got.err += data));
    child.on('close', (code) => done({ ...got, code }));
  });
}

function file(text, name = 't.yaml') {
  const where = path.join(home, name);
  fs.writeFileSync(where, typeof text === 'string' ? text : JSON.stringify(text));
  return where;
}

export const tests = {
  async 'every error ends its line'() {
    file('foo: 1\nbar: 2\n');
    assert.deepEqual(await run('check', 't.yaml'), { code: 2, out: '', err: 't.yaml:1:1: unknown key "foo"\nfoo: 1\n^\nt.yaml:2:1: unknown key "bar"\nbar: 2\n^\n' });
    assert.deepEqual(await run('check', 'none.yaml'), { code: 2, out: '', err: 'none.yaml: cannot read the file: No such file or directory\n' });
    file('servers: {demo: {builtin: demo}}\n');
    assert.deepEqual(await run('check', 't.yaml', '--log-level', 'loud'), { code: 2, out: '', err: '--log-level: "loud" must be debug, info, warn or error\n' });
  },

  async 'flags bind what the file may bind'() {
    const servers = 'servers: {demo: {builtin: demo}}\n';
    file(servers);
    const open = 'can be reached from other machines, and nothing asks callers who they are';
    for (const command of ['check', 'run']) {
      for (const [flag, key] of [['--listen', 'auth.bearer_tokens'], ['--admin', 'admin.token']]) {
        const got = await run(command, 't.yaml', flag, '0.0.0.0:0');
        assert.equal(got.code, 2);
        assert.equal(got.err, `${flag}: 0.0.0.0:0 ${open}: set ${key}, or listen on 127.0.0.1, or set allow_unauthenticated: true if something in front of Weir checks them\n`);
      }
    }
    assert.match((await run('run', '--listen', '[::]:0')).err, /^--listen: \[::\]:0 can be reached/);
    const both = await run('check', 't.yaml', '--listen', 'x', '--admin', '10.0.0.1:1');
    assert.match(both.err, /^--listen: "x" must be HOST:PORT.*\n--admin: 10\.0\.0\.1:1 can be reached.*\n$/);
    assert.match((await run('check', 't.yaml', '--listen', '127.0.0.1:9901')).err, /^--listen: 127\.0\.0\.1:9901 is used twice/);
    file(servers + 'allow_unauthenticated: true\n');
    const allowed = await run('check', 't.yaml', '--listen', '0.0.0.0:0');
    assert.deepEqual([allowed.code, allowed.err], [0, `--listen: warning: 0.0.0.0:0 ${open}\n`]);
  },

  async 'check warns of long names and of many tools'() {
    const long = 't'.repeat(70);
    const upstream = await Upstream.start({ tools: ['echo', long] });
    const crowd = await Upstream.start({ tools: Array.from({ length: 127 }, (_, i) => `tool${i}`) });
    const weir = await Weir.start({ servers: { one: { url: upstream.url }, two: { url: crowd.url } } });
    await weir.settled();
    const admin = weir.admin.replace('http://', '');
    file({ admin, servers: { one: { url: upstream.url } } });
    let got = await run('check', 't.yaml');
    assert.deepEqual(got, { code: 0, out: 't.yaml is good: 1 server\n', err: `t.yaml: warning: the tool name "${long}" has 70 characters, more than 60: some clients refuse it\n` });
    file({ admin, servers: { one: { url: upstream.url }, two: { url: crowd.url } } });
    got = await run('check', 't.yaml');
    const shown = (await (await fetch(weir.admin + '/tools')).json()).tools.find((tool) => tool.original === long).name;
    assert.equal(got.code, 0);
    assert.equal(got.err, `t.yaml: warning: the tool name "one__${long}" has 75 characters, more than 60: clients see "${shown}" instead\nt.yaml: warning: there are 129 tools; many clients take no more than 128\n`);
    file({ admin, servers: { two: { url: crowd.url }, three: { url: crowd.url } } });
    got = await run('check', 't.yaml');
    assert.deepEqual(got, { code: 0, out: `t.yaml is good: 2 servers\nnames were not checked of three: the gateway at ${admin} shows no tools of it\n`, err: '' });
    const twin = 's'.repeat(59);
    upstream.tools = crowd.tools = [twin];
    weir.write({ names: { prefix: 'never' }, servers: { a: { url: upstream.url }, b: { url: crowd.url } } });
    await until(async () => (await (await fetch(weir.admin + '/tools')).json()).tools.filter((tool) => tool.original === twin).length === 2);
    file({ admin, names: { prefix: 'never' }, servers: { a: { url: upstream.url }, b: { url: crowd.url } } });
    got = await run('check', 't.yaml');
    const second = (await (await fetch(weir.admin + '/tools')).json()).tools.find((tool) => tool.server === 'b').name;
    assert.equal(got.err, `t.yaml: warning: the tool name "b__${twin}" has 62 characters, more than 60: clients see "${second}" instead\n`);
    file({ admin, servers: { two: { url: crowd.url }, three: { url: crowd.url } } });
    await weir.stop();
    got = await run('check', 't.yaml');
    assert.deepEqual(got, { code: 0, out: `t.yaml is good: 2 servers\nnames were not checked because no gateway is running at ${admin}\n`, err: '' });
    const mute = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done) => mute.on('listening', done));
    const begun = Date.now();
    got = await run('check', 't.yaml', '--admin', `127.0.0.1:${mute.address().port}`);
    assert.ok(got.code === 0 && Date.now() - begun < 20000, `${got.err} ${Date.now() - begun} ms`);
    assert.match(got.out, /names were not checked because no gateway is running/);
    mute.close();
    await upstream.stop();
    await crowd.stop();
  },

  async 'the MCP endpoint is found through the operators\' address'() {
    const weir = await Weir.start({ servers: { demo: { builtin: 'demo' } } });
    await weir.settled();
    let endpoint = weir.url;
    const admin = http.createServer((request, response) => response.end(JSON.stringify({ endpoint, servers: [] }))).listen(0, '127.0.0.1');
    await new Promise((done) => admin.on('listening', done));
    const at = `127.0.0.1:${admin.address().port}`;
    const names = async (...args) => (await run('tools', ...args)).out.split('\n').map((line) => line.split(' ')[0]).filter(Boolean);
    const expected = await names('--listen', new URL(weir.url).host);
    assert.deepEqual(await names('--admin', new URL(weir.admin).host), expected);
    assert.equal(expected.length, 4);
    assert.deepEqual(await names('--admin', at), expected);
    assert.equal((await run('call', '--admin', at, 'echo', '{"text":"hi"}')).code, 0);
    endpoint = weir.url.replace('127.0.0.1', '0.0.0.0');
    assert.deepEqual(await names('--admin', at), expected);
    file({ listen: '127.0.0.1:0', admin: at });
    assert.deepEqual(await names('-c', 't.yaml'), expected);
    endpoint = undefined;
    assert.deepEqual(await run('tools', '--admin', at), { code: 1, out: '', err: `weir: the gateway at http://${at} does not say where its MCP endpoint is: give --listen\n` });
    admin.close();
    await weir.stop();
  },

  async 'the MCP address alone tells the status and nothing to operators'() {
    const weir = await Weir.start({ servers: { demo: { builtin: 'demo' } } });
    await weir.settled();
    const listen = new URL(weir.url).host;
    assert.deepEqual(await run('status', '--listen', listen), { code: 0, out: 'healthy\n', err: '' });
    assert.equal(JSON.parse((await run('status', '--json', '--listen', listen)).out).status, 'healthy');
    assert.match((await run('status', '--listen', listen, '--admin', new URL(weir.admin).host)).out, /^SERVER.*\ndemo /);
    for (const command of ['reload', 'rollback'])
      assert.deepEqual(await run(command, '--listen', listen), { code: 2, out: '', err: `weir: ${command} is asked for at the operators' address, not at the MCP address: give --admin\n` });
    const other = await run('tools', '--listen', '10.255.255.1:x');
    assert.deepEqual([other.code, other.err], [2, '--listen: "10.255.255.1:x" must end in a port from 0 to 65535\n']);
    await weir.stop();
  },

  async 'what is not Weir is told apart'() {
    const page = '<!DOCTYPE html><html><body>no</body></html>';
    const answers = [[404, page], [200, page], [200, '{}'], [501, page], [200, '[]'], [200, '']];
    for (const [status, body] of answers) {
      const other = http.createServer((request, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
      await new Promise((done) => other.on('listening', done));
      const at = `127.0.0.1:${other.address().port}`;
      for (const args of [['status'], ['status', '--json'], ['reload'], ['reload', '--json'], ['rollback'], ['tools'], ['tools', '--json'], ['call', 'echo']]) {
        for (const flag of ['--admin', '--listen']) {
          if (flag === '--listen' && /reload|rollback/.test(args[0])) continue;
          const got = await run(...args, flag, at);
          assert.equal(got.code, 1, args + flag);
          assert.equal(got.out, '', args + flag);
          assert.match(got.err, new RegExp(`^weir: what answers at http://${at}/\\w+ is not Weir \\(HTTP status ${status}\\)\n$`));
        }
      }
      other.close();
    }
    const weir = await Weir.start({ servers: { demo: { builtin: 'demo' } } });
    const at = new URL(weir.url).host;
    assert.deepEqual(await run('status', '--admin', at), { code: 1, out: '', err: `weir: http://${at}/servers refuses: nothing is here; the endpoint is /mcp (HTTP status 404)\n` });
    const unknown = await run('call', 'nothing', '--listen', at);
    assert.match(unknown.err, /^weir: [^{}]*nothing[^{}]*\n$/);
    await weir.stop();
  },

  async 'check and reload speak JSON'() {
    file('foo: 1\nservers: {}\nlistn: x\n');
    let got = await run('check', 't.yaml', '--json');
    assert.deepEqual([got.code, got.err], [2, '']);
    const error = { severity: 'error', file: 't.yaml', column: 1 };
    assert.deepEqual(JSON.parse(got.out), { ok: false, diagnostics: [{ ...error, line: 1, message: 'unknown key "foo"' }, { ...error, line: 3, message: 'unknown key "listn" (did you mean "listen"?)' }] });
    got = await run('check', 'none.yaml', '--json');
    assert.deepEqual([got.code, JSON.parse(got.out).ok, JSON.parse(got.out).diagnostics[0].line], [2, false, 0]);
    got = await run('check', '--json');
    assert.deepEqual([got.code, JSON.parse(got.out).ok, got.err], [2, false, '']);
    file({ mcpServers: { a: { command: 'x', autoApprove: [] } }, admin: false });
    got = await run('check', 't.yaml', '--json');
    assert.equal(got.code, 0);
    const { ok, diagnostics } = JSON.parse(got.out);
    assert.deepEqual([ok, diagnostics.length, diagnostics[0].severity], [true, 1, 'warning']);
    assert.deepEqual(await run('check', 't.yaml'), { code: 0, out: 't.yaml is good: 1 server\nnames were not checked because admin is off, so no gateway can be asked for its tools\n', err: 't.yaml:1:35: warning: the client\'s own key "autoApprove" is ignored\n{"mcpServers":{"a":{"command":"x","autoApprove":[]}},"admin":false}\n' + ' '.repeat(34) + '^\n' });

    const weir = await Weir.start({ servers: { demo: { builtin: 'demo' } } });
    await weir.settled();
    weir.write('frob: 1\nfrib: 2\n');
    const admin = new URL(weir.admin).host;
    got = await run('reload', '--json', '--admin', admin);
    assert.deepEqual([got.code, got.err], [1, '']);
    assert.equal(JSON.parse(got.out).ok, false);
    got = await run('reload', '--admin', admin);
    assert.deepEqual([got.code, got.out], [1, '']);
    assert.match(got.err, /^.*:1:1: unknown key "frob"\nfrob: 1\n\^\n.*:2:1: unknown key "frib"\nfrib: 2\n\^\n$/);
    await weir.stop();
  },

  async 'user info of a URL is decoded for Basic authentication'() {
    const upstream = await Upstream.start();
    const weir = await Weir.start({ servers: { a: { url: upstream.url.replace('http://', 'http://us%40er:s3cret@') } } });
    await weir.settled();
    assert.equal(upstream.seen[0].headers.authorization, `Basic ${Buffer.from('us@er:s3cret').toString('base64')}`);
    await weir.stop();
    await upstream.stop();
    file('servers: {a: {url: "http://u:100%@h/mcp"}}\n');
    const got = await run('check', 't.yaml');
    assert.equal(got.code, 2);
    assert.match(got.err, /^t\.yaml:1:20: "url" must have two hex digits after each % /);
  },
};

// `resolve: dns`: each address of a name is an endpoint, for as long as the name stands for it. What counts is what the
// servers saw.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { NameServer } from './name_server.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, answerOf, ask, request, until } from './weir.mjs';

const one = '127.0.0.1';
const two = '127.0.0.2';
const three = '127.0.0.3';
const balancing = { strategy: 'round_robin' };

// The same server on several addresses, all on one port.
async function replicas(addresses, options = {}) {
  for (let tries = 0; ; ++tries) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    const all = {};
    try {
      for (const host of addresses) all[host] = await Upstream.start({ ...options, host, port });
      return { all, port, stop: () => Promise.all(Object.values(all).map((each) => each.stop())) };
    } catch (error) {
      await Promise.all(Object.values(all).map((each) => each.stop()));
      if (error.code !== 'EADDRINUSE' || tries > 50) throw error;
    }
  }
}

const call = (weir, name = 'echo') => ask(weir.url, 'tools/call', `"name":"${name}","arguments":{}`, { name });
const good = (answer) => assert.ok(JSON.parse(answer.text).result, answer.text);
const endpoints = async (weir) => answerOf(await request('GET', weir.admin + '/health')).servers.s.endpoints;
const states = async (weir) => Object.fromEntries((await endpoints(weir)).map((each) => [new URL(each.address).hostname, each.state]));
const healthy = async (weir, ...addresses) => {
  const now = Object.entries(await states(weir));
  return now.length === addresses.length && now.every(([address, state]) => state === 'healthy' && addresses.includes(address));
};
const lines = (weir, what) => weir.log.split('\n').filter((line) => line.includes(what));
const failed = 'a host name cannot be resolved';
const again = 'a host name can be resolved again';

// Runs `work` with a name server, replicas, and a gateway before them.
async function named(records, work, { addresses = [one, two, three], options = {}, server = () => ({}) } = {}) {
  const names = await NameServer.start(records);
  const servers = await replicas(addresses, options);
  const config = (more = {}) => ({
    servers: { s: { url: `http://tools.test:${servers.port}/mcp`, resolve: `dns://${names.address}`, load_balancing: balancing, ...server(servers.port), ...more } },
  });
  const weir = await Weir.start(config());
  // Calls until `count` have come in; how many each replica got.
  const spread = async (count) => {
    const before = Object.fromEntries(addresses.map((each) => [each, servers.all[each].calls().length]));
    for (let i = 0; i < count; ++i) good(await call(weir));
    return Object.fromEntries(addresses.map((each) => [each, servers.all[each].calls().length - before[each]]));
  };
  try {
    await work({ weir, names, servers: servers.all, port: servers.port, spread, config });
  } finally {
    const how = await weir.stop();
    await servers.stop();
    await names.stop();
    assert.equal(how.code, 0, weir.log);
  }
}

export const tests = {
  'every address of the name gets calls, and is told the name': () =>
    named({ 'tools.test': [one, two, three] }, async ({ weir, servers, port, spread }) => {
      await until(() => healthy(weir, one, two, three));
      const got = await spread(30);
      for (const each of [one, two, three]) assert.ok(got[each] >= 9, JSON.stringify(got));
      for (const each of Object.values(servers)) for (const seen of each.seen) assert.equal(seen.headers.host, `tools.test:${port}`);
      assert.deepEqual((await endpoints(weir)).map((each) => each.address).sort(), [one, two, three].map((each) => `http://${each}:${port}/mcp`));
    }),

  'an address that vanishes finishes what it has and gets nothing new; one that appears gets calls': async () => {
    const held = [];
    const options = { tools: ['echo', 'hold'], call: (parsed, { result }) => {
      const answer = () => result('{"resultType":"complete","content":[]}');
      if (parsed.params.name === 'hold') held.push(answer);
      else answer();
    } };
    await named({ 'tools.test': [one, two] }, async ({ weir, names, servers, spread }) => {
      await until(() => healthy(weir, one, two));
      const waiting = [call(weir, 'hold'), call(weir, 'hold')];
      await until(() => held.length === 2);
      assert.equal(servers[two].calls().length, 1, 'one is held there');
      names.records['tools.test'] = [one, three];
      await until(async () => {
        const now = await states(weir);
        return now[two] === 'draining' && now[three] === 'healthy';
      });
      const got = await spread(20);
      assert.equal(got[two], 0, JSON.stringify(got));
      assert.ok(got[one] >= 9 && got[three] >= 9, JSON.stringify(got));
      const before = servers[two].seen.length;
      held.forEach((answer) => answer());
      (await Promise.all(waiting)).forEach(good);
      await until(() => healthy(weir, one, three));
      assert.equal(servers[two].seen.length, before, 'not even a probe');
      assert.equal(lines(weir, failed).length, 0);
      names.records['tools.test'] = [one, two, three];
      await until(() => healthy(weir, one, two, three));
      assert.ok((await spread(30))[two] >= 9);
    }, { options });
  },

  'a name server that fails takes no endpoint away': () =>
    named({ 'tools.test': [one, two] }, async ({ weir, names, spread }) => {
      await until(() => healthy(weir, one, two));
      let times = 0;
      for (const how of [undefined, 'servfail', [], 'silent', { A: 'servfail', AAAA: [] }]) {
        names.records['tools.test'] = how;
        await until(() => lines(weir, failed).length === times + 1);
        const asked = names.count('tools.test');
        const before = lines(weir, failed).length;
        if (how !== 'silent') await until(() => names.count('tools.test') > asked);
        const got = await spread(10);
        assert.ok(got[one] === 5 && got[two] === 5, JSON.stringify([how, got]));
        assert.ok(await healthy(weir, one, two));
        assert.equal(lines(weir, failed).length, before, 'said once');
        names.records['tools.test'] = [one, two];
        await until(() => lines(weir, again).length === times + 1, 45000);
        ++times;
      }
      assert.match(lines(weir, failed)[0], /no such name/);
      assert.match(lines(weir, failed)[1], /refuse or fail/);
      assert.match(lines(weir, failed)[2], /has no address/);
      assert.match(lines(weir, failed)[3], /no name server answers in time/);
      // A test's own process stands still now and then: its servers' health is not the matter here.
    }, { server: () => ({ health_check: { unhealthy_threshold: 1000 } }) }),

  'one family that has no answer takes none of its addresses away': () =>
    named({ 'tools.test': [one, two] }, async ({ weir, names, spread }) => {
      await until(() => healthy(weir, one, two));
      names.records['tools.test'] = { A: [one], AAAA: 'servfail' };
      await until(() => healthy(weir, one));
      assert.equal((await spread(6))[one], 6);
      assert.equal(lines(weir, failed).length, 0);
    }),

  'calls wait for a name that is looked up; one that is none is an error until it is one': async () => {
    await named({ 'tools.test': 'silent' }, async ({ weir, names, spread }) => {
      assert.deepEqual(await endpoints(weir), []);
      const [server] = await weir.servers();
      assert.equal(server.state, 'starting');
      assert.match(server.address, /^http:\/\/tools\.test:\d+\/mcp$/);
      const waiting = call(weir);
      await until(() => names.count('tools.test') > 0);
      names.records['tools.test'] = [one];
      good(await waiting);
      assert.equal((await spread(4))[one], 4);
    });
    await named({}, async ({ weir, names }) => {
      await until(async () => (await weir.servers())[0].state === 'unreachable');
      assert.match((await weir.servers())[0].reason, /cannot resolve tools\.test: no such name/);
      assert.match((await call(weir)).text, /no such name/);
      names.records['tools.test'] = [two];
      await until(() => healthy(weir, two));
      good(await call(weir));
      await until(() => lines(weir, again).length === 1);
    });
  },

  'weights are those of the configured endpoint, for each of its addresses; a reload changes them': () =>
    named(
      { 'a.test': [one, two], 'b.test': [three] },
      async ({ weir, servers, port, spread, config }) => {
        await until(() => healthy(weir, one, two, three));
        const got = await spread(70);
        assert.ok(Math.abs(got[one] - 30) < 5 && Math.abs(got[two] - 30) < 5 && Math.abs(got[three] - 10) < 5, JSON.stringify(got));
        const begun = servers[one].seen.filter((seen) => seen.method === 'server/discover').length;
        weir.write(config({ endpoints: [{ url: `http://a.test:${port}/mcp`, weight: 1 }, { url: `http://b.test:${port}/mcp`, weight: 5 }], url: undefined }));
        await until(async () => (await endpoints(weir)).some((each) => each.weight === 5));
        const then = await spread(70);
        assert.ok(Math.abs(then[one] - 10) < 5 && Math.abs(then[two] - 10) < 5 && Math.abs(then[three] - 50) < 5, JSON.stringify(then));
        // Another name for the same address: whoever is there is told that one.
        weir.write(config({ endpoints: [{ url: `http://b.test:${port}/mcp`, weight: 1 }, { url: `http://${one}:${port}/mcp`, weight: 1 }], url: undefined }));
        await until(() => healthy(weir, one, three));
        const last = await spread(10);
        assert.deepEqual([last[one], last[two], last[three]], [5, 0, 5]);
        assert.ok(begun >= 1);
        assert.equal(servers[one].calls().at(-1).headers.host, `${one}:${port}`);
        assert.equal(servers[three].calls().at(-1).headers.host, `b.test:${port}`);
      },
      { server: (port) => ({ url: undefined, endpoints: [{ url: `http://a.test:${port}/mcp`, weight: 3 }, { url: `http://b.test:${port}/mcp`, weight: 1 }], load_balancing: { strategy: 'weighted_round_robin' } }) },
    ),

  'a certificate is that of the name': async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-dns-'));
    const [key, cert] = ['key', 'cert'].map((name) => path.join(folder, name + '.pem'));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=tools.test', '-addext', 'subjectAltName=DNS:tools.test', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const seen = new Set();
    const tls = { key: fs.readFileSync(key), cert: fs.readFileSync(cert), SNICallback: (name, done) => (seen.add(name), done(null)) };
    const server = (port) => ({ url: `https://tools.test:${port}/mcp`, tls: { ca: cert } });
    await named({ 'tools.test': [one, two] }, async ({ weir, spread }) => {
      await until(() => healthy(weir, one, two));
      const got = await spread(10);
      assert.deepEqual([got[one], got[two]], [5, 5]);
      assert.deepEqual([...seen], ['tools.test']);
    }, { addresses: [one, two], options: { tls }, server });
    fs.rmSync(folder, { recursive: true });
  },

  'addresses of IPv6 stand in brackets': async () => {
    if (!Object.values(os.networkInterfaces()).flat().some((each) => each.address === '::1')) return 'no IPv6 here';
    await named({ 'tools.test': { A: [], AAAA: ['::1'] } }, async ({ weir, port, spread }) => {
      await until(async () => (await endpoints(weir))[0]?.state === 'healthy');
      assert.equal((await endpoints(weir))[0].address, `http://[::1]:${port}/mcp`);
      assert.equal((await spread(3))['::1'], 3);
    }, { addresses: ['::1'] });
  },
};

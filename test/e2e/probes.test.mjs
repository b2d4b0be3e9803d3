// What is evidence of an endpoint's health and what must never be: probes of all kinds, and calls in their place.
import assert from 'node:assert/strict';
import http from 'node:http';
import { allOk, both, calls, counted, crowd, endpoint, even, events, forget, outcomes, pool, seen, served, turns, wait } from './crowd.mjs';
import { OpenLoop, call, metric, until } from './replicas.mjs';
import { accept, ask, request } from './weir.mjs';

const use = pool();

export const tests = {
  async 'one whose probes fail while calls are answered is not taken out'() {
    await both(async (era) => {
      const replicas = await use(2, { era });
      await served(replicas, { weather: { ...even, health_check: { interval: '50ms', timeout: '700ms' } } }, async (weir) => {
        // Old clients have their sessions before: opening one is no call.
        allOk(await calls(weir.url, 40, { make: crowd }));
        const load = new OpenLoop(weir.url, { rate: 24, clients: 20 });
        await replicas[0].fault('hang', { only: 'probes' });
        // Between two calls there is time for a probe, and in a probe's time there are calls.
        await turns(weir, replicas[0], 'degraded');
        assert.match((await endpoint(weir, replicas[0])).reason, /probes fail while calls succeed/);
        const before = await counted(replicas);
        await until(async () => (await counted(replicas)).every((count, i) => count > before[i] + 5), 20000, 'calls at both');
        allOk(await load.stop(), era);
        assert.ok(!events(weir).some((line) => line.message === 'unhealthy'), weir.log);
      });
    });
  },

  async 'what is not the server\'s doing says nothing of its health'() {
    await both(async (era) => {
      const replicas = await use(2, { era });
      await served(replicas, { weather: even }, async (weir) => {
        const all = async (what, count, make, wanted) => {
          const records = await calls(weir.url, count, { width: 10, make });
          assert.deepEqual(Object.keys(outcomes(records)), [wanted], `${era} ${what}: ${JSON.stringify(records[0])}`);
        };
        await all('tool errors', 40, () => ({ tool: 'fail' }), 'tool_error');
        await all('JSON-RPC errors', 40, () => ({ tool: 'rpc_error' }), 'rpc_error');
        await all('unknown tools', 20, () => ({ tool: 'nobody' }), 'rpc_error');
        await all('clients that leave', 30, () => ({ tool: 'slow', args: { ms: 1500 }, abort: 100 }), 'aborted');
        await all('slow tools', 20, () => ({ tool: 'slow', args: { ms: 800 } }), 'ok');
        await Promise.all(Array.from({ length: 20 }, () => request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28' }, '{"jsonrpc":"2.0",')));
        await Promise.all(Array.from({ length: 20 }, () => ask(weir.url, 'tools/call', '"name":5', { name: 'echo' })));
        await Promise.all(Array.from({ length: 20 }, () => ask(weir.url, 'no/such', '')));
        for (const one of replicas) {
          assert.equal((await endpoint(weir, one)).state, 'healthy', era);
          assert.deepEqual((await metric(weir, 'weir_endpoint_state', { endpoint: one.url, state: 'healthy' })).map(({ value }) => value), [1]);
        }
        const bad = events(weir).filter((line) => ['unhealthy', 'degraded'].includes(line.message));
        assert.deepEqual(bad, [], era);
        assert.equal((await request('GET', new URL('/health', weir.url).href)).text.includes('"healthy"'), true);
      });
    });
  },

  async 'an idle one is asked at the interval'() {
    await both(async (era) => {
      const probe = era === 'new' ? 'discover' : 'ping';
      const replicas = await use(2, { era });
      await served(replicas, { weather: { ...even, health_check: { interval: '600ms', jitter: 0 } } }, async (weir) => {
        const probes = async () => (await Promise.all(replicas.map((one) => one.counters(Infinity)))).map((book) => book.probes[probe]);
        const idle = await probes();
        const begun = Date.now();
        await until(async () => (await probes()).every((count, i) => count - idle[i] >= 4), 30000, 'probes of idle ones');
        const span = Date.now() - begun;
        const most = (await probes()).map((count, i) => count - idle[i]);
        assert.ok(span > 1500 && most.every((count) => count <= 2 + span / 500), `${era}: ${most} probes in ${span} ms`);
      });
    });
  },

  async 'calls are as good as probes: a busy one is not asked'() {
    const replicas = await use(2);
    await served(replicas, { weather: { ...even, health_check: { interval: '600ms', jitter: 0 } } }, async (weir) => {
      const load = new OpenLoop(weir.url, { rate: 200 });
      await until(async () => (await counted(replicas)).every((count) => count > 20), 10000, 'calls');
      const probes = async () => (await Promise.all(replicas.map((one) => one.counters(Infinity)))).map((book) => book.probes.discover);
      const before = await probes();
      await wait(2400);
      const busy = (await probes()).map((count, i) => count - before[i]);
      allOk(await load.stop());
      assert.ok(busy.every((count) => count <= 1), `${busy} probes in 2.4 s of calls`);
    });
  },

  async 'balancers in front see how it is in one word'() {
    const replicas = await use(2);
    await served(replicas, { weather: {} }, async (weir) => {
      const word = async () => ((answer) => [answer.status, JSON.parse(answer.text)])(await request('GET', new URL('/health', weir.url).href));
      assert.deepEqual(await word(), [200, { status: 'healthy' }]);
      await replicas[0].fault('refuse');
      await turns(weir, replicas[0], 'unhealthy');
      assert.deepEqual(await word(), [200, { status: 'degraded' }]);
      await replicas[1].fault('refuse');
      await turns(weir, replicas[1], 'unhealthy');
      assert.deepEqual(await word(), [503, { status: 'unhealthy' }]);
    });
  },

  async 'a server that fails call after call does not flood the log'() {
    const [replica] = await use(1);
    await served([replica], { weather: {} }, async (weir) => {
      await replica.fault('s500', { only: 'calls' });
      assert.deepEqual(outcomes(await calls(weir.url, 200)), { rpc_error: 200 });
      await turns(weir, replica, 'unhealthy');
      const said = events(weir);
      assert.ok(said.length > 0 && said.length <= 20, `${said.length} events of one endpoint: ${JSON.stringify(said.slice(-2))}`);
    });
  },

  async 'probes by connecting and by a GET'() {
    const replicas = await use(2);
    await served(replicas, { weather: { health_check: { type: 'tcp', interval: '100ms' } } }, async (weir) => {
      const before = (await replicas[0].counters()).probes;
      await until(async () => (await replicas[0].counters()).probes.connects >= before.connects + 3, 20000, 'connections');
      const after = (await replicas[0].counters()).probes;
      assert.deepEqual([after.discover, after.health], [before.discover, 0], 'nothing is asked');
      await replicas[0].fault('hang');
      await wait(500);
      assert.equal((await endpoint(weir, replicas[0])).state, 'healthy', 'who accepts is there');
      await replicas[0].fault('refuse');
      await turns(weir, replicas[0], 'unhealthy');
      await replicas[0].heal();
      await turns(weir, replicas[0], 'healthy');
    });
    const paths = [];
    const fake = http.createServer((request, response) => {
      if (request.method === 'GET') {
        paths.push(request.url);
        return response.writeHead(paths.at.status ?? 204).end();
      }
      // The rest is the replica's.
      const on = http.request(replicas[1].url, { method: request.method, headers: request.headers }, (answer) => (response.writeHead(answer.statusCode, answer.headers), answer.pipe(response)));
      on.on('error', () => response.destroy());
      request.pipe(on);
    });
    await new Promise((done) => fake.listen(0, '127.0.0.1', done));
    const other = { url: `http://127.0.0.1:${fake.address().port}/mcp`, id: 'fake', thaw() {} };
    let status = 204;
    Object.defineProperty(paths.at, 'status', { get: () => status, configurable: true });
    try {
      await served([replicas[0], other], { weather: { health_check: { type: 'http', path: '/health?deep=1', expected_status: [200, 204], interval: '100ms' } } }, async (weir) => {
        await until(async () => paths.length >= 3 && (await replicas[0].counters()).probes.health >= 3, 20000, 'GETs');
        assert.deepEqual([...new Set(paths)], ['/health?deep=1']);
        status = 500;
        await turns(weir, other, 'unhealthy');
        await seen(weir, other, /500/);
        allOk(await calls(weir.url, 20));
        status = 200;
        await turns(weir, other, 'healthy');
      });
    } finally {
      delete paths.at.status;
      fake.closeAllConnections();
      await new Promise((done) => fake.close(done));
    }
  },

  async 'one endpoint is never taken out, and says how it is'() {
    const [replica] = await use(1);
    await served([replica], { weather: { health_check: { interval: '100ms' }, outlier_detection: { window: '1s' }, timeout: { request: '300ms' } } }, async (weir) => {
      await replica.fault('hang');
      await calls(weir.url, 12, { width: 6 });
      await wait(800);
      await forget([replica]);
      await calls(weir.url, 6, { width: 6 });
      assert.deepEqual(await counted([replica]), [6], 'calls are tried');
      const one = await endpoint(weir, replica);
      assert.equal(one.state, 'degraded', JSON.stringify(one));
      assert.ok(one.reason);
      await replica.heal();
      allOk(await calls(weir.url, 6));
      await turns(weir, replica, 'healthy');
    });
  },
};

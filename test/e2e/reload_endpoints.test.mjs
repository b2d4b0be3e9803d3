// The endpoints of a running server change under calls: nothing is lost, and who stays notices nothing.
import assert from 'node:assert/strict';
import http from 'node:http';
import { allOk, calls, counted, endpoint, forget, pool, row, served, turns } from './crowd.mjs';
import { call, change, metric, now, until } from './replicas.mjs';
import { request } from './weir.mjs';

const use = pool();
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// Twenty connections that call one after another until they are stopped; stop(): all that came.
function twenty(url, make = () => ({})) {
  let over = false;
  const batches = [];
  const run = (async () => {
    while (!over) batches.push(...(await calls(url, 200, { width: 20, make })));
  })();
  return { stop: async () => ((over = true), await run, batches) };
}
const config = (list, keys = {}) => ({ servers: { weather: { endpoints: list, load_balancing: { strategy: 'round_robin' }, retry: false, ...keys } } });
// A call that this replica has under way until it is released.
async function callAt(weir, replica, replicas) {
  for (let n = 0; ; ++n) {
    const id = `held${n}`;
    const answer = call(weir.url, { id, tool: 'slow', args: { held: true }, patience: 20000, from: `127.3.0.${n + 1}` });
    const there = until(async () => (await replica.counters()).calls.some((one) => one.id === id), 300, id).catch(() => false);
    if (await there) return { answer, release: () => Promise.all(replicas.map((one) => one.release())) };
  }
}
const met = async (replica) => ((book) => ({ sessions: book.sessions_made, initialize: book.probes.initialize, list: book.probes.list }))(await replica.counters());

async function run(era) {
  const replicas = await use(4, { era });
  const [a, b, c, d] = replicas;
  const at = (one, more = {}) => ({ url: one.url, ...more });
  const from = (n) => ({ from: `127.0.0.${10 + (n % 20)}` });
  await served([a, b, c], { weather: { load_balancing: { strategy: 'round_robin' }, retry: false } }, async (weir) => {
    // Old clients have their sessions.
    allOk(await calls(weir.url, 60, { make: from }));
    await forget(replicas);
    const load = twenty(weir.url, from);
    await until(async () => (await counted([a, b, c])).every((count) => count > 20), 20000, 'calls');

    const sessions = async (since) => Promise.all([a, b].map(async (one) => new Set((await one.counters(since)).calls.map(({ session }) => session))));
    const first = await sessions(0);

    // One more.
    await change(weir, config([at(a), at(b), at(c), at(d)]));
    await turns(weir, d, 'healthy');
    if (era === 'new') await until(async () => (await counted([d]))[0] > 20, 20000, 'calls at the new one');
    else assert.ok((await calls(weir.url, 20, { make: (n) => ({ from: `127.2.0.${n + 1}` }) })).some((one) => one.replica === d.id), 'newcomers go there');

    // One less, with a call under way.
    const held = await callAt(weir, c, replicas);
    await change(weir, config([at(a), at(b), at(d)]));
    assert.equal((await endpoint(weir, c)).state, 'draining');
    assert.deepEqual((await metric(weir, 'weir_endpoint_state', { endpoint: c.url, state: 'draining' })).map(({ value }) => value), [1]);
    const left = (await counted([c]))[0];
    await wait(300);
    assert.equal((await counted([c]))[0], left, 'it gets nothing new');
    await held.release();
    const done = await held.answer;
    assert.deepEqual([done.outcome, done.replica], ['ok', c.id], 'what was under way ends well');
    await until(async () => !(await endpoint(weir, c)), 20000, 'it to be shown no more');
    assert.equal((await counted([c]))[0], left);

    // Another weight, and another way.
    await change(weir, config([at(a, { weight: 3 }), at(b), at(d)], { load_balancing: { strategy: 'weighted_round_robin' } }));
    const server = await row(weir);
    assert.equal(server.strategy, 'weighted_round_robin');
    assert.deepEqual(server.endpoints.map(({ weight }) => weight), [3, 1, 1]);
    if (era === 'new') {
      const base = await counted([a, b, d]);
      await until(async () => {
        const now = (await counted([a, b, d])).map((count, i) => count - base[i]);
        return now[1] > 40 && now[0] > now[1] * 2.5 && now[0] < now[1] * 3.5;
      }, 20000, 'three times as many calls');
    }
    for (const strategy of ['least_connections', 'random', 'consistent_hash', 'adaptive_latency', 'round_robin'])
      await change(weir, config([at(a), at(b), at(d)], { load_balancing: { strategy } }));
    assert.equal((await row(weir)).strategy, 'round_robin');

    const late = now();
    await until(async () => (await a.counters(late)).calls.length + (await b.counters(late)).calls.length > 200, 20000, 'calls after it all');
    const records = await load.stop();
    allOk(records, `${era}: under the reloads`);
    const ran = (await Promise.all(replicas.map((one) => one.counters()))).flatMap((book) => book.calls.map(({ id }) => id));
    const ids = new Set(records.map((one) => one.id));
    assert.equal(ran.filter((id) => ids.has(id)).length, ids.size, 'each ran once');
    // Who stays is not greeted anew, and who had a session there has it still.
    const after = await Promise.all([a, b].map(met));
    if (era === 'new') assert.deepEqual(after.map(({ sessions: made, initialize }) => [made, initialize]), [[0, 0], [0, 0]]);
    for (const { list } of after) assert.ok(list <= 1, `${list} lists`);
    const last = await sessions(late);
    if (era === 'old') first.forEach((before, i) => before.forEach((one) => assert.ok(last[i].has(one), `a session of ${['a', 'b'][i]} is used no more`)));
    for (const one of [a, b]) {
      const lines = weir.log.split('\n').filter((line) => line.includes('"module":"health"') && line.includes(one.url));
      assert.ok(lines.every((line) => line.includes('"message":"healthy"')), `${one.id} was healthy all along: ${lines.join('\n')}`);
    }
  });
}

export const tests = {
  async 'a key in an endpoint\'s URL that becomes another one is used from then on'() {
    const [here, other] = await use(2);
    const paths = new Set();
    const proxy = http.createServer((request, response) => {
      paths.add(request.url);
      const on = http.request(here.url, { method: request.method, headers: request.headers }, (answer) => (response.writeHead(answer.statusCode, answer.headers), answer.pipe(response)));
      on.on('error', () => response.destroy());
      request.pipe(on);
    });
    await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${proxy.address().port}/mcp`;
    try {
      await served([other], { weather: {} }, async (weir) => {
        await change(weir, config([{ url: `${url}?key=old` }, { url: other.url }]));
        await turns(weir, url, 'healthy');
        allOk(await calls(weir.url, 20));
        assert.deepEqual([...paths], ['/mcp?key=old']);
        await change(weir, config([{ url: `${url}?key=new` }, { url: other.url }]));
        await until(() => paths.has('/mcp?key=new'), 10000, `the new key; only ${[...paths]} came`);
        await turns(weir, url, 'healthy');
        paths.clear();
        allOk(await calls(weir.url, 20));
        assert.deepEqual([...paths], ['/mcp?key=new']);
      });
    } finally {
      proxy.closeAllConnections();
      await new Promise((done) => proxy.close(done));
    }
  },

  async 'an endpoint that is taken back while it drains has no series twice'() {
    const replicas = await use(2);
    await served(replicas, { weather: { retry: false } }, async (weir) => {
      const held = await callAt(weir, replicas[1], replicas);
      await change(weir, config([{ url: replicas[0].url }]));
      assert.equal((await endpoint(weir, replicas[1])).state, 'draining');
      await change(weir, config(replicas.map(({ url }) => ({ url }))));
      const series = (await request('GET', weir.admin + '/metrics')).text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
      const twice = series.filter((one, i) => series.indexOf(one) !== i);
      assert.deepEqual(twice, [], 'a scrape with these is refused whole');
      await held.release();
      assert.equal((await held.answer).outcome, 'ok');
      await until(async () => (await row(weir)).endpoints.length === 2, 20000, 'one row each');
      allOk(await calls(weir.url, 20));
    });
  },

  async 'under twenty connections: added, removed, weighed and chosen otherwise, and no call is lost (new)'() {
    await run('new');
  },
  async 'under twenty connections: added, removed, weighed and chosen otherwise, and no call is lost (old)'() {
    await run('old');
  },
};

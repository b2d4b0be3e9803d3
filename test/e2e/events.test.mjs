// The live feed of the admin address, read as the dashboard reads it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { allOk, calls, pool, served } from './crowd.mjs';
import { Live } from './live.mjs';
import { until } from './replicas.mjs';
import { Weir, request } from './weir.mjs';

const use = pool();
const rss = (weir) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${weir.child.pid}/status`, 'utf8'))[1]) * 1024;

export const tests = {
  async 'a whole snapshot comes first, then rows that have changed, and no others'() {
    const replicas = await use(2);
    await served(replicas, { weather: {}, calm: { load_balancing: { strategy: 'random' } } }, async (weir) => {
      const live = await Live.open(weir);
      assert.equal(live.headers['content-type'], 'text/event-stream');
      await live.until(() => live.messages.length > 0, 'a snapshot');
      const { type, data } = live.messages[0];
      assert.equal(type, 'snapshot');
      assert.equal(data.status, 'healthy');
      assert.equal(data.draining, false);
      assert.deepEqual(data.order, ['weather', 'calm']);
      assert.deepEqual(data.servers.map((one) => [one.name, one.state, one.health, one.strategy, one.tools]), [['weather', 'ready', 'healthy', 'adaptive_latency', 6], ['calm', 'ready', 'healthy', 'random', 6]]);
      for (const one of data.servers) {
        assert.ok(Date.parse(one.since) && Date.parse(one.health_since));
        assert.deepEqual(one.endpoints.map((end) => [end.address, end.state, end.in_flight, end.weight, end.priority]), replicas.map((replica) => [replica.url, 'healthy', 0, 1, 0]));
      }
      assert.ok(data.events.some((event) => event.kind === 'reload' && event.text.startsWith('configuration taken (start)')));
      assert.ok(data.events.some((event) => event.kind === 'endpoint' && event.server === 'calm' && event.endpoint === replicas[0].url && event.good));

      // Rates are there from the second look on; from then on only one server has any.
      await live.until(() => live.servers.get('calm').rates, 'rates');
      const from = live.messages.length;
      while (live.messages.length < from + 4) allOk(await calls(weir.url + '/weather', 20));
      const later = live.messages.slice(from).map((message) => (assert.equal(message.type, 'update'), message.data));
      assert.deepEqual([...new Set(later.flatMap((one) => (one.servers ?? []).map(({ name }) => name)))], ['weather']);
      const { rates, latency } = live.servers.get('weather');
      assert.ok(rates.requests > 0 && rates.errors === 0, JSON.stringify(rates));
      assert.ok(latency.p50 > 0 && latency.p99 >= latency.p50, JSON.stringify(latency));
      assert.ok(live.head.total.rates.requests > 0 && live.head.total.overhead.p99 > 0 && live.head.total.latency.p99 > 0, JSON.stringify(live.head));
      // Its own clock: while no state changes there is a second between two updates.
      const times = later.filter((one) => !one.events).map((one) => Date.parse(one.at));
      for (let i = 1; i < times.length; ++i) assert.ok(times[i] - times[i - 1] >= 900, String(times));
      live.close();
    });
  },

  async 'a fault is told with its reason, as a row and as an event'() {
    const replicas = await use(3);
    await served(replicas, { weather: {} }, async (weir) => {
      const live = await Live.open(weir);
      await live.until(() => live.endpoint(replicas[1])?.state === 'healthy', 'a healthy endpoint');
      await replicas[1].fault('s503');
      const sick = await live.until(() => ((one) => one.state === 'unhealthy' && one)(live.endpoint(replicas[1])), 'an unhealthy endpoint');
      assert.match(sick.reason, /503/);
      assert.ok(Date.parse(sick.since));
      await live.until(() => live.servers.get('weather').health === 'degraded' && live.head.status === 'degraded', 'a degraded server');
      await live.until(() => live.events.some((one) => one.kind === 'endpoint' && !one.good && one.endpoint === replicas[1].url && /^unhealthy: .*503/.test(one.text)), 'an event');
      await live.until(() => live.events.some((one) => one.kind === 'server' && one.server === 'weather' && /^degraded/.test(one.text)), 'the server\'s event');
      await replicas[1].heal();
      await live.until(() => live.endpoint(replicas[1]).state === 'healthy' && live.head.status === 'healthy', 'all well again');
      live.close();
    });
  },

  async 'panic, reloads good and bad, and draining are told'() {
    const replicas = await use(3);
    const servers = (names) => ({ servers: Object.fromEntries(names.map((name) => [name, { endpoints: replicas.map(({ url }) => ({ url })) }])) });
    await served(replicas, { weather: {} }, async (weir) => {
      const live = await Live.open(weir);
      for (const one of replicas.slice(0, 2)) await one.fault('refuse');
      await live.until(() => live.servers.get('weather')?.panic, 'panic');
      for (const one of replicas) await one.heal();
      await live.until(() => !live.servers.get('weather').panic, 'no panic');
      weir.write(servers(['calm', 'weather']));
      await live.until(() => live.order.join() === 'calm,weather' && live.servers.get('calm')?.health === 'healthy', 'a new server');
      weir.write(servers(['calm']));
      await live.until(() => live.order.join() === 'calm', 'one gone');
      weir.write('servers: {a: {urll: x}}');
      await live.until(() => live.events.some((one) => one.kind === 'reload' && !one.good && /configuration refused \(file\): .*urll/.test(one.text)), 'a refused file');
      assert.ok(live.events.some((one) => one.kind === 'reload' && /configuration taken \(file\): 1 added, 0 removed, 1 kept/.test(one.text)));
      await request('POST', weir.admin + '/drain');
      await live.until(() => live.head.draining === true, 'draining');
      await request('POST', weir.admin + '/undrain');
      await live.until(() => live.head.draining === false, 'no draining');
      assert.deepEqual(live.events.filter((one) => one.kind === 'drain').map((one) => one.good), [false, true]);
      live.close();
    });
  },

  async 'sixteen may listen; one more is told why it may not, and may as soon as one has left'() {
    const replicas = await use(1);
    await served(replicas, { weather: {} }, async (weir) => {
      const all = await Promise.all(Array.from({ length: 16 }, () => Live.open(weir)));
      await Promise.all(all.map((one) => one.until(() => one.messages[0]?.type === 'snapshot', 'a snapshot')));
      const late = await Live.open(weir);
      await until(() => late.text.includes('}'), 5000, 'a sentence');
      assert.equal(late.status, 503);
      assert.match(JSON.parse(late.text).error, /16 listen already/);
      all.pop().close();
      await until(async () => {
        const next = await Live.open(weir);
        all.push(next);
        return next.status === 200;
      }, 10000, 'a place');
      all.forEach((one) => one.close());
    });
  },

  async 'the feed ends with the process, whole'() {
    const replicas = await use(1);
    let live;
    await served(replicas, { weather: {} }, async (weir) => {
      live = await Live.open(weir);
      await live.until(() => live.messages.length > 0, 'a snapshot');
    });
    await until(() => live.ended, 5000, 'its end');
    assert.equal(live.messages.at(-1).type, 'end');
    live.close();
  },

  // Its rows are large and all change with each flip, far more in all than sockets hold.
  async 'a reader that does not read holds no memory, gets the newest state when it does, and holds up no stop'() {
    const names = Array.from({ length: 200 }, (_, i) => `server-${i}-${'x'.repeat(20 - String(i).length)}`);
    const config = (strategy) => ({ servers: Object.fromEntries(names.map((name) => [name, { builtin: 'demo', load_balancing: { strategy } }])) });
    const weir = await Weir.start(config('random'));
    await weir.settled();
    const quick = await Live.open(weir);
    await quick.until(() => quick.servers.size === 200, 'a snapshot');
    const { port } = new URL(weir.admin);
    const slow = net.connect(port, '127.0.0.1');
    let text = '';
    slow.setEncoding('utf8');
    slow.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    await until(() => slow.bytesRead > 0 || ((slow.read() ?? '') && false), 10000, 'its begin');
    slow.pause();
    const before = rss(weir);
    const flips = 100;
    let size = 0;
    for (let i = 1; i <= flips; ++i) {
      const strategy = i % 2 ? 'round_robin' : 'random';
      weir.write(config(strategy));
      const from = quick.messages.length;
      await quick.until(() => names.every((name) => quick.servers.get(name).strategy === strategy), strategy);
      size += quick.messages.slice(from).reduce((all, { data }) => all + JSON.stringify(data).length, 0);
    }
    assert.ok(size > 7e6, `much was told: ${size}`);
    assert.ok(rss(weir) < before + 40e6, `memory: ${before} to ${rss(weir)} after ${size}`);
    let cut = false; // as one that takes nothing for ten seconds is
    slow.on('data', (part) => (text += part)).on('close', () => (cut = true));
    slow.resume();
    const marker = quick.events.at(-1).n;
    await until(() => cut || text.includes(`{"n":${marker},`), 20000, 'the newest event');
    const told = text.split('event: update').length;
    assert.ok(told < flips - 10, `${told} updates of ${flips}`);
    const last = text.slice(text.lastIndexOf('"servers":['));
    assert.ok(cut || last.includes(`"name":"${names.at(-1)}"`) && !last.includes('round_robin'), 'the newest state');
    slow.pause(); // and does not read while the process ends
    quick.close();
    assert.equal((await weir.stop()).code, 0);
    slow.destroy();
    return `${cut ? 'cut after ' : ''}${told} of ${flips} updates, ${Math.round(size / 1e6)} MB told to who reads`;
  },
};

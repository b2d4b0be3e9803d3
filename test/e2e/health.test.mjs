// How the gateway tells a bad endpoint from a good one: every way to fail, and what operators see of it.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { allOk, both, calls, counted, crowd, endpoint, even, events, forget, newcomer, outcomes, pool, row, seen, served, turns, wait } from './crowd.mjs';
import { OpenLoop, Replica, change, startChildren, told, until } from './replicas.mjs';
import { Upstream } from './upstream.mjs';
import { ask, openSession } from './weir.mjs';

const use = pool();

// Faults that meet whatever comes; what is said of each.
const faults = [
  ['kill', /refused|closed|reset|gone/i], ['stop', /timed out|no answer/], ['refuse', /refused|closed|reset/i],
  ['hang', /timed out|no answer/], ['reset', /reset|closed|cut|ended/i], ['s500', /500/],
  ['s503', /503/], ['garbage', /HTTP|answer|valid/i], ['wrong_id', /id/],
];
const breaks = async (replica, kind) => (kind === 'kill' ? replica.kill() : kind === 'stop' ? replica.freeze() : replica.fault(kind));
const mends = async (replica, kind) => (kind === 'kill' ? replica.restart() : kind === 'stop' ? replica.thaw() : replica.heal());

// Three replicas, and each of them has three faults in turn.
async function each(era) {
  const replicas = await use(3, { era });
  for (let from = 0; from < faults.length; from += 3)
    await served(replicas, { weather: even }, async (weir) => {
      for (const [i, [kind, reason]] of faults.slice(from, from + 3).entries()) {
        const bad = replicas[i];
        const what = `${era} ${kind}`;
        await breaks(bad, kind);
        await turns(weir, bad, 'unhealthy');
        await seen(weir, bad, reason);
        const others = replicas.filter((one) => one !== bad);
        await forget(others);
        const before = kind === 'kill' || kind === 'stop' ? 0 : (await counted([bad]))[0];
        allOk(await calls(weir.url, 40, { make: newcomer }), what);
        const got = await counted(others);
        assert.ok(got[0] + got[1] === 40 && got[0] > 0 && got[1] > 0, `${what}: ${got}`);
        if (kind !== 'kill' && kind !== 'stop') assert.deepEqual(await counted([bad]), [before], `${what}: it got calls`);
        await mends(bad, kind);
        await turns(weir, bad, 'healthy');
        assert.equal((await endpoint(weir, bad)).reason, undefined, what);
        await until(async () => (await calls(weir.url, 20, { make: newcomer })).some((one) => one.replica === bad.id), 20000, `calls at ${what}`);
      }
    });
}

// Calls until one is unhealthy.
async function untilBad(weir, bad) {
  let ended = false;
  const known = turns(weir, bad, 'unhealthy').then(() => null, (error) => error).finally(() => (ended = true));
  while (!ended) await calls(weir.url, 20, { width: 10, make: crowd });
  const error = await known;
  if (error) throw error;
}

export const tests = {
  async 'whatever befalls one is found out, told, kept from calls, and over when it is over'() {
    await both(each);
  },

  async 'one whose calls fail while probes pass is out; a few trials find out when it is well'() {
    const [status, silent] = [{ kind: 's503', reason: /calls in a row failed.*503/ }, { kind: 'hang', reason: /calls in a row failed|calls failed/, more: { timeout: { request: '400ms' }, outlier_detection: { max_ejection_time: '4s' } } }];
    await both(async (era) => {
      const { kind, reason, more } = era === 'new' ? status : silent;
      const replicas = await use(2, { era });
      await served(replicas, { weather: { ...even, ...more } }, async (weir) => {
        const [bad, good] = replicas;
        await bad.fault(kind, { only: 'calls' });
        await untilBad(weir, bad);
        await seen(weir, bad, reason);
        await forget(replicas);
        const begun = Date.now();
        const load = new OpenLoop(weir.url, { rate: 100 });
        await wait(1500);
        const records = await load.stop();
        const [tried] = await counted([bad]);
        assert.equal((await endpoint(weir, bad)).state, 'unhealthy', 'probes pass all along');
        // The first after 500 ms, then ever later.
        assert.ok(tried <= 1 + (Date.now() - begun) / 250, `${tried} trials of ${records.length} calls`);
        assert.ok(records.filter((one) => one.outcome !== 'ok').length <= tried, JSON.stringify(outcomes(records)));
        await bad.heal();
        const after = new OpenLoop(weir.url, { rate: 50 });
        await turns(weir, bad, 'healthy');
        await after.stop();
        await until(async () => (await calls(weir.url, 20, { make: newcomer })).some((one) => one.replica === bad.id), 20000, 'calls at it');
        assert.ok((await counted([good]))[0] > 0);
      });
    });
  },

  async 'what put one out beside another is no reason once it is alone'() {
    const replicas = await use(2);
    const [bad] = replicas;
    await served(replicas, { weather: even }, async (weir) => {
      await bad.fault('hang', { only: 'probes' });
      await turns(weir, bad, 'unhealthy');
      await change(weir, { servers: { weather: { endpoints: [{ url: bad.url }], ...even } } });
      await turns(weir, bad, 'degraded');
      allOk(await calls(weir.url, 20));
    });
  },

  async 'a call that waits for its client is no sign that its server hangs'() {
    let stall = false;
    const upstream = await Upstream.start({ era: 'old', tools: ['echo', 'ask'], before: (message, send) => {
      if (message.method !== 'ping') return false;
      if (!stall) send(200, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{}}`);
      return true;
    }, call: ({ params }, respond) => {
      if (params.name === 'echo') return respond.result('{"content":[{"type":"text","text":"{}"}]}');
      respond.events();
      respond.event('{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"m","requestedSchema":{"type":"object","properties":{}}}}');
    } });
    await served([Object.assign(upstream, { thaw() {} })], { weather: { health_check: { interval: '500ms', timeout: '300ms' } } }, async (weir) => {
      const session = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
      let asked = false;
      const asks = session.post('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"ask","arguments":{}}}', (response) => response.on('data', (text) => (asked ||= String(text).includes('elicitation/create'))));
      await until(() => asked, 10000, 'the question');
      // Longer than silence takes of one alone.
      await wait(10500);
      stall = true;
      await turns(weir, upstream, 'degraded');
      for (let i = 0; i < 8; ++i) {
        await wait(250);
        assert.equal((await endpoint(weir, upstream)).state, 'degraded');
        assert.equal((await ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' })).text.includes('"error"'), false);
      }
      await session.end();
      await asks.catch(() => {});
    });
    await upstream.stop();
  },

  async 'one that flaps is held back, and for longer each time'() {
    const replicas = await use(3);
    await served(replicas, { weather: even }, async (weir) => {
      const load = new OpenLoop(weir.url, { rate: 60 });
      await replicas[1].fault('flap', { period: 300 });
      await until(() => events(weir).filter((line) => line.message === 'unhealthy').length >= 2, 30000, 'it to go down twice');
      await replicas[1].heal();
      await turns(weir, replicas[1], 'healthy', { ms: 60000 });
      const records = await load.stop();
      const told = events(weir).filter((line) => line.endpoint === replicas[1].url).slice(1);
      assert.ok(told.length <= 12, `${told.length} changes`);
      assert.ok((outcomes(records).ok ?? 0) > records.length * 0.7, JSON.stringify(outcomes(records)));
      assert.ok(!events(weir).some((line) => line.endpoint !== replicas[1].url && line.message === 'unhealthy'), 'its siblings');
    });
  },

  async 'children: frozen, silent, speaking nonsense, gone'() {
    await both(async (era) => {
      const { weir, children, stop } = await startChildren(3, { server: even, options: ['--era', era] });
      try {
        const addresses = [0, 1, 2].map((i) => `stdio:weather#${i}`);
        for (const one of addresses) await turns(weir, one, 'healthy');
        const kinds = [['stop', /timed out/], ['hang', /timed out/], ['wrong_id', /timed out|id/], ['garbage', /timed out|no JSON|answer/], ['exit', /./]];
        // Which child is which endpoint is not to be seen: another one for each kind.
        const spent = new Set();
        for (const [kind, reason] of kinds) {
          const all = children();
          const bad = all.find(({ pid }) => !spent.has(pid)) ?? all[0];
          spent.add(bad.pid);
          if (kind === 'stop') process.kill(bad.pid, 'SIGSTOP');
          else await told(bad.control, 'POST', '/fault', { kind });
          let address;
          await until(async () => (address = (await row(weir)).endpoints.find((one) => one.state === 'unhealthy')?.address), 30000, `${era} ${kind} to be found out`);
          if (kind !== 'exit') await seen(weir, address, reason);
          const records = await calls(weir.url, 30);
          allOk(records, `${era} ${kind}`);
          if (kind !== 'exit') assert.ok(!records.some((one) => one.replica === bad.id), `${era} ${kind}: it got calls`);
          if (kind === 'stop') process.kill(bad.pid, 'SIGCONT');
          else if (kind !== 'exit') await told(bad.control, 'POST', '/heal');
          await turns(weir, address, 'healthy', { ms: 60000 });
        }
      } finally {
        for (const { pid } of children()) process.kill(pid, 'SIGCONT');
        await stop();
      }
    });
  },

  async 'an endpoint that is another server, or none at all, gets nothing and says why'() {
    const replicas = await use(2);
    const stranger = await Replica.start({ id: 'other', name: 'traffic' });
    const page = http.createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>hello</html>'));
    await new Promise((done) => page.listen(0, '127.0.0.1', done));
    const shell = net.createServer((socket) => (socket.on('error', () => {}).resume(), socket.write('SSH-2.0-OpenSSH_9.2\r\n')));
    await new Promise((done) => shell.listen(0, '127.0.0.1', done));
    const at = (server) => ({ url: `http://127.0.0.1:${server.address().port}/mcp`, thaw() {} });
    const all = [...replicas, stranger, at(page), at(shell)];
    try {
      await served(all, { weather: { ...even, load_balancing: { strategy: 'round_robin', panic_threshold: '30%' } } }, async (weir) => {
        for (const one of replicas) await turns(weir, one, 'healthy');
        for (const one of all.slice(2)) await turns(weir, one, 'unhealthy');
        await seen(weir, stranger, /it says that it is "traffic", the others that they are "weather"/);
        await seen(weir, all[3], /answer|html|JSON|MCP/i);
        await seen(weir, all[4], /HTTP|answer/i);
        await forget([...replicas, stranger]);
        allOk(await calls(weir.url, 40));
        assert.deepEqual(await counted([...replicas, stranger]), [20, 20, 0]);
      }, { ready: false });
    } finally {
      await stranger.kill();
      page.closeAllConnections();
      await Promise.all([page, shell].map((one) => new Promise((done) => one.close(done))));
    }
  },

  async 'replicas of both eras serve together'() {
    const [fresh] = await use(1, { era: 'new' });
    const [old] = await use(1, { era: 'old' });
    await served([fresh, old], { weather: even }, async (weir) => {
      allOk(await calls(weir.url, 40));
      for (const one of [fresh, old]) assert.equal((await endpoint(weir, one)).state, 'healthy');
      assert.deepEqual((await counted([fresh, old])).reduce((a, b) => a + b), 40);
    });
  },
};

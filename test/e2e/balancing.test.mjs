// Who gets a call: every strategy, priorities, weights and panic, as the replicas themselves count it.
import assert from 'node:assert/strict';
import { allOk, calls, counted, endpoint, forget, outcomes, pool, row, served, turns } from './crowd.mjs';
import { call, startChildren, told, until } from './replicas.mjs';

const use = pool();
const near = (got, wanted, slack, what) => got.forEach((count, i) => assert.ok(Math.abs(count - wanted[i]) <= slack, `${what}: ${got} instead of ${wanted}`));

// Where each key goes: {key: replica}; each is asked for twice.
async function placed(url, keys, make) {
  const records = await calls(url, keys.length * 2, { width: 1, make: (n) => make(keys[n % keys.length]) });
  allOk(records);
  return Object.fromEntries(keys.map((key, i) => {
    assert.equal(records[i].replica, records[i + keys.length].replica, `${key} moved`);
    return [key, records[i].replica];
  }));
}

export const tests = {
  async 'calls are shared by weight as the strategy says'() {
    const replicas = await use(3);
    const by = (strategy) => ({ load_balancing: { strategy } });
    const views = { even: by('round_robin'), weighted: by('weighted_round_robin'), chance: by('random'), least: by('least_connections'), adaptive: by('adaptive_latency') };
    const wanted = { even: [[200, 200, 200], 2], weighted: [[300, 200, 100], 2], chance: [[300, 200, 100], 75], least: [[300, 200, 100], 75], adaptive: null };
    await served(replicas, views, async (weir) => {
      for (const [name, share] of Object.entries(wanted)) {
        await forget(replicas);
        // One after another: what is under way says nothing then.
        allOk(await calls(weir.at(name), 600, { width: name === 'even' || name === 'weighted' ? 8 : 1 }), name);
        const got = await counted(replicas);
        // How quick each of them is decides there, too.
        if (share) near(got, ...share, name);
        else assert.ok(got.every((count) => count > 0), `${name}: ${got}`);
        assert.deepEqual((await row(weir, name)).endpoints.map((one) => one.weight), [3, 2, 1]);
      }
    }, { each: (i) => ({ weight: 3 - i }) });
  },

  async 'weighted_round_robin spreads the turns of the heavy one; weights by address do the same'() {
    const replicas = await use(3);
    const views = { weather: { load_balancing: { strategy: 'weighted_round_robin', weights: { [replicas[0].url]: 4, [replicas[1].url]: 1, [replicas[2].url]: 1 } } } };
    await served(replicas, views, async (weir) => {
      allOk(await calls(weir.url, 60, { width: 1 }));
      const book = (await Promise.all(replicas.map((one) => one.counters()))).flatMap(({ id, calls }) => calls.map(({ at }) => ({ id, at })));
      const order = book.sort((a, b) => a.at - b.at).map((one) => one.id).join('');
      for (let i = 0; i + 6 <= 60; ++i) {
        const turn = order.slice(i * 2, i * 2 + 12);
        assert.deepEqual(['r0', 'r1', 'r2'].map((id) => turn.split(id).length - 1), [4, 1, 1], order);
      }
      assert.ok(!order.includes('r0r0r0r0'), order);
    });
  },

  async 'least_connections and adaptive_latency leave a slow one alone, and find it again'() {
    const replicas = await use(3);
    const views = { least: { load_balancing: { strategy: 'least_connections' } }, adaptive: { load_balancing: { strategy: 'adaptive_latency', window: '1s' } } };
    await served(replicas, views, async (weir) => {
      await replicas[0].latency(300);
      for (const name of ['least', 'adaptive']) {
        await forget(replicas);
        allOk(await calls(weir.at(name), 300, { width: 12 }), name);
        const got = await counted(replicas);
        assert.ok(got[0] < 60 && got[1] > 0 && got[2] > 0, `${name}: ${got}`);
        const most = (await replicas[0].counters()).most_in_flight;
        if (name === 'least') assert.ok(most <= 8, `${most} of 12 waited at the slow one`);
      }
      await replicas[0].latency(0);
      for (const name of ['least', 'adaptive'])
        await until(async () => {
          await forget(replicas);
          allOk(await calls(weir.at(name), 90, { width: 3 }), name);
          return (await counted(replicas))[0] >= 15;
        }, 30000, `${name} to use the one that is quick again`);
    });
  },

  async 'consistent_hash keeps what has the key in common together; only the keys of one that dies move, and come back'() {
    const replicas = await use(3);
    const by = (hash_key) => ({ load_balancing: { strategy: 'consistent_hash', hash_key } });
    const views = { client: by('client'), header: by('header:X-User'), tool: by('tool'), arguments: by('arguments') };
    const keys = Array.from({ length: 45 }, (_, i) => `key-${i}`);
    const makes = {
      client: (key) => ({ headers: { Authorization: `Bearer ${key}` } }),
      header: (key) => ({ headers: { 'X-User': key, Authorization: `Bearer ${Math.random()}` } }),
      arguments: (key) => ({ id: key, args: { sent: 0 } }),
    };
    await served(replicas, views, async (weir) => {
      const before = {};
      for (const [name, make] of Object.entries(makes)) {
        before[name] = await placed(weir.at(name), keys, make);
        assert.equal(new Set(Object.values(before[name])).size, 3, `${name}: ${JSON.stringify(before[name])}`);
      }
      await placed(weir.at('tool'), ['echo', 'whoami', 'write', 'slow'], (tool) => ({ tool, args: { x: Math.random() } }));
      assert.equal(new Set((await calls(weir.at('tool'), 20, { width: 1 })).map((one) => one.replica)).size, 1, 'one tool, many arguments');

      await replicas[1].kill();
      for (const name of Object.keys(views)) await turns(weir, replicas[1], 'unhealthy', { server: name });
      for (const [name, make] of Object.entries(makes)) {
        const during = await placed(weir.at(name), keys, make);
        for (const key of keys) before[name][key] === 'r1' ? assert.notEqual(during[key], 'r1') : assert.equal(during[key], before[name][key], `${name}: ${key} moved`);
        const heirs = new Set(keys.filter((key) => before[name][key] === 'r1').map((key) => during[key]));
        assert.equal(heirs.size, 2, `${name}: the keys of the dead one go to all others`);
      }
      await replicas[1].restart();
      for (const name of Object.keys(views)) await turns(weir, replicas[1], 'healthy', { server: name });
      for (const [name, make] of Object.entries(makes))
        await until(async () => {
          const records = await calls(weir.at(name), keys.length, { width: 1, make: (n) => make(keys[n]) });
          allOk(records, name);
          return keys.every((key, i) => records[i].replica === before[name][key]);
        }, 30000, `the keys of ${name} to be back`);
    });
  },

  async 'a backup gets nothing while one of its betters is well enough, everything when none is, and nothing after'() {
    const replicas = await use(3);
    const [first, second, backup] = replicas;
    const views = { weather: { load_balancing: { strategy: 'round_robin' } } };
    await served(replicas, views, async (weir) => {
      const serve = async (count = 60) => {
        await forget(replicas.filter((one) => one.child.signalCode === null));
        const records = await calls(weir.url, count);
        allOk(records);
        return Object.fromEntries(replicas.map(({ id }) => [id, records.filter((one) => one.replica === id).length]));
      };
      assert.deepEqual(await serve(), { r0: 30, r1: 30, r2: 0 });
      await first.kill();
      await turns(weir, first, 'unhealthy');
      assert.deepEqual(await serve(), { r0: 0, r1: 60, r2: 0 });
      await second.kill();
      await turns(weir, second, 'unhealthy');
      assert.deepEqual(await serve(), { r0: 0, r1: 0, r2: 60 });
      await Promise.all([first.restart(), second.restart()]);
      for (const one of [first, second]) await turns(weir, one, 'healthy');
      // A few calls at a time have to prove that they are.
      await until(async () => (allOk(await calls(weir.url, 6, { width: 1 })), (await row(weir)).endpoints.every((one) => one.breaker === 'closed')), 20000, 'them to have proved it');
      const after = await serve();
      assert.ok(after.r2 === 0 && after.r0 > 0 && after.r1 > 0, JSON.stringify(after));
      assert.equal((await endpoint(weir, backup)).priority, 1);
    }, { each: (i) => (i === 2 ? { priority: 1 } : {}) });
  },

  async 'weight 0 gets nothing, whatever the strategy'() {
    const replicas = await use(3);
    const by = (strategy) => ({ load_balancing: { strategy } });
    const views = Object.fromEntries(['round_robin', 'weighted_round_robin', 'random', 'least_connections', 'adaptive_latency', 'consistent_hash'].map((one) => [one, by(one)]));
    await served(replicas, views, async (weir) => {
      for (const name of Object.keys(views)) allOk(await calls(weir.at(name), 60, { make: (n) => ({ headers: { Authorization: `Bearer ${n}` } }) }), name);
      const got = await counted(replicas);
      assert.ok(got[0] === 0 && got[1] > 60 && got[2] > 60, String(got));
    }, { each: (i) => (i === 0 ? { weight: 0 } : {}) });
  },

  async 'with too few that are well all are tried, but those that are not there at all'() {
    const replicas = await use(3);
    const views = { weather: { load_balancing: { strategy: 'round_robin' }, retry: false } };
    await served(replicas, views, async (weir) => {
      for (const one of replicas.slice(0, 2)) await one.fault('hang');
      for (const one of replicas.slice(0, 2)) await turns(weir, one, 'unhealthy');
      await until(async () => (await row(weir)).panic === true, 10000, 'panic');
      await forget(replicas);
      const records = await calls(weir.url, 30, { width: 30, patience: 1000 });
      const got = await counted(replicas);
      assert.ok(got.every((count) => count >= 5), `two hang: ${got}`);
      assert.equal(outcomes(records).ok, got[2], JSON.stringify(outcomes(records)));
      for (const one of replicas) await one.heal();
      for (const one of replicas) await turns(weir, one, 'healthy');
      assert.equal((await row(weir)).panic, undefined);
    });
    await served(replicas, views, async (weir) => {
      for (const one of replicas.slice(0, 2)) await one.fault('refuse');
      for (const one of replicas.slice(0, 2)) await turns(weir, one, 'unhealthy');
      await forget(replicas);
      allOk(await calls(weir.url, 60), 'two refuse');
      assert.deepEqual(await counted(replicas), [0, 0, 60]);
    });
  },

  async 'with nobody there a call is told so at once, by what and when to try again; panic or not'() {
    const replicas = await use(3);
    const views = { never: { load_balancing: { panic_threshold: 0 } }, usual: {} };
    await served(replicas, views, async (weir) => {
      for (const one of replicas) await one.kill();
      for (const name of Object.keys(views)) {
        for (const one of replicas) await turns(weir, one, 'unhealthy', { server: name });
        const answer = await fetch(weir.at(name), { method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"e2e","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}' });
        assert.equal(answer.status, 200);
        const { error } = await answer.json();
        assert.deepEqual([error.code, error.data.reason, error.data.server, error.data.sent, error.data.retryable], [1005, 'no_healthy_endpoint', name, 'no', true], JSON.stringify(error));
        assert.ok(error.data.retry_after_ms > 0 && error.data.retry_after_ms <= 30000, JSON.stringify(error));
        assert.ok(replicas.some((one) => error.message.includes(one.url)), error.message);
      }
      assert.equal((await fetch(new URL('/health', weir.url))).status, 503);
      await replicas[2].restart();
      for (const name of Object.keys(views)) {
        await turns(weir, replicas[2], 'healthy', { server: name });
        allOk(await calls(weir.at(name), 20), name);
      }
      assert.equal((await fetch(new URL('/health', weir.url))).status, 200);
    });
  },

  async 'without a circuit breaker one endpoint is all there is: it gets every call, however they end'() {
    const [replica] = await use(1);
    await served([replica], { weather: { circuit_breaker: false, retry: false } }, async (weir) => {
      allOk(await calls(weir.url, 20));
      await replica.fault('s500', { only: 'calls' });
      const failed = await calls(weir.url, 40);
      assert.deepEqual(outcomes(failed), { rpc_error: 40 });
      assert.deepEqual(await counted([replica]), [60], 'all were sent');
      await replica.heal();
      allOk(await calls(weir.url, 20), 'at once');
      assert.notEqual((await endpoint(weir, replica)).state, 'unhealthy');
    });
  },

  async 'children are balanced; one that is killed is missed by nobody and comes back'() {
    const { weir, children, stop } = await startChildren(3, { server: { load_balancing: { strategy: 'round_robin' } } });
    const addresses = [0, 1, 2].map((i) => `stdio:weather#${i}`);
    try {
      for (const one of addresses) await turns(weir, one, 'healthy');
      const first = await calls(weir.url, 90);
      allOk(first);
      const shares = Object.fromEntries(children().map(({ id }) => [id, first.filter((one) => one.replica === id).length]));
      assert.deepEqual(Object.values(shares), [30, 30, 30], JSON.stringify(shares));
      const [dead] = children();
      process.kill(dead.pid, 'SIGKILL');
      const missing = await until(async () => {
        for (const one of addresses) if ((await endpoint(weir, one)).state === 'unhealthy') return one;
      }, 10000, 'it to be missed');
      assert.ok((await endpoint(weir, missing)).reason, 'a reason');
      const others = await calls(weir.url, 30);
      allOk(others, 'two are left');
      assert.ok(!others.some((one) => one.replica === dead.id));
      await turns(weir, missing, 'healthy');
      const fresh = children().find(({ pid }) => !Object.keys(shares).includes(`p${pid}`));
      assert.ok(fresh, 'a new child');
      await until(async () => (await call(weir.url, { id: 'x' })).replica === fresh.id, 20000, 'calls at the new one');
      assert.ok((await told(fresh.control, 'GET', '/counters')).by_tool.echo > 0);
    } finally {
      await stop();
    }
  },
};

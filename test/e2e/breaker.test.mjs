// The circuit breaker of each endpoint, through the shipped binary: what opens it and what never does, how few calls try an
// endpoint that is half open, how soon all of it is over, and what operators see and do.
import assert from 'node:assert/strict';
import { allOk, calls, counted, endpoint, events, even, forget, newcomer, outcomes, pool, row, served, turns, wait } from './crowd.mjs';
import { OpenLoop, call, metric, startChildren, startGateway, told, until } from './replicas.mjs';
import { request } from './weir.mjs';

const use = pool();
const breakerIs = (weir, replica, state, ms = 20000) => until(async () => (await endpoint(weir, replica))?.breaker === state, ms, `the breaker to be ${state}`);
const alone = (replica, server = {}) => startGateway([replica], { server });
const raw = async (weir, id, tool = 'echo') => {
  const body = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: { id }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} } } };
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': tool };
  const { text } = await request('POST', weir.url, headers, JSON.stringify(body));
  return JSON.parse(text.startsWith('{') ? text : text.split('\n').filter((line) => line.startsWith('data: {')).at(-1).slice(6));
};
// One after the other.
const inTurn = async (weir, count, more = {}) => {
  const records = [];
  for (let i = 0; i < count; ++i) records.push(await call(weir.url, { id: `t${Math.random()}`, ...more }));
  return records;
};
const run = async (weir, work) => {
  try {
    await work();
  } finally {
    const how = await weir.stop();
    assert.equal(how.code, 0, weir.log.slice(-2000));
  }
};
const never = { retry: false };

export const tests = {
  async 'one alone whose calls fail is asked no more: answered at once, with the time until the next trial; and back'() {
    const [replica] = await use(1);
    const weir = await alone(replica, never);
    await run(weir, async () => {
      allOk(await calls(weir.url, 10));
      await replica.fault('s503', { only: 'calls' });
      await forget([replica]);
      const failed = await inTurn(weir, 5);
      assert.ok(failed.every((one) => one.outcome !== 'ok'));
      await breakerIs(weir, replica, 'open');
      const before = (await counted([replica]))[0];
      assert.equal(before, 5);
      const { error } = await raw(weir, 1);
      if ((await counted([replica]))[0] === before) {
        assert.deepEqual([error.code, error.data.reason, error.data.server, error.data.sent, error.data.retryable], [1005, 'no_healthy_endpoint', 'weather', 'no', true]);
        assert.ok(error.data.retry_after_ms > 0 && error.data.retry_after_ms <= 10000, JSON.stringify(error));
        assert.match(error.message + JSON.stringify(error.data), /5 calls in a row failed/);
      }
      const one = await endpoint(weir, replica);
      assert.equal(one.state, 'unhealthy');
      assert.deepEqual(Object.keys(one), ['address', 'state', 'reason', 'since', 'breaker', 'in_flight', 'weight', 'priority']);
      assert.equal((await row(weir)).endpoints[0].breaker, one.breaker);
      const states = await metric(weir, 'weir_breaker_state', { server: 'weather', endpoint: replica.url });
      assert.deepEqual(states.map(({ labels }) => labels.state).sort(), ['closed', 'half_open', 'open']);
      assert.equal(states.reduce((sum, { value }) => sum + value, 0), 1);
      assert.ok(events(weir).some((line) => line.message === 'circuit breaker open' && line.endpoint === replica.url && /5 calls in a row failed/.test(line.reason)), weir.log);
      // Trials come at growing pauses, whatever comes.
      await forget([replica]);
      const begun = Date.now();
      const load = new OpenLoop(weir.url, { rate: 200 });
      await wait(3000);
      const records = await load.stop();
      const [tried] = await counted([replica]);
      assert.ok(tried >= 1 && tried <= 2 + (3 * (Date.now() - begun)) / 400, `${tried} trials of ${records.length}`);
      assert.ok(records.filter((one) => one.reason === 'no_healthy_endpoint').length >= records.length - tried);
      await replica.heal();
      await until(async () => (await call(weir.url, { id: `w${Math.random()}` })).outcome === 'ok' && (await endpoint(weir, replica)).breaker === 'closed', 20000, 'it to be back');
      allOk(await calls(weir.url, 20));
      assert.equal((await endpoint(weir, replica)).state, 'healthy');
      assert.deepEqual((await metric(weir, 'weir_breaker_state', { server: 'weather', state: 'closed' })).map(({ value }) => value), [1]);
    });
  },

  async 'half open, no more than half_open_max_requests are under way, and a client that leaves takes no place with it'() {
    for (const most of [3, 1]) {
      const [replica] = await use(1);
      const weir = await alone(replica, { ...never, circuit_breaker: { half_open_max_requests: most, success_threshold: 10 } });
      await run(weir, async () => {
        await replica.fault('reset', { only: 'calls' });
        await inTurn(weir, 5);
        await breakerIs(weir, replica, 'open');
        await replica.heal();
        await replica.latency(150);
        await until(async () => (await inTurn(weir, 1))[0].outcome === 'ok', 20000, 'a good trial');
        const gone = new OpenLoop(weir.url, { rate: 50, prefix: 'g', make: () => ({ abort: 60 }) });
        await wait(1000);
        const left = await gone.stop();
        assert.ok(left.filter((one) => one.outcome === 'aborted').length > 5, JSON.stringify(outcomes(left)));
        assert.equal((await endpoint(weir, replica)).breaker, 'half_open');
        await until(async () => (await replica.counters(Infinity)).in_flight === 0, 5000, 'the last of them');
        await forget([replica]);
        const load = new OpenLoop(weir.url, { rate: 100 });
        await breakerIs(weir, replica, 'closed', 30000);
        const records = await load.stop();
        assert.ok(records.some((one) => one.reason === 'no_healthy_endpoint'), JSON.stringify(outcomes(records)));
        // Until the first one that found it closed.
        const asked = (await replica.counters(0)).calls.map(({ at }) => at);
        const early = asked.filter((at) => at < asked[0] + 150);
        assert.equal(early.length, most, `${early.length} under way with ${most} permits`);
        await replica.latency(0);
        allOk(await calls(weir.url, 20));
      });
    }
  },

  async 'half open among others: no more than the permits at a time, the rest goes elsewhere'() {
    const replicas = await use(2);
    const [bad, good] = replicas;
    // Else it would get its share but little by little.
    const load_balancing = { strategy: 'round_robin', slow_start: '0s' };
    await served(replicas, { weather: { load_balancing, ...never, circuit_breaker: { success_threshold: 40 } } }, async (weir) => {
      await bad.fault('refuse');
      await turns(weir, bad, 'unhealthy');
      assert.equal((await endpoint(weir, bad)).breaker, 'open');
      await bad.latency(40);
      await bad.heal();
      await turns(weir, bad, 'healthy');
      assert.equal((await endpoint(weir, bad)).breaker, 'half_open');
      await forget(replicas);
      allOk(await calls(weir.url, 30, { width: 15 }));
      const one = await bad.counters(Infinity);
      assert.equal(one.most_in_flight, 3, 'in flight');
      assert.equal((await endpoint(weir, bad)).breaker, 'half_open');
      assert.ok((await counted([good]))[0] > 0);
      // One failure opens it again.
      await bad.fault('s503', { only: 'calls' });
      await calls(weir.url, 10, { width: 1, make: newcomer });
      await breakerIs(weir, bad, 'open').catch((error) => assert.fail(error.message + weir.log));
      await bad.heal();
      await bad.latency(0);
      const load = new OpenLoop(weir.url, { rate: 100 });
      await breakerIs(weir, bad, 'closed', 30000);
      await load.stop();
    });
  },

  async 'each threshold opens it, and each key changes what happens'() {
    const [replica] = await use(1);
    // failure_threshold: of any class.
    let weir = await alone(replica, { ...never, circuit_breaker: { failure_threshold: 2, timeout: '300ms' }, outlier_detection: { base_ejection_time: '20s', max_ejection_time: '20s' } });
    await run(weir, async () => {
      await replica.fault('garbage', { only: 'calls' });
      await inTurn(weir, 1);
      assert.equal((await endpoint(weir, replica)).breaker, 'closed');
      await inTurn(weir, 1);
      await breakerIs(weir, replica, 'open');
      await replica.heal();
      // timeout is the longest that it stays open, whatever outlier_detection says; one success_threshold less would do.
      const begun = Date.now();
      await until(async () => (await inTurn(weir, 1))[0].outcome === 'ok', 10000, 'a trial');
      assert.ok(Date.now() - begun < 10000);
      assert.equal((await endpoint(weir, replica)).breaker, 'half_open');
      allOk(await inTurn(weir, 2));
      await breakerIs(weir, replica, 'closed');
    });
    // error_rate_threshold: failures and successes mixed, at least min_requests.
    await replica.heal();
    for (const [rate, opens] of [['20%', true], [0, false]]) {
      weir = await alone(replica, { ...never, circuit_breaker: { error_rate_threshold: rate, failure_threshold: 50 }, outlier_detection: { min_requests: 10 } });
      await run(weir, async () => {
        await replica.fault('s503', { only: 'calls', share: 0.5 });
        await inTurn(weir, 40);
        if (opens) assert.ok(events(weir).some((line) => line.message === 'circuit breaker open' && /of \d+ calls failed/.test(line.reason)), weir.log);
        else assert.equal((await endpoint(weir, replica)).breaker, 'closed');
        await replica.heal();
      });
    }
    // success_threshold.
    weir = await alone(replica, { ...never, circuit_breaker: { success_threshold: 1, failure_threshold: 3 } });
    await run(weir, async () => {
      await replica.fault('reset', { only: 'calls' });
      await inTurn(weir, 3);
      await breakerIs(weir, replica, 'open');
      await replica.heal();
      await until(async () => (await inTurn(weir, 1))[0].outcome === 'ok', 10000, 'a trial');
      await breakerIs(weir, replica, 'closed');
    });
    // false: as if there was none.
    weir = await alone(replica, { ...never, circuit_breaker: false });
    await run(weir, async () => {
      await replica.fault('s503', { only: 'calls' });
      await forget([replica]);
      await inTurn(weir, 30);
      assert.deepEqual(await counted([replica]), [30]);
      assert.equal((await endpoint(weir, replica)).breaker, 'closed');
      await replica.heal();
    });
  },

  async 'what is not the endpoint\'s fault never opens it'() {
    const [replica] = await use(1);
    const weir = await alone(replica, { circuit_breaker: { failure_threshold: 2, error_rate_threshold: '1%' }, outlier_detection: { min_requests: 2 } });
    await run(weir, async () => {
      for (const tool of ['fail', 'rpc_error', 'no_such_tool']) await inTurn(weir, 10, { tool });
      await Promise.all(Array.from({ length: 10 }, (_, i) => call(weir.url, { id: `a${i}`, tool: 'slow', args: { ms: 3000 }, abort: 100 })));
      await inTurn(weir, 5, { headers: { 'Mcp-Method': 'tools/list' } });
      assert.equal((await endpoint(weir, replica)).breaker, 'closed');
      allOk(await inTurn(weir, 3));
      assert.ok(!weir.log.includes('circuit breaker'), weir.log);
    });
  },

  async 'all are gone: nobody is asked, the answer comes at once; and soon over'() {
    for (const [kind, breaks, mends] of [
      ['kill', (one) => one.kill(), (one) => one.restart()],
      ['refuse', (one) => one.fault('refuse'), (one) => one.heal()],
      ['stop', (one) => one.freeze(), (one) => one.thaw()],
    ]) {
      const replicas = await use(3);
      await served(replicas, { weather: {} }, async (weir) => {
        allOk(await calls(weir.url, 30));
        const load = new OpenLoop(weir.url, { rate: 60, make: () => ({ patience: 60000, abort: 20000 }) });
        await wait(500);
        await Promise.all(replicas.map(breaks));
        await until(async () => (await Promise.all(replicas.map((one) => endpoint(weir, one)))).every((one) => one.breaker === 'open'), 20000, `${kind}: all open`);
        const { error } = await raw(weir, 7);
        assert.deepEqual([error?.code, error?.data.reason, error?.data.retryable], [1005, 'no_healthy_endpoint', true], kind);
        assert.ok(error.data.retry_after_ms > 0, kind);
        const records = await calls(weir.url, 60, { width: 1 });
        assert.ok(records.every((one) => one.code === 1005), `${kind}: ${JSON.stringify(records.find((one) => one.code !== 1005))}`);
        const took = records.map((one) => one.end - one.start).sort((a, b) => a - b);
        console.log(`  ${kind}: median ${took[30].toFixed(1)} ms`);
        await Promise.all(replicas.map(mends));
        const begun = Date.now();
        await until(async () => (await call(weir.url, { id: `m${Math.random()}` })).outcome === 'ok', 20000, `${kind}: calls again`);
        console.log(`  ${kind}: back after ${Date.now() - begun} ms`);
        await until(async () => (await Promise.all(replicas.map((one) => endpoint(weir, one)))).every((one) => one.breaker === 'closed'), 30000, `${kind}: all closed`);
        await load.stop();
        allOk(await calls(weir.url, 30));
      });
    }
  },

  async 'one that flaps changes no more than twelve times a minute'() {
    const replicas = await use(2);
    await served(replicas, { weather: even }, async (weir) => {
      const load = new OpenLoop(weir.url, { rate: 60 });
      await replicas[0].fault('flap', { period: 300 });
      await wait(12000);
      await replicas[0].heal();
      await load.stop();
      const told = (names) => events(weir).filter((line) => line.endpoint === replicas[0].url && names.includes(line.message)).map((line) => line.message);
      // A line that only tells another reason is no change.
      const changes = told(['healthy', 'degraded', 'unhealthy']).filter((one, i, all) => i > 0 && one !== all[i - 1]).length;
      assert.ok(changes >= 2 && changes <= 12, `${changes} changes`);
      const breaker = told(['closed', 'open', 'half_open'].map((one) => `circuit breaker ${one}`)).length;
      assert.ok(breaker >= 2 && breaker <= 12, `${breaker} changes of the breaker`);
    });
  },

  async 'a child that is another one is half open at once'() {
    const { weir, children, stop } = await startChildren(2, { server: { ...even, ...never, timeout: { request: '400ms' }, circuit_breaker: { timeout: '1h' }, outlier_detection: { base_ejection_time: '1h', max_ejection_time: '1h' } } });
    try {
      const [child] = children();
      for (const one of [0, 1]) await turns(weir, `stdio:weather#${one}`, 'healthy');
      allOk(await calls(weir.url, 40));
      // Its calls hang while its probes pass.
      await told(child.control, 'POST', '/fault', { kind: 'hang', only: 'calls' });
      const open = async () => (await row(weir)).endpoints.find((one) => one.breaker === 'open')?.address;
      await until(async () => (await calls(weir.url, 6, { width: 3 }), open()), 30000, 'it to be open');
      const address = await open();
      process.kill(child.pid, 'SIGKILL');
      await breakerIs(weir, address, 'half_open', 30000);
      assert.equal((await endpoint(weir, address)).state, 'healthy');
      await until(async () => (allOk(await calls(weir.url, 6, { width: 3 })), (await endpoint(weir, address)).breaker === 'closed'), 20000, 'it to be closed');
    } finally {
      await stop();
    }
  },

  async 'an operator closes it'() {
    const [replica] = await use(1);
    const weir = await alone(replica, { ...never, circuit_breaker: { timeout: '1h' }, outlier_detection: { base_ejection_time: '1h', max_ejection_time: '1h' } });
    await run(weir, async () => {
      const reset = (query) => request('POST', `${weir.admin}/reset-breaker${query}`);
      const open = async () => {
        await replica.fault('reset', { only: 'calls' });
        await inTurn(weir, 5);
        await breakerIs(weir, replica, 'open');
        await replica.heal();
        assert.equal((await inTurn(weir, 1))[0].code, 1005);
      };
      for (const query of ['?server=weather', `?server=weather&endpoint=${encodeURIComponent(replica.url)}`]) {
        await open();
        const done = await reset(query);
        assert.deepEqual([done.status, JSON.parse(done.text)], [200, { reset: 1 }]);
        assert.equal((await endpoint(weir, replica)).breaker, 'closed');
        allOk(await inTurn(weir, 3));
      }
      await open();
      for (const query of ['', '?server=nobody', '?server=weather&endpoint=http://127.0.0.1:1/mcp']) {
        const no = await reset(query);
        assert.equal(no.status, 404, query);
        assert.ok(JSON.parse(no.text).error, query);
      }
      assert.equal((await endpoint(weir, replica)).breaker, 'open');
      assert.equal((await request('GET', `${weir.admin}/reset-breaker?server=weather`)).status, 405);
    });
  },
};

// Calls that fail are tried elsewhere where that is safe, and only there; late ones are asked for a second time; deadlines
// that clients give. The replicas' own books say what ran how often.
import assert from 'node:assert/strict';
import { allOk, calls, counted, even, outcomes, pool, served, wait } from './crowd.mjs';
import { call, change, doubled, metric, until } from './replicas.mjs';
import { ask, between, messages, openSession } from './weir.mjs';

const use = pool();
// Every third call meets the bad one: nobody is taken out for it, so that what is seen is the layer's doing.
const blind = { ...even, outlier_detection: { enabled: false }, circuit_breaker: false, health_check: { unhealthy_threshold: 1000 }, retry: { budget: '100%', budget_reserve: 1000 } };
const sum = async (weir, name, labels) => (await metric(weir, name, labels)).reduce((all, { value }) => all + value, 0);

export const tests = {
  async 'a call that may be repeated meets none of these faults; a write is never run twice'() {
    const replicas = await use(3);
    await served(replicas, { weather: blind }, async (weir) => {
      for (const kind of ['refuse', 'reset', 'reset_mid', 's500', 's503', 'garbage', 'badjson', 'wrong_id']) {
        const before = await sum(weir, 'weir_retries_total', { server: 'weather', outcome: 'ok' });
        await replicas[0].fault(kind, { only: 'calls' });
        allOk(await calls(weir.url, 60), kind);
        assert.ok((await sum(weir, 'weir_retries_total', { server: 'weather', outcome: 'ok' })) - before >= 15, `${kind}: tried again`);
        const writes = await calls(weir.url, 60, { make: () => ({ tool: 'write' }) });
        const ill = writes.filter((one) => one.outcome !== 'ok');
        if (kind === 'refuse') allOk(writes, 'what nobody saw goes elsewhere');
        else assert.ok(ill.length >= 15, `${kind}: ${JSON.stringify(outcomes(writes))}`);
        // What was seen and then cut may have run: the client is told.
        if (kind === 'reset_mid') for (const one of ill) assert.deepEqual([one.code, one.reason, one.error.data.sent, one.error.data.retryable], [1007, 'outcome_unknown', 'maybe', false]);
        await replicas[0].heal();
        assert.deepEqual(await doubled(replicas), [], kind);
      }
      const there = await metric(weir, 'weir_attempts_total', { server: 'weather', endpoint: replicas[0].url });
      assert.ok(there.some(({ labels }) => labels.outcome === 'outcome_unknown'), JSON.stringify(there));
    });
  },

  async 'what decides whether a call is repeated: trust, configuration, and nothing else'() {
    const replicas = await use(3);
    const views = {
      weather: blind,
      wary: { ...blind, trust_annotations: false },
      told: { ...blind, tools: { write: { safe_to_repeat: true }, echo: { safe_to_repeat: false } } },
      off: { ...blind, retry: false },
      once: { ...blind, retry: { max_attempts: 1 } },
    };
    await served(replicas, views, async (weir) => {
      await replicas[0].fault('reset_mid', { only: 'calls' });
      const fails = async (view, tool) => (await calls(weir.at(view), 30, { make: () => ({ tool }) })).filter((one) => one.outcome !== 'ok').length;
      assert.equal(await fails('weather', 'echo'), 0);
      assert.ok((await fails('weather', 'write')) >= 8);
      assert.ok((await fails('wary', 'echo')) >= 8, 'not trusted');
      assert.equal(await fails('told', 'write'), 0, 'configured');
      assert.ok((await fails('told', 'echo')) >= 8, 'configured');
      assert.ok((await fails('off', 'echo')) >= 8, 'switched off');
      assert.ok((await fails('once', 'echo')) >= 8, 'one attempt');
      await replicas[0].heal();
    });
  },

  async 'the budget holds when everything fails'() {
    const replicas = await use(3);
    const keys = { ...blind, retry: { budget: '10%', budget_reserve: 0, initial_delay: '0ms', max_delay: '0ms' } };
    await served(replicas, { weather: keys }, async (weir) => {
      for (const one of replicas) await one.fault('reset', { only: 'calls' });
      const records = await calls(weir.url, 200);
      assert.deepEqual(outcomes(records), { rpc_error: 200 });
      const all = (await counted(replicas)).reduce((a, b) => a + b, 0);
      assert.ok(all > 200 && all <= 220, `${all} attempts at 200 calls`);
      assert.ok((await sum(weir, 'weir_retries_total', { outcome: 'budget' })) > 0);
    });
  },

  async 'a call that was tried again counts, however it ends: told to wait longer than may be, than there is time, or given up'() {
    const busy = { 'Retry-After': '10' };
    const soon = { 'Retry-After': '1' };
    const seen = new Map();
    let wait_for = busy;
    // The first attempt of each call fails, and the second is told to come again later.
    const fails = (parsed, respond) => {
      const { id } = parsed.params.arguments;
      seen.set(id, (seen.get(id) ?? 0) + 1);
      if (seen.get(id) === 1) respond.send(500, 'broken');
      else respond.send(503, 'busy', wait_for);
    };
    const echo = { name: 'echo', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
    await between({ tools: [echo], call: fails }, async (weir, up) => {
      await weir.settled();
      const failed = () => sum(weir, 'weir_retries_total', { server: 'a', outcome: 'failed' });
      for (let n = 0; n < 5; ++n) assert.equal((await call(weir.url, { id: `long${n}` })).outcome, 'rpc_error');
      assert.deepEqual([up.calls().length, await failed()], [10, 5]);
      wait_for = soon;
      assert.equal((await call(weir.url, { id: 'late', wishes: { 'weir/timeoutMs': 700 } })).outcome, 'rpc_error');
      assert.deepEqual([up.calls().length, await failed()], [12, 6]);
      assert.equal((await call(weir.url, { id: 'left', abort: 500 })).outcome, 'aborted');
      await until(async () => (await failed()) === 7, 5000, 'the one whose client left');
      assert.equal(up.calls().length, 14);
      assert.equal(await sum(weir, 'weir_retries_total', { server: 'a', outcome: 'ok' }), 0);
      assert.equal(await sum(weir, 'weir_retries_total', { server: 'a', outcome: 'budget' }), 0);
      await until(async () => (await sum(weir, 'weir_attempts_total', { server: 'a' })) === 14, 5000, 'each attempt to count once');
    }, { circuit_breaker: false, outlier_detection: { enabled: false }, retry: { budget: '100%', budget_reserve: 1000 } });
  },

  async 'one that hangs costs a fraction: another is asked, the first is left and told'() {
    const replicas = await use(3);
    await served(replicas, { weather: blind, hedged: { ...blind, hedge: { delay: '50ms', budget: '100%' } } }, async (weir) => {
      for (const view of ['weather', 'hedged']) {
        allOk(await calls(weir.at(view), 180, { make: () => ({ tool: 'echo' }) }), 'how long it usually takes');
        await replicas[0].fault('hang', { only: 'calls' });
        const records = await calls(weir.at(view), 30, { patience: 15000 });
        allOk(records, view);
        const won = await sum(weir, 'weir_hedges_total', { server: view, outcome: 'won' });
        assert.ok(won >= 8, `${won} won`);
        await replicas[0].heal();
        await until(async () => (await sum(weir, 'weir_in_flight', { server: view })) === 0, 5000, 'nothing under way');
      }
    });
  },

  async 'whoever the client is, a second one is asked elsewhere: one that can be asked itself, one with a session'() {
    const replicas = await use(3);
    const keys = { ...blind, hedge: { delay: '50ms', budget: '100%' } };
    await served(replicas, { weather: keys }, async (weir) => {
      const session = await openSession(weir.url);
      const able = (n) => ask(weir.url, 'tools/call', `"name":"echo","arguments":{"id":"a${n}"}`, { name: 'echo', more: '"weir/timeoutMs":3000,' , capabilities: '{"elicitation":{}}' });
      const old = (n) => session.post(`{"jsonrpc":"2.0","id":${n},"method":"tools/call","params":{"name":"echo","arguments":{"id":"o${n}"},"_meta":{"weir/timeoutMs":3000}}}`);
      await replicas[0].fault('hang', { only: 'calls' });
      for (const [who, make] of [['able', able], ['old', old]]) {
        const texts = await Promise.all(Array.from({ length: 12 }, async (_, n) => messages(await make(n)).at(-1)));
        for (const text of texts) assert.ok(JSON.parse(text).result, `${who}: ${text}`);
      }
      const ids = (await replicas[0].counters()).calls.map(({ id }) => id);
      assert.ok(ids.length > 0 && new Set(ids).size === ids.length, `none is asked twice at the same: ${ids}`);
      await replicas[0].heal();
    });
  },

  async 'hedging: a slow one is outrun within its budget, and a write is not hedged'() {
    const replicas = await use(3);
    const hedge = { delay: '30ms', budget: '10%' };
    await served(replicas, { weather: { ...blind, hedge }, free: { ...blind, hedge: { ...hedge, budget: '100%' } } }, async (weir) => {
      await replicas[0].fault('slow', { only: 'calls', factor: 1, add: 400 });
      const quick = await calls(weir.at('free'), 60);
      allOk(quick);
      assert.ok(quick.every((one) => one.replica !== 'r0'), 'the slow one never wins');
      const before = (await counted(replicas)).reduce((a, b) => a + b, 0);
      allOk(await calls(weir.at('weather'), 100));
      const extra = (await counted(replicas)).reduce((a, b) => a + b, 0) - before - 100;
      assert.ok(extra > 0 && extra <= 10, `${extra} more than 100`);
      const writes = await calls(weir.at('free'), 30, { make: () => ({ tool: 'write' }) });
      allOk(writes);
      assert.deepEqual(await doubled(replicas), []);
      assert.ok(writes.some((one) => one.replica === 'r0'), 'who has it keeps it');
      await replicas[0].heal();
    });
  },

  async 'a client gives a deadline: it is kept in every fault, told on, and bounded by the configuration'() {
    const replicas = await use(3);
    await served(replicas, { weather: { ...blind, tools: { slow: { timeout: '700ms' } } } }, async (weir) => {
      const asked = (more) => call(weir.url, { id: `d${Math.random()}`, tool: 'slow', args: { ms: 3000 }, patience: 15000, ...more });
      for (const kind of ['none', 'hang', 'trickle', 'slow']) {
        for (const one of replicas) await one.fault(kind, { only: 'calls', factor: 100 });
        const one = await asked({ tool: 'echo', args: { ms: 3000 }, wishes: { 'weir/timeoutMs': 400 } });
        if (kind !== 'none' && kind !== 'slow') assert.deepEqual([one.outcome, one.code], ['rpc_error', 1003], `${kind} ${JSON.stringify(one)}`);
      }
      for (const one of replicas) await one.heal();
      const [own, bounded] = await Promise.all([asked({ wishes: { 'weir/timeoutMs': 300 } }), asked({ wishes: { 'weir/timeoutMs': 60000 } })]);
      assert.deepEqual([own.code, bounded.code], [1003, 1003], JSON.stringify([own, bounded]));
      assert.ok(bounded.end - bounded.start < 2900, 'the tool has 700 ms, whatever its client wants');
      const told = (await Promise.all(replicas.map((one) => one.counters()))).flatMap(({ calls: all }) => all).filter(({ tool }) => tool === 'slow').map(({ time }) => time);
      assert.ok(told.length >= 2 && told.every((time) => time > 0 && time <= 700), `${told}`);
      for (const wrong of [0, -5, 1.5, '300', true, null, {}, 1e12]) {
        const one = await asked({ wishes: { 'weir/timeoutMs': wrong } });
        assert.deepEqual([one.outcome, one.code], ['rpc_error', -32602], JSON.stringify(wrong));
      }
      const urgent = await asked({ tool: 'echo', wishes: { 'weir/priority': 'high' } });
      assert.equal(urgent.outcome, 'ok');
      assert.equal((await asked({ wishes: { 'weir/priority': 'urgent' } })).code, -32602);
      await wait(1);
    });
  },

  async 'a reload changes the policies of a server that stays'() {
    const replicas = await use(3);
    await served(replicas, { weather: { ...blind, retry: false } }, async (weir) => {
      await replicas[0].fault('reset_mid', { only: 'calls' });
      assert.ok((await calls(weir.url, 30)).some((one) => one.outcome !== 'ok'));
      await change(weir, { servers: { weather: { endpoints: replicas.map(({ url }) => ({ url })), ...blind } } });
      allOk(await calls(weir.url, 30));
      await replicas[0].heal();
    });
  },
};

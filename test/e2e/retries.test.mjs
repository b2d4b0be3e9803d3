// Calls that fail are tried elsewhere where that is safe, and only there; late ones are asked for a second time; deadlines
// that clients give. The replicas' own books say what ran how often.
import assert from 'node:assert/strict';
import { allOk, calls, counted, even, outcomes, pool, served, wait } from './crowd.mjs';
import { call, doubled, metric, until } from './replicas.mjs';

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
    const keys = { ...blind, retry: { budget: '20%', budget_reserve: 0, initial_delay: '0ms', max_delay: '0ms' } };
    await served(replicas, { weather: keys }, async (weir) => {
      for (const one of replicas) await one.fault('reset', { only: 'calls' });
      const records = await calls(weir.url, 200);
      assert.deepEqual(outcomes(records), { rpc_error: 200 });
      const all = (await counted(replicas)).reduce((a, b) => a + b, 0);
      assert.ok(all > 200 && all <= 240, `${all} attempts at 200 calls`);
      assert.ok((await sum(weir, 'weir_retries_total', { outcome: 'budget' })) > 0);
    });
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
      const taken = () => weir.log.split('"message":"configuration taken"').length;
      const before = taken();
      weir.write({ servers: { weather: { endpoints: replicas.map(({ url }) => ({ url })), ...blind } } });
      await until(() => taken() > before, 20000, 'the reload');
      allOk(await calls(weir.url, 30));
      await replicas[0].heal();
    });
  },
};

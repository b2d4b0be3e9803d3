// What stands in for an answer that can't be had, and what is left out while things are not well.
import assert from 'node:assert/strict';
import { allOk, calls, counted, even, forget, outcomes, pool, served } from './crowd.mjs';
import { call, metric, until } from './replicas.mjs';
import { ask, messages, openSession, request } from './weir.mjs';

const use = pool();
const quiet = { ...even, outlier_detection: { enabled: false }, circuit_breaker: false, health_check: { unhealthy_threshold: 1000 }, retry: false };
const value = async (weir, name, labels) => (await metric(weir, name, labels)).reduce((all, one) => all + one.value, 0);
const said = async (weir, path, name, args = '') => JSON.parse((await ask(`${weir.url}${path}`, 'tools/call', `"name":"${name}","arguments":{${args}}`, { name })).text);

export const tests = {
  async 'another server stands in for one that cannot answer, and says whose place it takes'() {
    const [main, spare] = await use(2);
    const at = (one) => [{ url: one.url }];
    const views = {
      weather: { ...quiet, endpoints: at(main), fallback: { server: 'spare' } },
      spare: { ...quiet, endpoints: at(spare) },
    };
    await served([main, spare], views, async (weir) => {
      const one = await said(weir, '/weather', 'echo');
      assert.equal(one.result._meta, undefined, 'nobody stands in for what is there');
      for (const [kind, reason] of [['refuse', 'unreachable'], ['reset', 'outcome_unknown'], ['s500', 'upstream_protocol'], ['s503', 'overloaded'], ['garbage', 'upstream_protocol']]) {
        await main.fault(kind, { only: 'calls' });
        const answer = await said(weir, '/weather', 'echo', '"id":"x1"');
        assert.deepEqual(answer.result?._meta, { 'weir/fallback': { server: 'weather', reason } }, JSON.stringify([kind, answer]));
        assert.equal(JSON.parse(answer.result.content[0].text).replica, 'r1');
        // A write that may have run is nobody else's.
        await forget([main, spare]);
        const write = await said(weir, '/weather', 'write', '"id":"w1"');
        const [, there] = await counted([main, spare]);
        if (kind === 'refuse') assert.equal(there, 1, 'what nobody saw may go elsewhere');
        else assert.deepEqual([there, write.error.data.sent], [0, 'maybe'], kind);
        await main.heal();
      }
      // An old client gets it likewise, in its own form.
      await main.fault('refuse');
      const session = await openSession(weir.url + '/weather');
      const old = JSON.parse(messages(await session.post('{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"echo","arguments":{}}}')).at(-1));
      assert.equal(old.result._meta['weir/fallback'].server, 'weather');
      // If that can't either, the first one's fault is told.
      await spare.fault('refuse');
      assert.equal((await said(weir, '/weather', 'echo')).error.data.server, 'weather');
      await spare.heal();
      await main.heal();
      assert.ok((await value(weir, 'weir_fallbacks_total', { server: 'weather', outcome: 'ok' })) >= 6);
      assert.ok((await value(weir, 'weir_fallbacks_total', { server: 'weather', outcome: 'failed' })) >= 1);
    });
  },

  async 'a fixed answer: of a server, of a tool; marked, and an error unless told otherwise'() {
    const [main] = await use(1);
    const views = {
      weather: { ...quiet, fallback: { text: 'closed today' }, tools: { whoami: { fallback: { text: 'nobody', error: false } } } },
    };
    await served([main], views, async (weir) => {
      await main.fault('reset', { only: 'calls' });
      const echo = await said(weir, '', 'echo');
      assert.deepEqual(echo.result, { resultType: 'complete', content: [{ type: 'text', text: 'closed today' }], isError: true, _meta: { 'weir/fallback': { server: 'weather', reason: 'outcome_unknown' } } });
      const own = await said(weir, '', 'whoami');
      assert.deepEqual([own.result.content[0].text, own.result.isError], ['nobody', undefined]);
      assert.equal((await said(weir, '', 'write')).error.code, 1007, 'a write that may have run is told of');
      await main.heal();
      const own_error = await said(weir, '', 'fail');
      assert.deepEqual([own_error.result.isError, own_error.result._meta], [true, undefined], 'a tool\'s own error is an answer');
      assert.equal((await said(weir, '', 'rpc_error')).error.code, -32603, 'what the server says itself passes');
    });
  },

  async 'while a server is not well: no hedges, no retries, and calls of low priority wait'() {
    const replicas = await use(3);
    const keys = { ...even, outlier_detection: { base_ejection_time: '60s', max_ejection_time: '60s' } };
    const config = { degradation: [{ when: 'server_degraded', shed: 'low', retry: false }, { when: 'gateway_unhealthy', shed: 'normal' }] };
    await served(replicas, { weather: keys }, async (weir) => {
      const asked = (priority) => calls(weir.url, 12, { make: () => ({ wishes: priority ? { 'weir/priority': priority } : {} }) });
      for (const priority of ['low', 'normal', 'high', undefined]) allOk(await asked(priority), priority);
      await replicas[0].fault('refuse');
      const acting = async () => JSON.parse((await request('GET', weir.admin + '/health')).text).degradation ?? [];
      await until(async () => (await acting()).length === 1, 10000, 'the rule to act');
      assert.deepEqual(await acting(), [{ rule: 'server_degraded: retry off, calls of low priority shed', server: 'weather' }]);
      assert.equal(await value(weir, 'weir_degradation_active', { server: 'weather' }), 1);
      const low = await asked('low');
      assert.deepEqual(outcomes(low), { rpc_error: 12 });
      assert.ok(low.every((one) => one.code === 1004 && one.error.data.retry_after_ms > 0 && one.error.data.sent === 'no'), JSON.stringify(low[0]));
      allOk(await asked('high'));
      allOk(await asked(undefined));
      assert.equal(await value(weir, 'weir_rejected_total', { server: 'weather', reason: 'degradation' }), 12);
      await until(() => weir.log.includes('a rule of degradation acts'), 5000, 'the log');
      await replicas[0].heal();
      await until(async () => (await acting()).length === 0, 20000, 'the rule to end');
      allOk(await asked('low'));
    }, { config });
  },

  async 'retries that a rule leaves out are left out only while it acts'() {
    const replicas = await use(3);
    const keys = { ...even, outlier_detection: { enabled: false }, circuit_breaker: false, retry: { budget: '100%', budget_reserve: 1000 } };
    await served(replicas, { weather: keys, other: { ...keys } }, async (weir) => {
      await replicas[0].fault('reset_mid', { only: 'calls' });
      allOk(await calls(weir.at('weather'), 30), 'well: tried again');
      await replicas[0].fault('reset_mid', { only: 'all' });
      await until(async () => JSON.parse((await request('GET', weir.admin + '/health')).text).degradation?.length === 2, 10000, 'the rule to act');
      await replicas[0].heal();
    }, { config: { degradation: [{ when: 'server_degraded', retry: false }] } });
  },
};

// What stands in for an answer that can't be had, and what is left out while things are not well.
import assert from 'node:assert/strict';
import { allOk, calls, counted, even, forget, outcomes, pool, served } from './crowd.mjs';
import { call, metric, until } from './replicas.mjs';
import { answerOf, ask, messages, openSession, request } from './weir.mjs';

const use = pool();
const quiet = { ...even, outlier_detection: { enabled: false }, circuit_breaker: false, health_check: { unhealthy_threshold: 1000 }, retry: false };
const value = async (weir, name, labels) => (await metric(weir, name, labels)).reduce((all, one) => all + one.value, 0);
const said = async (weir, path, name, args = '') => answerOf(await ask(`${weir.url}${path}`, 'tools/call', `"name":"${name}","arguments":{${args}}`, { name }));
const acting = async (weir) => JSON.parse((await request('GET', weir.admin + '/health')).text).degradation ?? [];

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

  async 'what may have run where it stood in is told, and under a key it is not run again'() {
    const [main, spare] = await use(2);
    const at = (one) => [{ url: one.url }];
    const views = { weather: { ...quiet, endpoints: at(main), fallback: { server: 'spare' } }, spare: { ...quiet, endpoints: at(spare) } };
    await served([main, spare], views, async (weir) => {
      await main.fault('refuse', { only: 'calls' });
      for (const kind of ['reset', 'reset_mid', 's500', 's503', 'garbage']) {
        await spare.fault(kind, { only: 'calls' });
        await forget([main, spare]);
        for (let n = 0; n < 2; ++n) {
          const { error } = answerOf(await ask(`${weir.url}/weather`, 'tools/call', `"name":"write","arguments":{"id":"${kind}"}`, { name: 'write', more: `"weir/idempotencyKey":"${kind}",` }));
          assert.deepEqual([error.data.sent, error.data.retryable], ['maybe', false], `${kind} ${JSON.stringify(error)}`);
        }
        assert.deepEqual(await counted([main, spare]), [0, 1], kind);
        await spare.heal();
      }
    });
  },

  async 'each attempt counts once: for the server and the endpoint that it went to, as what it came to'() {
    const [main, spare] = await use(2);
    const at = (one) => [{ url: one.url }];
    const retry = { max_attempts: 3, initial_delay: '0ms', max_delay: '0ms', budget: '100%', budget_reserve: 1000 };
    const views = {
      weather: { ...quiet, retry, endpoints: at(main), fallback: { server: 'spare' } },
      spare: { ...quiet, endpoints: at(spare) },
      fixed: { ...quiet, endpoints: at(main), fallback: { text: 'later', error: false } },
      // Of the same address as whom it stands in for.
      twin: { ...quiet, endpoints: at(main), fallback: { server: 'fixed' } },
    };
    await served([main, spare], views, async (weir) => {
      const name = (url) => (url === main.url ? 'main' : url === spare.url ? 'spare' : url);
      const attempts = async () => Object.fromEntries((await metric(weir, 'weir_attempts_total')).map(({ labels, value }) => [`${labels.server} ${name(labels.endpoint)} ${labels.outcome}`, value]));
      const asked = async (view, tool, count, good) => {
        for (let n = 0; n < count; ++n) {
          const { result, error } = await said(weir, `/${view}`, tool, `"id":"${view}${n}"`);
          assert.equal(result !== undefined, good, JSON.stringify([view, tool, result, error]));
        }
      };
      await main.fault('s500', { only: 'calls' });
      await asked('weather', 'echo', 5, true);
      await asked('fixed', 'echo', 5, true);
      const expected = { 'weather main upstream_protocol': 15, 'spare spare ok': 5, 'fixed main upstream_protocol': 5 };
      assert.deepEqual(await attempts(), expected);
      // Who could not stand in either: what it answered itself, and what it did not.
      await asked('weather', 'rpc_error', 1, false);
      await spare.fault('s503', { only: 'calls' });
      await asked('weather', 'echo', 1, false);
      await asked('twin', 'echo', 1, false);
      Object.assign(expected, { 'weather main upstream_protocol': 21, 'spare spare upstream_error': 1, 'spare spare overloaded': 1 });
      Object.assign(expected, { 'twin main upstream_protocol': 1, 'fixed main upstream_protocol': 6 });
      assert.deepEqual(await attempts(), expected);
      await spare.heal();
      await main.heal();
      // Without anybody's help it is as before.
      await asked('weather', 'echo', 1, true);
      assert.deepEqual(await attempts(), { ...expected, 'weather main ok': 1 });
      assert.equal(await value(weir, 'weir_requests_total', { server: 'weather', outcome: 'upstream_protocol' }), 2);
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

  async 'while a server is not well: calls of low priority are refused'() {
    const replicas = await use(3);
    const keys = { ...even, outlier_detection: { base_ejection_time: '60s', max_ejection_time: '60s' } };
    const config = { degradation: [{ when: 'server_degraded', shed: 'low', retry: false }, { when: 'gateway_unhealthy', shed: 'normal' }] };
    await served(replicas, { weather: keys }, async (weir) => {
      const asked = (priority) => calls(weir.url, 12, { make: () => ({ wishes: priority ? { 'weir/priority': priority } : {} }) });
      for (const priority of ['low', 'normal', 'high', undefined]) allOk(await asked(priority), priority);
      await replicas[0].fault('refuse');
      await until(async () => (await acting(weir)).length === 1, 10000, 'the rule to act');
      assert.deepEqual(await acting(weir), [{ rule: 'server_degraded: retry off, calls of low priority shed', server: 'weather' }]);
      assert.equal(await value(weir, 'weir_degradation_active', { server: 'weather' }), 1);
      const low = await asked('low');
      assert.deepEqual(outcomes(low), { rpc_error: 12 });
      assert.ok(low.every((one) => one.code === 1004 && one.error.data.retry_after_ms > 0 && one.error.data.sent === 'no'), JSON.stringify(low[0]));
      allOk(await asked('high'));
      allOk(await asked(undefined));
      assert.equal(await value(weir, 'weir_rejected_total', { server: 'weather', reason: 'degradation' }), 12);
      await until(() => weir.log.includes('a rule of degradation acts'), 5000, 'the log');
      await replicas[0].heal();
      await until(async () => (await acting(weir)).length === 0, 20000, 'the rule to end');
      allOk(await asked('low'));
    }, { config });
  },

  async 'retries and hedges that a rule leaves out are left out only while it acts'() {
    const replicas = await use(3);
    const keys = { ...even, outlier_detection: { enabled: false }, circuit_breaker: false, retry: { budget: '100%', budget_reserve: 1000 } };
    const views = { weather: keys, hedged: { ...keys, hedge: { delay: '30ms', budget: '100%' } } };
    await served(replicas, views, async (weir) => {
      // The last one is away, and so both servers are degraded.
      const degraded = async (work) => {
        await replicas[2].fault('refuse');
        await until(async () => (await acting(weir)).length === 2, 10000, 'the rule to act');
        await work();
        await replicas[2].heal();
        await until(async () => (await acting(weir)).length === 0, 20000, 'the rule to end');
      };
      const asked = (view) => calls(weir.at(view), 30);
      await replicas[0].fault('reset_mid', { only: 'calls' });
      allOk(await asked('weather'), 'well: tried again');
      await degraded(async () => assert.ok(outcomes(await asked('weather')).rpc_error > 0, 'not tried again'));
      allOk(await asked('weather'), 'well again');
      await replicas[0].fault('slow', { only: 'calls', factor: 1, add: 400 });
      const slow = async () => (await asked('hedged')).filter((one) => one.replica === 'r0').length;
      assert.equal(await slow(), 0, 'well: the slow one is outrun');
      await degraded(async () => assert.ok((await slow()) > 0, 'it is waited for'));
      assert.equal(await slow(), 0, 'well again');
      await replicas[0].heal();
    }, { config: { degradation: [{ when: 'server_degraded', retry: false, hedge: false }] } });
  },

  async 'calls are shed as the rules say: of which server, and up to which priority'() {
    const [main, spare] = await use(2);
    const keys = { ...even, outlier_detection: { enabled: false }, circuit_breaker: false, retry: false, health_check: { interval: '100ms' } };
    const views = { ill: { ...keys, endpoints: [{ url: main.url }] }, well: { ...keys, endpoints: [{ url: spare.url }] } };
    const config = { degradation: [{ when: 'server_unhealthy', shed: 'normal' }, { when: 'gateway_degraded', shed: 'low' }, { when: 'gateway_unhealthy', shed: 'normal' }] };
    await served([main, spare], views, async (weir) => {
      const shed = async (view) => {
        const got = {};
        for (const priority of ['low', 'normal', 'high']) {
          const one = await call(weir.at(view), { id: `${view}-${priority}`, wishes: { 'weir/priority': priority } });
          got[priority] = one.code === 1004;
        }
        return Object.keys(got).filter((priority) => got[priority]);
      };
      const rules = async () => (await acting(weir)).map(({ rule, server }) => `${rule.split(':')[0]} ${server ?? 'all'}`).sort();
      assert.deepEqual([await rules(), await shed('ill'), await shed('well')], [[], [], []]);
      await main.fault('refuse');
      await until(async () => (await rules()).length === 2, 10000, 'the rules to act');
      assert.deepEqual(await rules(), ['gateway_degraded all', 'server_unhealthy ill']);
      assert.deepEqual([await shed('ill'), await shed('well')], [['low', 'normal'], ['low']]);
      await spare.fault('refuse');
      await until(async () => (await rules()).includes('gateway_unhealthy all'), 10000, 'all to be away');
      await main.heal();
      await spare.heal();
      await until(async () => (await rules()).length === 0, 20000, 'the rules to end');
      assert.deepEqual([await shed('ill'), await shed('well')], [[], []]);
    }, { config });
  },
};

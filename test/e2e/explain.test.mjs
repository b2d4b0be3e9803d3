// What /explain and `weir explain` say of a call, beside what the replicas then see of one.
import assert from 'node:assert/strict';
import { allOk, calls, counted, endpoint, forget, pool, served, turns } from './crowd.mjs';
import { own, until } from './replicas.mjs';
import { binary, request } from './weir.mjs';

const use = pool();

async function explain(weir, tool) {
  const answer = await request('GET', `${weir.admin}/explain?tool=${encodeURIComponent(tool)}`);
  assert.equal(answer.headers['content-type'], 'application/json');
  return { status: answer.status, ...JSON.parse(answer.text) };
}
// The same once the set of endpoints has followed their states.
const explained = (weir, tool, fits) => until(async () => ((told) => fits(told) && told)(await explain(weir, tool)), 10000, `${tool} explained`);
async function cli(weir, ...args) {
  const child = own(binary, ['explain', ...args, '--admin', new URL(weir.admin).host]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => (err += data));
  const { code } = await child.ended;
  await until(() => child.stdout.readableEnded || child.stdout.destroyed, 5000, 'its output');
  return { code, out, err };
}
const seen = async (replicas) => Promise.all(replicas.map(async (one) => (await one.counters()).calls.length));

export const tests = {
  async 'who may get a call, and why the others may not, is what the replicas see'() {
    const replicas = await use(4);
    const each = (i) => [{}, { weight: 0 }, { priority: 1 }, {}][i];
    await served(replicas, { weather: { load_balancing: { strategy: 'round_robin', panic_threshold: '20%' } } }, async (weir) => {
      await replicas[3].fault('s503');
      await turns(weir, replicas[3], 'unhealthy');
      const told = await explained(weir, 'echo', (one) => !one.endpoints[3].eligible);
      assert.equal(told.status, 200);
      assert.deepEqual([told.found, told.server, told.original, told.listed, told.strategy, told.panic], [true, 'weather', 'echo', true, 'round_robin', false]);
      assert.deepEqual(told.endpoints.map((one) => [one.address, one.eligible]), replicas.map((one, i) => [one.url, i === 0]));
      assert.equal(told.endpoints[0].why, 'healthy');
      assert.match(told.endpoints[1].why, /^weight 0/);
      assert.match(told.endpoints[2].why, /^a backup: priority 1/);
      assert.match(told.endpoints[3].why, /^unhealthy: .*503/);
      await Promise.all(replicas.map((one) => one.reset()));
      await calls(weir.url, 12);
      const got = await seen(replicas);
      assert.deepEqual(told.endpoints.map((one, i) => got[i] > 0 || one.eligible), told.endpoints.map((one) => one.eligible), String(got));

      await replicas[0].fault('s503');
      await turns(weir, replicas[0], 'unhealthy');
      const next = await explained(weir, 'weather__echo', (one) => !one.endpoints[0].eligible);
      assert.deepEqual(next.endpoints.map((one) => one.eligible), [false, false, true, false]);
      assert.equal(next.original, 'echo');
    }, { each, ready: false });
  },

  async 'panic, and a lone endpoint, are called by name'() {
    const replicas = await use(2);
    await served(replicas, { weather: { load_balancing: { panic_threshold: '80%' } }, lone: { endpoints: [{ url: replicas[1].url }] } }, async (weir) => {
      await replicas[0].fault('s503');
      await turns(weir, replicas[0], 'unhealthy');
      const told = await explained(weir, 'weather__echo', (one) => one.panic);
      assert.deepEqual(told.endpoints.map((one) => [one.eligible, one.why]), Array(2).fill([true, 'panic: too few are healthy, so all are tried']));
      const lone = await explain(weir, 'lone__echo');
      assert.deepEqual(lone.endpoints.map((one) => [one.eligible, one.why]), [[true, 'the only one: it is called while its circuit breaker is closed']]);
    });
  },

  async 'one alone whose calls fail gets none while its breaker is open, unless it has none; and is tried in time'() {
    const [replica] = await use(1);
    const long = { base_ejection_time: '60s', max_ejection_time: '60s' };
    const views = {
      shut: { retry: false, circuit_breaker: { failure_threshold: 2, timeout: '60s' }, outlier_detection: long },
      bare: { retry: false, circuit_breaker: false, outlier_detection: long },
      soon: { retry: false, circuit_breaker: { failure_threshold: 2, timeout: '300ms' }, outlier_detection: long },
    };
    await served([replica], views, async (weir) => {
      const asked = (view, count = 1) => calls(weir.at(view), count, { width: 1 });
      const only = async (view) => ((told) => ({ ...told.endpoints[0], panic: told.panic }))(await explain(weir, `${view}__echo`));
      await replica.fault('s500', { only: 'calls' });
      for (const view of ['shut', 'soon', 'bare']) await asked(view, 5);
      await until(async () => (await endpoint(weir, replica, 'shut')).breaker === 'open', 20000, 'the breaker to open');
      const shut = await until(async () => ((one) => one.why.includes('failed') && one)(await only('shut')), 5000, 'the reason');
      assert.deepEqual([shut.breaker, shut.eligible, shut.panic], ['open', false, false]);
      assert.match(shut.why, /^the only one, but its circuit breaker is open: .*calls.* failed.*; a call may try it in \d+\S+$/);
      const { out } = await cli(weir, 'shut__echo');
      assert.match(out, /\nstrategy: \w+\nendpoints\n {2}no {3}http:\S+ {2}the only one, but its circuit breaker is open: .*; breaker open\n/);
      await forget([replica]);
      const [refused] = await asked('shut');
      assert.deepEqual([refused.code, await counted([replica])], [1005, [0]], JSON.stringify(refused));
      // What has no breaker is asked all the same.
      assert.deepEqual(((one) => [one.eligible, one.why])(await only('bare')), [true, 'the only one: it is called however it stands']);
      await asked('bare');
      assert.deepEqual(await counted([replica]), [1]);
      // A call may try it once it is time, or some may at a time once probes say so.
      const soon = await until(async () => ((one) => one.eligible && one)(await only('soon')), 20000, 'a trial');
      assert.match(soon.why, /^the only one: its circuit breaker is (open, and the next call tries it|half open, so a few calls at a time try it)$/);
      await replica.heal();
      await until(async () => (await asked('soon'))[0].outcome === 'ok' && (await endpoint(weir, replica, 'soon')).breaker === 'closed', 20000, 'it to be back');
      allOk(await asked('soon', 5));
      assert.deepEqual(((one) => [one.eligible, one.why])(await only('soon')), [true, 'the only one: it is called while its circuit breaker is closed']);
    });
  },

  async 'whether a call may be run twice, and by whose word; and it is so'() {
    const replicas = await use(2);
    const views = { weather: { tools: { write: { safe_to_repeat: true }, whoami: { safe_to_repeat: false } }, outlier_detection: { enabled: false }, health_check: { interval: '1h' } }, wary: { trust_annotations: false } };
    await served(replicas, views, async (weir) => {
      const repeat = async (tool) => ((one) => [one.repeat.allowed, one.repeat.why])(await explain(weir, tool));
      assert.deepEqual(await repeat('weather__echo'), [true, 'the tool says readOnlyHint or idempotentHint']);
      assert.deepEqual(await repeat('weather__write'), [true, 'tools.write.safe_to_repeat is true']);
      assert.deepEqual(await repeat('weather__whoami'), [false, 'tools.whoami.safe_to_repeat is false']);
      assert.deepEqual(await repeat('wary__echo'), [false, 'trust_annotations is off: what the tool says of itself does not count']);
      assert.deepEqual(await repeat('wary__write'), [false, 'trust_annotations is off: what the tool says of itself does not count']);
      for (const one of replicas) await one.fault('reset', { only: 'calls' });
      for (const [tool, times] of [['echo', 3], ['whoami', 1]]) {
        await Promise.all(replicas.map((one) => one.reset()));
        await calls(weir.url + '/weather', 1, { make: () => ({ tool }) });
        assert.equal((await seen(replicas)).reduce((a, b) => a + b), times, tool);
      }
    });
  },

  async 'the stack is printed, each value with where it comes from'() {
    const replicas = await use(2);
    const config = { retry: { max_attempts: 4 }, hedge: { delay: '80ms' } };
    await served(replicas, { weather: { retry: { budget: '30%' }, tools: { echo: { timeout: '7s' } } } }, async (weir) => {
      const told = await explain(weir, 'echo');
      assert.deepEqual(told.stack.map((one) => [one.line.split(':')[0], one.block]), [['bulkhead', 'bulkhead'], ['retry', 'retry'], ['patience', 'hedge'], ['balance', 'load_balancing']]);
      assert.match(told.stack[1].line, /4 attempts.*budget 30%/);
      assert.deepEqual(told.settings.retry.max_attempts, { value: 4, from: 'top level' });
      assert.deepEqual(told.settings.retry.budget, { value: '30%', from: 'server' });
      assert.deepEqual(told.settings.retry.jitter, { value: 'full', from: 'default' });
      assert.deepEqual(told.settings.hedge.delay, { value: '80ms', from: 'top level' });
      assert.deepEqual(told.settings.timeout.request, { value: '7s', from: 'tool' });
      assert.deepEqual(told.settings.timeout.connect, { value: '5s', from: 'default' });

      const { code, out, err } = await cli(weir, 'weather__echo');
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, /^weather__echo: echo of server weather \(ready, healthy\)\nstrategy: adaptive_latency\nendpoints\n {2}yes {2}http:\S+ {2}healthy\n/);
      assert.match(out, /\nmay be repeated: the tool says readOnlyHint or idempotentHint\n/);
      assert.match(out, /\n {2}retry: 4 attempts.*\n {6}max_attempts 4 \(top level\), .*budget 30% \(server\)/);
      assert.match(out, /\n {2}timeout: request 7s \(tool\), connect 5s,/);
      const json = await cli(weir, 'echo', '--json');
      assert.equal(JSON.parse(json.out).settings.retry.max_attempts.value, 4);
    }, { config });
  },

  async 'a name that leads nowhere: 404, or exit code 1, with what may be meant'() {
    const replicas = await use(2);
    await served(replicas, { weather: {}, calm: {} }, async (weir) => {
      const typo = await explain(weir, 'weather__ech');
      assert.deepEqual([typo.status, typo.found, typo.server, typo.listed, typo.candidates.includes('weather__echo')], [200, true, 'weather', false, true], JSON.stringify(typo));
      const several = await explain(weir, 'echo');
      assert.equal(several.status, 404);
      assert.match(several.error, /several servers have a tool named "echo"/);
      assert.deepEqual(several.candidates.slice(0, 2), ['weather__echo', 'calm__echo']);
      const nowhere = await explain(weir, 'ecoh "<b>');
      assert.deepEqual([nowhere.status, nowhere.found, nowhere.tool], [404, false, 'ecoh "<b>']);
      assert.equal((await request('GET', weir.admin + '/explain')).status, 400);
      const { code, out, err } = await cli(weir, 'whoam');
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, /^weir: no server has a tool named "whoam"; did you mean .*weather__whoami.*\?\n$/);
      assert.equal((await cli(weir, 'whoam', '--json')).code, 1);
    });
  },
};

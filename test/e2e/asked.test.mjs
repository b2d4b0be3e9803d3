// Clients that can be asked for input, and old ones before new servers, go another way inside; what befalls upstreams they see
// no more of than others do.
import assert from 'node:assert/strict';
import { allOk, calls, counted, endpoint, even, forget, pool, served, turns, wait } from './crowd.mjs';
import { Upstream } from './upstream.mjs';
import { OpenLoop, metric, until } from './replicas.mjs';
import { Weir, ask, messages, openSession } from './weir.mjs';

const use = pool();
const asked = () => ({ capabilities: '{"elicitation":{}}' });
const last = (answer) => JSON.parse(messages(answer).at(-1));
// How one client calls a tool: its own answer, an error or a result.
async function client(kind, url) {
  const session = kind === 'old' ? await openSession(url) : null;
  let n = 0;
  return async (tool, args = '{}') => {
    const id = String(++n);
    if (session) return last(await session.post(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`));
    return last(await ask(url, 'tools/call', `"name":"${tool}","arguments":${args}`, { name: tool, id, ...(kind === 'asked' ? asked() : {}) }));
  };
}

export const tests = {
  async 'while all that is there is half open they wait a moment as others do'() {
    const replicas = await use(2);
    for (const kind of ['plain', 'asked', 'old'])
      await served(replicas, { weather: {} }, async (weir) => {
        const call = await client(kind, weir.url);
        for (const one of replicas) await one.fault('refuse');
        for (const one of replicas) await turns(weir, one, 'unhealthy');
        for (const one of replicas) await one.heal();
        await until(async () => (await Promise.all(replicas.map((one) => endpoint(weir, one)))).every((one) => one.breaker === 'half_open'), 20000, 'half open');
        const got = await Promise.all(Array.from({ length: 24 }, () => call('slow', '{"ms":20}')));
        assert.deepEqual(got.filter((one) => one.error).map((one) => one.error.message), [], kind);
      });
  },

  async 'they try an endpoint that is out for failing calls, too'() {
    const replicas = await use(2);
    const [bad] = replicas;
    for (const kind of ['asked', 'old'])
      await served(replicas, { weather: { ...even, circuit_breaker: { timeout: '1s' } } }, async (weir) => {
        const call = await client(kind, weir.url);
        await bad.fault('s503', { only: 'calls' });
        await until(async () => (await calls(weir.url, 10, { make: () => ({ args: {} }) }), (await endpoint(weir, bad)).state === 'unhealthy'), 20000, 'it to be out');
        await forget([bad]);
        await bad.heal();
        // Nobody but these: the first trial is theirs.
        await until(async () => (await call('echo', '{"id":"x"}'), (await counted([bad]))[0] > 0), 5000, `${kind}: a trial`);
      });
  },

  async 'an old server is told what is left of their time, and no nonsense'() {
    const upstream = await Upstream.start({ era: 'old', tools: ['w'] });
    const weir = await Weir.start({ servers: { a: { url: upstream.url } } });
    try {
      await weir.settled();
      const answer = last(await ask(weir.url, 'tools/call', '"name":"w","arguments":{}', { name: 'w', more: '"weir/timeoutMs":1000,', ...asked() }));
      assert.ok(answer.result, JSON.stringify(answer));
      const told = upstream.calls().at(-1).parsed.params._meta['weir/timeoutMs'];
      assert.ok(told > 0 && told <= 1000, String(told));
    } finally {
      await weir.stop();
      await upstream.stop();
    }
  },

  async 'the next page of a list is asked for where its cursor was made, however late it is'() {
    let slow = false;
    const start = (n) => Upstream.start({ tools: ['x'], before: (message, send) => {
      if (message.method !== 'tools/list') return false;
      const cursor = message.params?.cursor;
      const result = (name, more) => send(200, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"${name}","inputSchema":{"type":"object"}}]${more}}}`);
      if (cursor === undefined) result('one', `,"nextCursor":"r${n}"`);
      else if (cursor !== `r${n}`) send(200, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"error":{"code":-32602,"message":"made elsewhere"}}`);
      else setTimeout(() => result('two', ''), slow ? 700 : 0);
      return true;
    } });
    const upstreams = [await start(0), await start(1)];
    const weir = await Weir.start({ servers: { a: { endpoints: upstreams.map(({ url }) => ({ url })) } } });
    try {
      await weir.settled();
      slow = true;
      for (let i = 0; i < 3; ++i) {
        const { result, error } = last(await ask(weir.url, 'tools/list'));
        assert.deepEqual(result?.tools.map(({ name }) => name).sort(), ['one', 'two'], JSON.stringify(error ?? result));
        assert.equal(result._meta?.['weir/partial'], undefined);
      }
    } finally {
      await weir.stop();
      for (const one of upstreams) await one.stop();
    }
  },

  async 'second attempts have a budget where nothing is retried'() {
    const slow = { tools: [{ name: 'echo', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }], call: async (_, reply) => (await wait(1500), reply.result('{"resultType":"complete","content":[]}')) };
    const upstreams = [await Upstream.start(slow), await Upstream.start(slow)];
    const weir = await Weir.start({ servers: { a: { endpoints: upstreams.map(({ url }) => ({ url })), retry: false, hedge: { delay: '10s', budget: '0%' } } } });
    try {
      await weir.settled();
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' })));
      assert.ok(answers.every((one) => last(one).result));
      assert.equal(upstreams[0].calls().length + upstreams[1].calls().length, 10);
      const [budget] = await metric(weir, 'weir_hedges_total', { outcome: 'budget' });
      assert.equal(budget.value, 10);
    } finally {
      await weir.stop();
      for (const one of upstreams) await one.stop();
    }
  },

  async 'the time of two attempts at once counts once'() {
    const slow = { tools: [{ name: 'echo', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }], call: async (_, reply) => (await wait(500), reply.result('{"resultType":"complete","content":[]}')) };
    const upstreams = [await Upstream.start(slow), await Upstream.start(slow)];
    const weir = await Weir.start({ log: { format: 'json', access: 'all' }, servers: { a: { endpoints: upstreams.map(({ url }) => ({ url })), hedge: { delay: '10ms', budget: '100%' } } } });
    try {
      await weir.settled();
      assert.ok(last(await ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' })).result);
      assert.equal(upstreams[0].calls().length + upstreams[1].calls().length, 2);
      const lines = () => weir.log.split('\n').filter((line) => line.includes('"upstream_ms"') && line.includes('tools/call')).map((line) => JSON.parse(line));
      await until(() => lines().length, 5000, 'the access line');
      const [{ ms, upstream_ms }] = lines();
      assert.ok(upstream_ms <= ms, `${upstream_ms} of ${ms} ms`);
    } finally {
      await weir.stop();
      for (const one of upstreams) await one.stop();
    }
  },
};

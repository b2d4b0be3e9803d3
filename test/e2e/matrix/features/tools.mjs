// Calls, what their results carry, and what comes beside them.
import fs from 'node:fs';
import path from 'node:path';
import { all, assert, refused, sleep, text, token, until } from './check.mjs';
import { spec } from './spec.mjs';

// Notifications of one kind during a call, and how many of them had come when its result did.
async function during(client, method, work) {
  const got = [];
  const stop = client.on(method, (params) => got.push(params));
  try {
    await work();
    return [...got];
  } finally {
    stop();
  }
}

export const tools = [
  {
    name: 'tools list and call',
    async run({ client }) {
      const { found } = await all(client, 'tools');
      const echo = found.find((one) => one.name === 'echo');
      assert.equal(echo?.description, 'does echo');
      const said = 'grüße "\u{1F600}"\n\u0000';
      assert.equal(text(await client.call('echo', { text: said })), said);
    },
  },
  {
    name: 'tool error',
    async run({ client }) {
      const got = await client.call('fail');
      assert.deepEqual([got.isError, text(got)], [true, 'it failed']);
    },
  },
  {
    name: 'structured content',
    na: (client) => client.version < '2025-06-18' && spec.structured,
    async run({ client }) {
      const { found } = await all(client, 'tools');
      assert.deepEqual(found.find((one) => one.name === 'structured').outputSchema.required, ['n', 'double']);
      assert.deepEqual((await client.call('structured', { n: 21 })).structuredContent, { n: 21, double: 42 });
    },
  },
  {
    name: 'progress',
    async run({ client }) {
      const got = [];
      const from = client.seen?.length;
      await client.call('progress', { count: 5 }, { onprogress: (params) => got.push(params) });
      assert.deepEqual(got.map((one) => one.progress), [1, 2, 3, 4, 5]);
      assert.deepEqual([got[4].total, got[4].message], [5, 'step 5']);
      if (!client.seen) return;
      // A server that comes up late changes the lists meanwhile.
      const since = client.seen.slice(from).filter((one) => one.from === 'server').map((one) => one.message.method ?? 'result').filter((one) => !one.endsWith('list_changed'));
      assert.deepEqual(since, [...Array(5).fill('notifications/progress'), 'result']);
    },
  },
  {
    name: 'log messages',
    async run({ client }) {
      const logged = () => during(client, 'notifications/message', () => client.call('log'));
      if (client.era === 'new') assert.deepEqual((await logged()).length, 0, 'messages that were not asked for');
      for (const [level, wanted] of [['warning', ['warning', 'error']], ['error', ['error']]]) {
        await client.setLevel(level);
        const got = await logged();
        assert.deepEqual(got.map((one) => one.level), wanted, `at ${level}`);
        assert.deepEqual([got[0].data, got[0].logger], [`a ${wanted[0]}`, 'matrix']);
      }
    },
  },
  {
    name: 'cancel',
    async run({ client, server }) {
      const key = token('slow');
      const left = (what) => fs.existsSync(path.join(server.folder, `${what}-${key}`));
      const stop = new AbortController();
      const call = client.call('slow', { key }, { signal: stop.signal });
      call.catch(() => {});
      await until(() => left('begun'), 3000, 'the call at the server');
      stop.abort();
      await assert.rejects(call);
      await until(() => left('aborted'), 3000, 'the cancellation at the server');
      assert.equal(text(await client.call('echo', { text: 'after' })), 'after');
    },
  },
  {
    name: 'request _meta',
    async run({ client }) {
      const sent = { 'example.com/trace': { a: 1, b: [null, 'x'] }, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
      const got = await client.call('meta', {}, { meta: sent });
      const arrived = JSON.parse(text(got));
      assert.deepEqual(arrived['example.com/trace'], sent['example.com/trace']);
      // The trace and its flags stay; who passes it on may put a span of its own between.
      const trace = (value) => value?.split('-').filter((_, i) => i !== 2);
      assert.deepEqual(trace(arrived.traceparent), trace(sent.traceparent));
      assert.deepEqual(got._meta['example.com/back'], { b: [1, null] });
    },
  },
  {
    name: 'protocol errors',
    async run({ client, server }) {
      const plain = await refused(client.call('protocol_error'));
      assert.deepEqual([plain.code, plain.message, plain.data], [4242, 'No such tea', { kettle: 1, list: ['a', null] }]);
      // SDK v1 writes its prefix onto the wire, once.
      const prefixed = await refused(client.call('prefixed_error'));
      assert.deepEqual([prefixed.code, prefixed.message], [4243, server.flavour === 'sdk1' ? 'MCP error 4243: No such tea' : 'No such tea']);
      assert.equal((await refused(client.call('no_such_tool'))).code, -32602);
    },
  },
  {
    name: 'ping',
    na: (client) => client.era === 'new' && spec.ping,
    async run({ client }) {
      assert.deepEqual(await client.get('ping'), {});
    },
  },
  {
    name: 'ids and tokens',
    na: (client) => client.kind !== 'raw' && spec.ids,
    async run({ client, connect }) {
      const other = await connect();
      for (const id of [0, -7, 1, '1', 'ü "x"', '', 2 ** 53 - 1]) {
        const both = [client, other].map((one, i) => one.call('echo', { text: `${i}` }, { id }));
        assert.deepEqual((await Promise.all(both)).map(text), ['0', '1'], `id ${JSON.stringify(id)}`);
      }
      for (const one of [0, '42']) {
        const got = [];
        await client.call('progress', { count: 2 }, { token: one, onprogress: (params) => got.push(params.progressToken) });
        assert.deepEqual(got, [one, one]);
      }
      await sleep(20);
    },
  },
];

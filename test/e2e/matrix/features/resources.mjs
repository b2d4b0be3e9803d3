// Resources, prompts, completion, pages, and what changes about them.
import { all, assert, refused, sleep, text, token, until } from './check.mjs';
import { toolNames } from '../servers/features-server.mjs';

function collect(client, method) {
  const got = [];
  const stop = client.on(method, (params) => got.push(params));
  return { got, stop };
}

// A list that changes: the notification comes, and the list is the new one then.
const changed = (what, key) => ({
  name: `${what} list changed`,
  async run({ client }) {
    const name = token(`new_${what}`);
    const { got, stop } = collect(client, `notifications/${what}/list_changed`);
    const stream = await client.watch({ what: [what] });
    try {
      await all(client, what);
      await client.call('change', { what, token: name });
      await until(() => got.length, 3000, `notifications/${what}/list_changed`);
      const names = (await all(client, what)).found.map((one) => one[key]);
      assert.ok(names.includes(name), `the list after the change: ${names.slice(-3)}`);
    } finally {
      stop();
      await stream.close();
    }
  },
});

export const resources = [
  {
    name: 'resources',
    async run({ client }) {
      const uris = (await all(client, 'resources')).found.map((one) => one.uri);
      assert.ok(['test://static', 'test://blob'].every((one) => uris.includes(one)), String(uris));
      assert.equal((await client.get('resources/read', { uri: 'test://static' })).contents[0].text, 'the text of test://static');
      assert.deepEqual((await client.get('resources/read', { uri: 'test://blob' })).contents[0].blob, 'AAEC/w==');
      assert.equal((await all(client, 'resources/templates', 'resourceTemplates')).found[0].uriTemplate, 'test://item/{id}');
      assert.equal((await client.get('resources/read', { uri: 'test://item/42' })).contents[0].text, 'item 42');
    },
  },
  {
    name: 'resource subscription',
    async run({ client }) {
      const { got, stop } = collect(client, 'notifications/resources/updated');
      const change = (uri) => client.call('change', { what: 'updated', token: uri });
      try {
        const stream = await client.watch({ uris: ['test://watched'] });
        await change('test://r1');
        await change('test://watched');
        await until(() => got.length, 3000, 'notifications/resources/updated');
        assert.deepEqual(got.map((one) => one.uri), ['test://watched']);
        await stream.close();
        await sleep(100);
        await change('test://watched');
        await sleep(150);
        assert.equal(got.length, 1, 'updates after the subscription ended');
      } finally {
        stop();
      }
    },
  },
  changed('tools', 'name'),
  changed('prompts', 'name'),
  changed('resources', 'name'),
  {
    name: 'prompts',
    async run({ client }) {
      const greet = (await all(client, 'prompts')).found.find((one) => one.name === 'greet');
      assert.deepEqual(greet.arguments, [{ name: 'name', required: true }]);
      const got = await client.get('prompts/get', { name: 'greet', arguments: { name: 'Ada' } });
      assert.deepEqual([got.description, got.messages[0].content.text], ['a greeting', 'Hello Ada']);
    },
  },
  {
    name: 'completion',
    async run({ client }) {
      const complete = async (ref, name, value) => (await client.get('completion/complete', { ref, argument: { name, value } })).completion.values;
      assert.deepEqual(await complete({ type: 'ref/prompt', name: 'greet' }, 'name', 'a'), ['ada', 'alan']);
      assert.deepEqual(await complete({ type: 'ref/resource', uri: 'test://item/{id}' }, 'id', '4'), ['4', '42']);
    },
  },
  {
    // A gateway may join the pages; nothing may be missing, double or out of order.
    name: 'paging',
    async run({ client, server, direct }) {
      for (const [what, member, key, wanted] of [
        ['tools', 'tools', 'name', toolNames],
        ['prompts', 'prompts', 'name', ['greet', 'ask', 'p1', 'p2', 'p3']],
        ['resources', 'resources', 'name', ['static', 'blob', 'watched', 'ask', 'r1']],
        ['resources/templates', 'resourceTemplates', 'name', ['item', 't1', 't2', 't3', 't4']],
      ]) {
        const { found, pages } = await all(client, what, member);
        const names = found.map((one) => one[key]).filter((one) => !one.startsWith('new_') && !(server.flavour === 'sdk1' && one === 'task'));
        assert.deepEqual(names, wanted);
        if (direct && client.seen) assert.ok(pages > 1, `${what} on ${pages} page`);
      }
    },
  },
  {
    // 2026-07-28: MUST be -32602. Before: SHOULD be -32002, and SDK v2 does not follow.
    name: 'resource not found',
    async run({ client }) {
      const error = await refused(client.get('resources/read', { uri: 'test://missing' }));
      assert.ok(client.era === 'new' ? error.code === -32602 : [-32002, -32602].includes(error.code), `code ${error.code}`);
      assert.equal(error.data?.uri, 'test://missing');
    },
  },
];

// What a server asks of the user in the middle of a call.
import { assert, text } from './check.mjs';
import { spec } from './spec.mjs';

const form = (client) => client.version < '2025-06-18' && spec.elicitation;
// A client whose revision has no elicitation is asked by sampling where the question's kind does not matter.
const asking = (client) =>
  client.version < '2025-06-18'
    ? { tool: 'ask_sampling', read: text, wanted: (label) => `sample:${label}` }
    : { tool: 'ask_form', read: (got) => JSON.parse(text(got)), wanted: (label) => ({ action: 'accept', content: { name: `form:${label}` } }) };

async function heard(client, kind, answer, work) {
  const before = client.answers[kind];
  const seen = [];
  client.answers[kind] = (params) => (seen.push(params), answer ? answer(params) : before(params));
  try {
    return [await work(), seen];
  } finally {
    client.answers[kind] = before;
  }
}

export const input = [
  {
    name: 'elicitation form',
    na: form,
    async run({ client }) {
      for (const said of [{ action: 'accept', content: { name: 'Ada' } }, { action: 'decline' }, { action: 'cancel' }]) {
        const [got, asked] = await heard(client, 'elicit', () => said, () => client.call('ask_form', { label: `for ${said.action}` }));
        assert.deepEqual(JSON.parse(text(got)), said);
        assert.deepEqual([asked.length, asked[0].message, asked[0].requestedSchema.required], [1, `for ${said.action}`, ['name']]);
      }
    },
  },
  {
    name: 'elicitation url',
    na: (client) => client.version < '2025-11-25' && spec.url,
    async run({ client }) {
      for (const action of ['accept', 'decline']) {
        const [got, asked] = await heard(client, 'elicit', () => ({ action }), () => client.call('ask_url', { label: 'pay' }));
        assert.deepEqual(JSON.parse(text(got)), { action });
        assert.deepEqual([asked[0].mode, asked[0].url], ['url', 'https://example.com/pay?id=7']);
        // 2025-11-25 requires an id, its successor removed it.
        assert.equal(typeof asked[0].elicitationId, client.era === 'new' ? 'undefined' : 'string', 'elicitationId');
      }
    },
  },
  {
    name: 'sampling',
    async run({ client }) {
      const [got, asked] = await heard(client, 'sample', null, () => client.call('ask_sampling', { label: 'why?' }));
      assert.equal(text(got), 'sample:why?');
      assert.equal(asked[0].maxTokens, 10);
    },
  },
  {
    name: 'roots',
    async run({ client }) {
      assert.deepEqual(JSON.parse(text(await client.call('ask_roots'))), [{ uri: 'file:///work', name: 'work' }]);
    },
  },
  {
    name: 'parallel questions',
    async run({ client, connect }) {
      const { tool, read, wanted } = asking(client);
      const labels = ['one', 'two', 'three'];
      const inOne = await Promise.all(labels.map((label) => client.call(tool, { label })));
      assert.deepEqual(inOne.map(read), labels.map(wanted), 'in one connection');
      // Fresh connections count their ids alike, and so do the servers' questions to them.
      const fresh = await Promise.all(labels.map(() => connect()));
      const inThree = await Promise.all(fresh.map((one, i) => one.call(tool, { label: labels[i] })));
      assert.deepEqual(inThree.map(read), labels.map(wanted), 'in three connections');
    },
  },
  {
    name: 'several rounds',
    async run({ client }) {
      const by = client.version < '2025-06-18' ? 'sampling' : 'form';
      const [got, asked] = await heard(client, by === 'form' ? 'elicit' : 'sample', null, () => client.call('ask_rounds', { label: 'q', by }));
      const said = by === 'form' ? 'form' : 'sample';
      assert.deepEqual(JSON.parse(text(got)), ['1a', '2a', '2b', '3a'].map((one) => `${said}:q ${one}`));
      assert.equal(asked.length, 4);
    },
  },
];

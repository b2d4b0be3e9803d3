// What a server asks of the user in the middle of a call.
import { assert, said, text } from './check.mjs';
import { WireError } from '../clients/common.mjs';
import { spec } from './spec.mjs';

const form = (client) => client.version < '2025-06-18' && spec.elicitation;
// A client whose revision has no elicitation is asked by sampling where the question's kind does not matter.
const asking = (client) =>
  client.version < '2025-06-18'
    ? { tool: 'ask_sampling', read: text, wanted: (label) => `sample:${label}` }
    : { tool: 'ask_form', read: (got) => said(got), wanted: (label) => ({ action: 'accept', content: { name: `form:${label}` } }) };

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
      for (const reply of [{ action: 'accept', content: { name: 'Ada' } }, { action: 'decline' }, { action: 'cancel' }]) {
        const [got, asked] = await heard(client, 'elicit', () => reply, () => client.call('ask_form', { label: `for ${reply.action}` }));
        assert.deepEqual(said(got), reply);
        assert.deepEqual([asked.length, asked[0].message, asked[0].requestedSchema.required], [1, `for ${reply.action}`, ['name']]);
      }
    },
  },
  {
    name: 'elicitation url',
    na: (client) => client.version < '2025-11-25' && spec.url,
    async run({ client }) {
      for (const action of ['accept', 'decline']) {
        const [got, asked] = await heard(client, 'elicit', () => ({ action }), () => client.call('ask_url', { label: 'pay' }));
        assert.deepEqual(said(got), { action });
        assert.deepEqual([asked[0].mode, asked[0].url], ['url', 'https://example.com/pay?id=7']);
        // 2025-11-25 requires an id; its successor knows none and does not forbid one.
        if (client.era === 'old') assert.equal(typeof asked[0].elicitationId, 'string', 'elicitationId');
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
      assert.deepEqual(said(await client.call('ask_roots')), [{ uri: 'file:///work', name: 'work' }]);
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
      const kind = by === 'form' ? 'form' : 'sample';
      assert.deepEqual(said(got), ['1a', '2a', '2b', '3a'].map((one) => `${kind}:q ${one}`));
      assert.equal(asked.length, 4);
    },
  },
  {
    name: 'questions of prompts and resources',
    async run({ client }) {
      const prompt = await client.get('prompts/get', { name: 'ask' });
      assert.equal(prompt.messages?.[0].content.text, 'sample:for a prompt', JSON.stringify(prompt));
      const resource = await client.get('resources/read', { uri: 'test://ask' });
      assert.equal(resource.contents?.[0].text, 'sample:for a resource', JSON.stringify(resource));
    },
  },
  {
    // The user's refusal by an error ends the server's call, with the reason where its revision can say it.
    name: 'error as an answer',
    na: (client) => client.era === 'new' && spec.errorAnswer,
    async run({ client, server, direct }) {
      const no = () => {
        throw new WireError(-1, 'the user said no');
      };
      const [got] = await heard(client, 'sample', no, () => client.call('ask_sampling', { label: 'why?' }).catch((error) => ({ isError: true, thrown: error.message })));
      assert.equal(got.isError, true, JSON.stringify(got));
      if (direct || !server.eras.includes('new')) assert.match(JSON.stringify(got), /the user said no/);
    },
  },
  {
    // Nothing is asked of a client that did not declare it, and the call does not hang.
    name: 'undeclared capabilities',
    async run({ connect }) {
      const bare = await connect({ bare: true });
      for (const tool of ['ask_form', 'ask_sampling', 'ask_roots']) {
        const from = bare.seen?.length;
        const got = await bare.call(tool, { label: 'x' }).catch((error) => (error instanceof WireError ? { isError: true } : Promise.reject(error)));
        assert.equal(got.isError, true, `${tool}: ${JSON.stringify(got)}`);
        const asked = bare.seen?.slice(from).filter(({ from: who, message }) => who === 'server' && ((message.method && message.id !== undefined) || message.result?.inputRequests));
        assert.deepEqual(asked ?? [], [], `${tool}: the client was asked`);
      }
      assert.equal(text(await bare.call('echo', { text: 'still here' })), 'still here');
    },
  },
];

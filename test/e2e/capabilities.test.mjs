// What a client declared that it can be asked reaches servers of the new revision, and what they answer to it.
import assert from 'node:assert/strict';
import { accept, answerOf, between, meta, request } from './weir.mjs';

const kCapabilities = 'io.modelcontextprotocol/clientCapabilities';
// A tools/call of 2026-07-28 whose client declares `capabilities` (raw).
const call = (weir, capabilities, params = '"name":"echo","arguments":{}') =>
  request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${params},"_meta":{${meta.replace(/{}$/, capabilities)}}}}`);

// Only an answer whose length is announced may pass without being walked.
const sized = (respond, text) => respond.send(200, text, { 'Content-Length': Buffer.byteLength(text) });

export const tests = {
  async 'a capability that the client lacks: 400, all else unchanged'() {
    const error = '{"code":-32021,"message":"needs sampling","data":{"requiredCapabilities":{"sampling":{}},"x":1.0}}';
    for (const status of [200, 400])
      await between({ call: ({ id }, respond) => respond.send(status, `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${error}}`) }, async (weir, upstream) => {
        const reply = await call(weir, '{"roots":{},"elicitation":{"url":{}}}');
        assert.equal(reply.status, 400);
        assert.equal(reply.text, `{"jsonrpc":"2.0","id":1,"error":${error}}`);
        assert.deepEqual(upstream.calls()[0].parsed.params._meta[kCapabilities], { roots: {}, elicitation: { url: {} } });
      });
    // Another error of a server's keeps the status that it had, and an old client knows no such order.
    await between({ call: (_, respond) => respond.error(400, -32602, 'no') }, async (weir) => assert.equal((await call(weir, '{}')).status, 200));
    await between({ call: (_, respond) => respond.error(400, -32021, 'no') }, async (weir, upstream) => {
      const opened = await request('POST', weir.url, accept, '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{},"roots":{"listChanged":true}},"clientInfo":{"name":"e2e","version":"1"}}}');
      const session = { ...accept, 'Mcp-Session-Id': opened.headers['mcp-session-id'], 'MCP-Protocol-Version': '2025-11-25' };
      const reply = await request('POST', weir.url, session, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}');
      assert.equal(reply.status, 200);
      assert.deepEqual(upstream.calls()[0].parsed.params._meta[kCapabilities], { sampling: {}, roots: { listChanged: true } });
    });
  },

  async 'a large input_required result: its state is sealed, and comes back as the server gave it'() {
    const ask = `{"method":"elicitation/create","params":{"mode":"form","message":"${'x'.repeat(100000)}","requestedSchema":{"type":"object","properties":{}}}}`;
    const orders = [
      `"resultType":"input_required","requestState":"secret","inputRequests":{"a":${ask}}`,
      `"inputRequests":{"a":${ask}},"requestState":"secret","resultType":"input_required"`,
      `"requestState":"secret","inputRequests":{"a":${ask}},"resultType":"input_required"`,
      `"_meta":{"x":1},"inputRequests":{"a":${ask}},"requestState":"secret","resultType":"input_required"`,
    ];
    for (const result of orders)
      await between({ call: ({ id, params }, respond) => sized(respond, `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${params.inputResponses ? '{"resultType":"complete","content":[]}' : `{${result}}`}}`) }, async (weir, upstream) => {
        const asked = answerOf(await call(weir, '{"elicitation":{}}')).result;
        assert.equal(asked.inputRequests.a.params.message.length, 100000);
        assert.notEqual(asked.requestState, 'secret', result.slice(0, 40));
        const reply = await call(weir, '{"elicitation":{}}', `"name":"echo","arguments":{},"requestState":${JSON.stringify(asked.requestState)},"inputResponses":{"a":{"action":"accept","content":{}}}`);
        assert.equal(JSON.parse(reply.text).result.resultType, 'complete');
        assert.equal(upstream.calls()[1].parsed.params.requestState, 'secret');
      });
  },
};

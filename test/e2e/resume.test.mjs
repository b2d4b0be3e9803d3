// Answer streams of old servers that end before the response: taken up again by GET, or said to be lost.
import assert from 'node:assert/strict';
import { ask, between, messages, openSession, request, until } from './weir.mjs';

// Those that resume: a session's own stream is asked for without an event id, and not offered here.
const gets = (upstream) => upstream.seen.filter((one) => one.http === 'GET' && one.headers['last-event-id']);
const cancels = (upstream) => upstream.seen.filter((one) => one.method === 'notifications/cancelled');
const call = (weir, options) => ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo', more: '"progressToken":"p",', ...options });
const answer = (id, text = 'done') => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"${text}"}]}}`;
const progress = (token, n) => `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(token)},"progress":${n}}}`;

// An old upstream whose tools/call is answered by `post(response, parsed)` and whose nth GET by
// `get(response, call, nth)`, both writing raw events.
const polling = (post, get) => {
  let called;
  let nth = 0;
  const stream = (response) => (response.writeHead(200, { 'Content-Type': 'text/event-stream' }), response);
  return {
    era: 'old',
    before(parsed, send, request, response) {
      if (request.method === 'GET' && !request.headers['last-event-id']) return send(405, ''), true;
      if (request.method === 'GET') return get(stream, response, called, nth++), true;
      if (parsed.method !== 'tools/call') return false;
      called = { id: parsed.id, token: parsed.params?._meta?.progressToken, at: Date.now() };
      return post(stream(response), called), true;
    },
  };
};
const texts = (reply) => messages(reply).map((one) => JSON.parse(one)).map((one) => one.params?.progress ?? one.result?.content[0].text ?? one.error.data.reason);

export const tests = {
  async 'an ended stream goes on where it was, after the time that the server said'() {
    let ended;
    let came;
    await between(
      polling(
        (response, { token }) => {
          response.write(`id: a1\nretry: 300\ndata:\n\n`);
          // The last event is cut: it has not come.
          response.end(`id: a2\ndata: ${progress(token, 1)}\n\nid: a3\ndata: ${progress(token, 2)}\n`);
          ended = Date.now();
        },
        (stream, response, { id, token }, nth) => {
          came ??= Date.now();
          if (nth === 0) stream(response).end(`id: a2\ndata: ${progress(token, 1)}\n\nid: a3\ndata: ${progress(token, 2)}\n\n`);
          else stream(response).end(`id: a4\ndata: ${answer(id)}\n\n`);
        },
      ),
      async (weir, upstream) => {
        const reply = await call(weir);
        assert.deepEqual(texts(reply), [1, 2, 'done']);
        const asked = gets(upstream);
        assert.deepEqual(asked.map(({ headers }) => headers['last-event-id']), ['a2', 'a3']);
        for (const { headers } of asked) {
          assert.ok(upstream.sessions.has(headers['mcp-session-id']));
          assert.equal(headers['mcp-protocol-version'], '2025-11-25');
          assert.equal(headers.accept, 'text/event-stream');
        }
        assert.ok(came - ended >= 290, `${came - ended} ms`);
        assert.equal(upstream.calls().length, 1);
        assert.equal(cancels(upstream).length, 0);
      },
    );
  },

  async 'a large answer that was cut in the middle comes again whole'() {
    const text = 'y'.repeat(300_000);
    await between(
      polling(
        (response, { id }) => {
          response.write(`id: a1\nretry: 20\ndata:\n\n`);
          response.write(`id: a2\ndata: ${answer(id, text).slice(0, 200_000)}`, () => setTimeout(() => response.destroy(), 20));
        },
        (stream, response, { id }) => stream(response).end(`id: a2\ndata: ${answer(id, text)}\n\n`),
      ),
      async (weir, upstream) => {
        const session = await openSession(weir.url);
        const reply = await session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo"}}');
        assert.equal(JSON.parse(messages(reply).at(-1)).result.content[0].text, text);
        assert.deepEqual(gets(upstream).map(({ headers }) => headers['last-event-id']), ['a1']);
      },
    );
  },

  async 'a stream that was cut goes on, for clients of either era'() {
    await between(
      polling(
        (response, { token }) => {
          response.write(`id: 1\nretry: 20\ndata: ${progress(token, 1)}\n\n`);
          setTimeout(() => response.destroy(), 30);
        },
        (stream, response, { id }) => stream(response).end(`id: 2\ndata: ${answer(id)}\n\n`),
      ),
      async (weir, upstream) => {
        assert.deepEqual(texts(await call(weir)), [1, 'done']);
        const session = await openSession(weir.url);
        const reply = await session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","_meta":{"progressToken":1}}}');
        assert.equal(JSON.parse(messages(reply).at(-1)).result.content[0].text, 'done');
        assert.deepEqual(gets(upstream).map(({ headers }) => headers['last-event-id']), ['1', '1']);
      },
    );
  },

  async 'five connections that bring nothing end the call; progress starts the count anew'() {
    await between(
      polling(
        (response) => response.end('id: 0\nretry: 5\ndata:\n\n'),
        (stream, response, { id }, nth) => {
          if (nth === 3) stream(response).end('id: 1\ndata:\n\n');
          else if (nth % 2) response.writeHead(503).end();
          else stream(response).end();
        },
      ),
      async (weir, upstream) => {
        assert.deepEqual(texts(await call(weir)), ['outcome_unknown']);
        assert.deepEqual(gets(upstream).map(({ headers }) => headers['last-event-id']), ['0', '0', '0', '0', '1', '1', '1', '1', '1']);
        await until(() => cancels(upstream).length, 2000);
      },
    );
  },

  async 'what cannot be resumed is lost at once'() {
    for (const status of [400, 404, 405, 200, 202])
      await between(polling((response) => response.end('id: 0\nretry: 5\ndata:\n\n'), (_, response) => response.writeHead(status, { 'Content-Type': 'application/json' }).end('{}')), async (weir, upstream) => {
        assert.deepEqual(texts(await call(weir)), ['outcome_unknown'], String(status));
        assert.equal(gets(upstream).length, 1);
      });
    for (const body of ['', ': nothing\n\n', 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n', 'id: bad\u0001id\ndata:\n\n'])
      await between(polling((response) => response.end(body), () => assert.fail('no GET')), async (weir, upstream) => {
        const reply = await call(weir);
        assert.equal(texts(reply).at(-1), 'outcome_unknown');
        assert.match(reply.text, /ended without a response/);
        assert.equal(gets(upstream).length, 0);
      });
  },

  async 'the deadline counts while the stream rests'() {
    await between(polling((response) => response.end('id: 0\nretry: 60000\ndata:\n\n'), () => assert.fail('no GET')), async (weir, upstream) => {
      const begun = Date.now();
      assert.deepEqual(texts(await call(weir)), ['deadline_exceeded']);
      assert.ok(Date.now() - begun < 20000);
      await until(() => cancels(upstream).length, 2000);
      await new Promise((done) => setTimeout(done, 200));
      assert.equal(cancels(upstream).length, 1);
    }, { timeout: { request: '500ms' } });
  },

  async 'a client that leaves during the pause ends the call and the server is told once'() {
    await between(polling((response) => response.end('id: 0\nretry: 60000\ndata:\n\n'), () => assert.fail('no GET')), async (weir, upstream) => {
      const abort = new AbortController();
      const left = fetch(weir.url, { method: 'POST', signal: abort.signal, headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"e2e","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}' }).catch(() => {});
      await until(() => upstream.calls().length, 3000);
      await new Promise((done) => setTimeout(done, 100));
      assert.equal(cancels(upstream).length, 0);
      abort.abort();
      await left;
      await until(() => cancels(upstream).length, 3000);
      await new Promise((done) => setTimeout(done, 200));
      assert.equal(cancels(upstream).length, 1);
      assert.equal(cancels(upstream)[0].parsed.params.requestId, upstream.calls()[0].parsed.id);
    });
  },

  async 'a server of the new revision is not asked to resume'() {
    await between({ call: (_, respond) => (respond.events(), respond.raw.end('id: 0\nretry: 5\ndata:\n\n')) }, async (weir, upstream) => {
      assert.deepEqual(texts(await call(weir)), ['outcome_unknown']);
      assert.equal(gets(upstream).length, 0);
    });
  },

  async 'a server of the new revision says nothing yet: its old client has a stream that it can take up again'() {
    let held;
    await between({ call: (_, respond) => (held = respond) }, async (weir) => {
      const session = await openSession(weir.url);
      let head;
      let came = '';
      session.post('{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"echo","arguments":{}}}', (response) => {
        head = response;
        response.on('data', (part) => (came += part));
      }).catch(() => {});
      await until(() => /id: (\S+)\n/.test(came), 5000, 'the priming event');
      assert.match(head.headers['content-type'], /^text\/event-stream/);
      head.destroy();
      let again = '';
      const resumed = request('GET', weir.url, { ...session.headers, Accept: 'text/event-stream', 'Last-Event-ID': /id: (\S+)\n/.exec(came)[1] }, '', (response) => response.on('data', (part) => (again += part)));
      held.result('{"resultType":"complete","content":[{"type":"text","text":"late"}]}');
      await until(() => again.includes('"late"'), 5000, 'the result');
      assert.equal(JSON.parse(messages(await resumed).at(-1)).id, 'c');
    });
  },

  async 'a request answered by nothing: said so, and the next one is served'() {
    for (const [status, kind] of [[200, 'upstream_protocol'], [202, 'upstream_protocol'], [204, 'upstream_protocol']]) {
      let nth = 0;
      await between({ era: 'old', call: (_, respond) => (nth++ ? respond.result('{"content":[{"type":"text","text":"done"}]}') : respond.send(status, '')) }, async (weir) => {
        const reply = await call(weir);
        assert.deepEqual(texts(reply), [kind]);
        assert.match(reply.text, new RegExp(`answered a request with nothing \\(HTTP ${status}\\)`));
        assert.deepEqual(texts(await call(weir)), ['done']);
        assert.equal((await weir.servers())[0].in_flight ?? 0, 0);
      });
    }
  },

  async 'large answers that have ended are not all kept for whoever was cut off, the latest is'() {
    const text = 'x'.repeat(3 << 20);
    await between({ era: 'old', call: ({ params }, respond) => (respond.events(), respond.event(progress(params._meta.progressToken, 1)), respond.end(`{"content":[{"type":"text","text":"${text}"}]}`)) }, async (weir) => {
      const session = await openSession(weir.url);
      const ids = [];
      for (let i = 0; i < 3; ++i) {
        const reply = await session.post(`{"jsonrpc":"2.0","id":${i},"method":"tools/call","params":{"name":"echo","arguments":{},"_meta":{"progressToken":"p"}}}`);
        ids.push([...reply.text.matchAll(/^id: (\S+)$/gm)].at(-2)[1]);
      }
      const again = (id) => request('GET', weir.url, { ...session.headers, Accept: 'text/event-stream', 'Last-Event-ID': id });
      assert.ok((await again(ids[2])).text.includes(text));
      const [first, second] = [await again(ids[0]), await again(ids[1])];
      assert.ok(!first.text.includes('xxx') && !second.text.includes('xxx'), `${first.text.length} and ${second.text.length} bytes`);
    });
  },
};
